"""A screen reader without a voice: reads what the programs of a session bus tell through AT-SPI, and acts."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ACCESSIBLE = "org.a11y.atspi.Accessible"
REGISTRY = "org.a11y.atspi.Registry"
ROOT = "/org/a11y/atspi/accessible/root"
PROPS = "org.freedesktop.DBus.Properties"
ENABLED, FOCUSABLE, SHOWING, CHECKED = 8, 11, 25, 4
"""Bits of the state, by AT-SPI's own numbers."""


@dataclass
class Node:
    """One thing on the screen, as a screen reader knows it."""

    bus: str
    path: str
    role: str
    name: str
    description: str
    interfaces: tuple[str, ...]
    state: int
    children: list["Node"] = field(default_factory=list)

    def has(self, bit: int) -> bool:
        return bool(self.state >> bit & 1)

    def can(self, interface: str) -> bool:
        return f"org.a11y.atspi.{interface}" in self.interfaces

    def all(self) -> Iterator["Node"]:
        """It and everything in it."""
        yield self
        for child in self.children:
            yield from child.all()

    def find(self, role: str, name: str) -> "Node":
        """The one that shows with this role and name."""
        for node in self.all():
            if node.role == role and node.name == name and node.has(SHOWING):
                return node
        told = sorted({(n.role, n.name) for n in self.all() if n.has(SHOWING) and n.name})
        raise LookupError(f"no {role} {name!r}; there are {told}")


class Reader:
    """Connected to the bus of accessibility."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    async def call(self, to: str, path: str, interface: str, member: str, form: str = "", *body: Any) -> Any:
        message = Message(to, path, interface, member, signature=form, body=list(body))
        answer = await asyncio.wait_for(self._bus.call(message), 10)
        if answer is None or answer.message_type is MessageType.ERROR:
            raise LookupError(f"{member}: {answer.body if answer else None}")
        return answer.body[0] if answer.body else None

    async def apps(self) -> list[tuple[str, str]]:
        return [tuple(app) for app in await self.call(REGISTRY, ROOT, ACCESSIBLE, "GetChildren")]

    async def read(self, bus: str, path: str, deep: int = 24) -> Node:
        """A node with all that is below it."""
        name = (await self.call(bus, path, PROPS, "Get", "ss", ACCESSIBLE, "Name")).value
        about = (await self.call(bus, path, PROPS, "Get", "ss", ACCESSIBLE, "Description")).value
        role = await self.call(bus, path, ACCESSIBLE, "GetRoleName")
        faces = await self.call(bus, path, ACCESSIBLE, "GetInterfaces")
        low, high = await self.call(bus, path, ACCESSIBLE, "GetState")
        node = Node(bus, path, role, name, about, tuple(faces), low | high << 32)
        if deep:
            for child_bus, child in await self.call(bus, path, ACCESSIBLE, "GetChildren"):
                try:
                    node.children.append(await self.read(child_bus, child, deep - 1))
                except LookupError:
                    continue  # gone meanwhile
        return node

    async def press(self, node: Node) -> None:
        """The first action: a click."""
        await self.call(node.bus, node.path, "org.a11y.atspi.Action", "DoAction", "i", 0)

    async def select(self, node: Node, child: int) -> None:
        await self.call(node.bus, node.path, "org.a11y.atspi.Selection", "SelectChild", "i", child)

    async def value(self, node: Node) -> float:
        told = await self.call(
            node.bus, node.path, PROPS, "Get", "ss", "org.a11y.atspi.Value", "CurrentValue"
        )
        return float(told.value)

    async def set_value(self, node: Node, value: float) -> None:
        body = ("org.a11y.atspi.Value", "CurrentValue", Variant("d", value))
        await self.call(node.bus, node.path, PROPS, "Set", "ssv", *body)


@asynccontextmanager
async def reading(address: str) -> AsyncIterator[Reader]:
    """A reader at the session bus ``address``; its launcher starts the bus of accessibility."""
    session = await MessageBus(bus_address=address).connect()
    try:
        asked = Message("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
        answer = await asyncio.wait_for(session.call(asked), 15)
        if answer is None or answer.message_type is MessageType.ERROR:
            raise LookupError("no bus of accessibility")
        bus = await MessageBus(bus_address=answer.body[0]).connect()
        try:
            yield Reader(bus)
        finally:
            bus.disconnect()
    finally:
        session.disconnect()


async def until(look: Any, seconds: float = 20.0) -> Any:
    """The first answer of ``look`` that is one; LookupError counts as none yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := await look():
                return found
        except LookupError:
            if time.monotonic() > end:
                raise
        if time.monotonic() > end:
            raise TimeoutError("it did not come")
        await asyncio.sleep(0.1)
