"""The program under a Wayland compositor without a screen: the icon registers, its menu works, windows are
ordinary windows that nobody places.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.sni_probe import TrayProbe

from .desk import Desk, TrayApp, wait_until

pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]

SOCKET = "wattlight-test"


@pytest.fixture
def wayland(tmp_path: Path) -> Iterator[Desk]:
    """A headless weston and a session bus."""
    missing = [name for name in ("weston", "dbus-daemon") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    desk = Desk(tmp_path)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    desk.env = desk.plain()
    desk.env |= {
        "XDG_RUNTIME_DIR": str(runtime),
        "WAYLAND_DISPLAY": SOCKET,
        "QT_QPA_PLATFORM": "wayland",
        "WAYLAND_DEBUG": "client",
    }
    screen = ["--width=1920", "--height=1200", "--idle-time=0"]
    desk.spawn(["weston", "--backend=headless-backend.so", f"--socket={SOCKET}", *screen])
    try:
        wait_until((runtime / SOCKET).exists)
        desk.open_bus()
        yield desk
    finally:
        desk.close()


def test_icon_menu_and_windows_under_wayland(wayland: Desk) -> None:
    async def go() -> None:
        async with TrayProbe(wayland.address) as probe:
            app = TrayApp(wayland, "evening", "--hidden")
            await probe.wait_item()
            await app.wait_call_async("running")
            texts = await probe.texts()
            assert texts[0] == "Models €0.20 today · 52 W now"
            assert (await probe.find("qwen3:8b")).checked is True
            await probe.click("gpt-oss:20b")
            await app.wait_call_async("switch", "gpt-oss:20b")
            await probe.activate()
            await app.wait_call_async("watch")
            await probe.click("Dashboard")
            app.tell("report")
            await app.wait_call_async("report")
            assert app.last("report")[1:3] == [True, "now"]
            app.tell("where")
            await app.wait_call_async("where")
            assert app.last("where")[3] == [1080, 680]
            app.tell("hide")
            await app.wait_call_async("apply_settings")
            assert app.last("apply_settings")[3] == "1080x680", "Wayland tells no place, only the size"
            await probe.click("Quit")
            await app.wait_call_async("quit")
            app.process.wait(20)
            assert app.process.returncode == 0
            spoken = app.errors()
            assert "xdg_wm_base" in spoken and "get_toplevel" in spoken, "ordinary windows"
            assert "get_popup" not in spoken
            assert "Traceback" not in spoken

    asyncio.run(go())
