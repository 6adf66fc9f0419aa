"""A tray host without pixels: owns StatusNotifierWatcher, reads an icon's properties and menu, and clicks.

``async with TrayProbe(address) as probe``, then start the program under test. Leaving and entering again is
what a panel does that crashes and starts anew.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property, method, signal

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPS = "org.freedesktop.DBus.Properties"


class _Watcher(ServiceInterface):
    def __init__(self, on_item: Callable[[str], None]) -> None:
        super().__init__(WATCHER)
        self.items: list[str] = []
        self.on_item = on_item

    @method()
    async def RegisterStatusNotifierItem(self, service: "s"):  # noqa: F821
        self.items.append(service)
        self.StatusNotifierItemRegistered(service)
        self.on_item(service)

    @method()
    def RegisterStatusNotifierHost(self, service: "s"):  # noqa: F821
        pass

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> "as":  # noqa: F722
        return self.items

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> "b":  # noqa: F821
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> "i":  # noqa: F821
        return 0

    @signal()
    def StatusNotifierItemRegistered(self, service) -> "s":  # noqa: F821
        return service

    @signal()
    def StatusNotifierHostRegistered(self):
        pass


@dataclass
class Entry:
    """One menu line as a real host shows it: single underscores are eaten."""

    id: int
    text: str
    enabled: bool
    separator: bool
    checked: bool | None
    children: list["Entry"] = field(default_factory=list)

    def walk(self) -> Iterator["Entry"]:
        """This line and all below."""
        yield self
        for child in self.children:
            yield from child.walk()


class TrayProbe:
    """The tray host."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.service = ""

    async def __aenter__(self) -> "TrayProbe":
        self.bus = await MessageBus(bus_address=self._address).connect()
        self._got: asyncio.Queue[str] = asyncio.Queue()
        self.watcher = _Watcher(self._got.put_nowait)
        self.bus.export("/StatusNotifierWatcher", self.watcher)
        await self.bus.request_name(WATCHER)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.bus.disconnect()
        await self.bus.wait_for_disconnect()

    async def _call(
        self, path: str, interface: str, member: str, signature: str = "", body: tuple[Any, ...] = ()
    ):
        message = Message(
            destination=self.service,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await asyncio.wait_for(self.bus.call(message), 10)
        if reply is None or reply.message_type is MessageType.ERROR:
            raise RuntimeError(f"{member}: {reply.error_name if reply else 'no answer'}")
        return reply.body

    async def wait_item(self, timeout: float = 20.0) -> str:
        """The next icon that registers."""
        self.service = await asyncio.wait_for(self._got.get(), timeout)
        return self.service

    async def no_further_item(self, seconds: float) -> bool:
        """Whether nothing more registers for a while."""
        try:
            await asyncio.wait_for(self._got.get(), seconds)
        except TimeoutError:
            return True
        return False

    async def properties(self) -> dict[str, Any]:
        """Status, icon sizes, tooltip and the like."""
        (raw,) = await self._call("/StatusNotifierItem", PROPS, "GetAll", "s", (ITEM,))
        found = {key: value.value for key, value in raw.items()}
        found["IconBytes"] = b"".join(data for _, _, data in found.get("IconPixmap", []))
        found["IconPixmap"] = [(w, h) for w, h, data in found.get("IconPixmap", []) if len(data) == w * h * 4]
        if found.get("ToolTip"):
            found["ToolTip"] = {"title": found["ToolTip"][2], "text": found["ToolTip"][3]}
        return found

    async def menu(self) -> Entry:
        """The whole menu, after telling the program that it opens."""
        self.menu_path = (await self.properties())["Menu"]
        await self._call(self.menu_path, MENU, "AboutToShow", "i", (0,))
        _revision, root = await self._call(self.menu_path, MENU, "GetLayout", "iias", (0, -1, []))
        return self._entry(root)

    async def close_menu(self) -> None:
        """What a host tells when its menu closes."""
        await self._call(self.menu_path, MENU, "Event", "isvu", (0, "closed", Variant("s", ""), 0))

    async def texts(self) -> list[str]:
        """All labels, in order; the menu is closed again."""
        found = [entry.text for entry in (await self.menu()).walk() if entry.text]
        await self.close_menu()
        return found

    async def find(self, text: str) -> Entry:
        """The line that shows ``text`` or begins with it."""
        entries = list((await self.menu()).walk())
        for matches in (lambda e: e.text == text, lambda e: e.text.startswith(text)):
            for entry in entries:
                if matches(entry):
                    return entry
        raise LookupError(f"no menu line {text!r} in {[e.text for e in entries]}")

    async def click(self, text: str) -> None:
        """Click a line."""
        entry = await self.find(text)
        if not entry.enabled:
            raise RuntimeError(f"{text!r} is greyed out")
        now = int(time.time()) & 0xFFFFFFFF
        await self._call(self.menu_path, MENU, "Event", "isvu", (entry.id, "clicked", Variant("s", ""), now))
        with contextlib.suppress(RuntimeError):  # Quit takes the menu away
            await self.close_menu()

    async def activate(self) -> None:
        """A left click on the icon."""
        await self._call("/StatusNotifierItem", ITEM, "Activate", "ii", (0, 0))

    def _entry(self, node: Any) -> Entry:
        ident, props, children = node

        def value(key: str, default: Any) -> Any:
            return props[key].value if key in props else default

        label = value("label", "").replace("__", "\0").replace("_", "").replace("\0", "_")
        return Entry(
            ident,
            label,
            value("enabled", True),
            value("type", "") == "separator",
            bool(value("toggle-state", 0)) if value("toggle-type", "") else None,
            [self._entry(child.value) for child in children],
        )
