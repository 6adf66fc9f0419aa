"""The whole program through AT-SPI, as a screen reader has it: roles, names, values, and every page "
"by action."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.atspi import ENABLED, FOCUSABLE, SHOWING, Node, Reader, reading, until
from wattlight.ui.dashboard import PAGES

from .desk import Desk, TrayApp

LAUNCHER = Path("/usr/share/dbus-1/services/org.a11y.Bus.service")
needs_bus = pytest.mark.skipif(not LAUNCHER.exists(), reason="at-spi2-core is not installed")
pytestmark = [pytest.mark.qt, pytest.mark.timeout(180)]

OPERABLE = {
    "button",
    "push button",
    "check box",
    "combo box",
    "text",
    "slider",
    "table",
    "toggle button",
    "link",
}
PRESSED = {"push button", "check box", "toggle button"}
TITLES = {page: page.capitalize() for page in ("now", "models", "cost", "machine", "connect", "settings")}


@pytest.fixture
def told_desk(desk: Desk) -> Iterator[Desk]:
    """A desk whose programs tell screen readers."""
    desk.env |= {"QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
    yield desk


async def whole(reader: Reader) -> Node:
    """The program under test."""
    for bus, path in await reader.apps():
        node = await reader.read(bus, path)
        if any(n.role in {"frame", "window"} and n.has(SHOWING) for n in node.children):
            return node
    raise LookupError("no program tells anything yet")


async def click(reader: Reader, name: str) -> None:
    """Press the button of this name, as soon as it is there."""

    async def pressed() -> bool:
        told = (await whole(reader)).all()
        found = next((n for n in told if n.name == name and n.role in PRESSED and n.has(SHOWING)), None)
        if found is None:
            raise LookupError(f"no button {name!r}")
        await reader.press(found)
        return True

    await until(pressed)


def nameless(node: Node) -> list[tuple[str, str]]:
    """What can be operated but has no name."""
    return [
        (n.role, n.path)
        for n in node.all()
        if n.role in OPERABLE and n.has(SHOWING) and n.has(ENABLED) and n.has(FOCUSABLE) and not n.name
    ]


@needs_bus
def test_every_page_can_be_read_and_opened(told_desk: Desk) -> None:
    asyncio.run(_every_page(told_desk))


async def _every_page(desk: Desk) -> None:
    async with reading(desk.address) as reader:
        app = TrayApp(desk)
        await app.wait_call_async("running")
        small = await until(lambda: whole(reader))
        assert nameless(small) == []
        await click(reader, "Dashboard")
        for page in PAGES:
            await click(reader, TITLES[page])
            shown = await whole(reader)
            assert nameless(shown) == [], page
            charts = [n for n in shown.all() if n.role == "chart" and n.has(SHOWING)]
            if page in {"now", "cost"}:
                assert charts and all(n.name and n.description for n in charts), page
        await _slider(reader)
        await click(reader, "Unload qwen3:8b")
        await app.wait_call_async("unload", "qwen3:8b")


async def _slider(reader: Reader) -> None:
    """The length of the context is a value that can be read and set."""
    await click(reader, "Models")

    async def models() -> Node:
        node = await whole(reader)
        table = node.find("table", "Models")
        cell = next(i for i, n in enumerate(table.children) if n.name == "gpt-oss:20b")
        await reader.select(table, cell)
        return (await whole(reader)).find("slider", "Context length in tokens")

    slider = await until(models)
    before = await reader.value(slider)
    await reader.set_value(slider, before + 1)
    assert await reader.value(slider) == before + 1
    again = await reader.read(slider.bus, slider.path, 0)
    assert "GPU" in again.description or "fit" in again.description
