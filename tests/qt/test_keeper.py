"""The icon survives a late, a restarted and a missing tray host, and a missing or dying bus."""

import asyncio

import pytest

from fakes.sni_probe import TrayProbe

from .desk import Desk, TrayApp, wait_until
from .test_tray import report

pytestmark = [pytest.mark.qt, pytest.mark.timeout(90)]


def test_fault_47_late_tray_host_gets_exactly_one_icon_and_a_restarted_one_again(desk: Desk) -> None:
    """Fault 47: the icon was made before any tray host; a host comes, goes, and comes again."""

    async def go() -> None:
        app = TrayApp(desk, "evening", "--hidden")
        await app.wait_call_async("running")
        for _round in range(3):
            async with TrayProbe(desk.address) as probe:
                await probe.wait_item()
                assert "Quit" in await probe.texts()
                assert await probe.no_further_item(1.0)
                assert len(probe.watcher.items) == 1
        assert app.process.poll() is None
        assert "Traceback" not in app.errors()

    asyncio.run(go())


def test_fault_47_restarted_host_keeps_the_icon_that_was_born_with_one(desk: Desk) -> None:
    """Fault 47: made with a host, the icon registers again by itself; nothing is made twice."""

    async def go() -> None:
        async with TrayProbe(desk.address) as probe:
            app = TrayApp(desk, "evening", "--hidden")
            await probe.wait_item()
            await app.wait_call_async("running")
        async with TrayProbe(desk.address) as probe:
            await probe.wait_item()
            await probe.click("gpt-oss:20b")
            await app.wait_call_async("switch", "gpt-oss:20b")
            assert await probe.no_further_item(1.0)
            assert len(probe.watcher.items) == 1

    asyncio.run(go())


def test_fault_47_tray_that_goes_leaves_the_window(desk: Desk) -> None:
    """Fault 47: with no tray left the window opens, so that the program can still be reached."""

    async def go() -> None:
        async with TrayProbe(desk.address) as probe:
            app = TrayApp(desk, "evening", "--hidden")
            await probe.wait_item()
            await app.wait_call_async("running")
            assert (await report(app))[0] is False
        await app.wait_call_async("watch")
        assert (await report(app))[0] is True

    asyncio.run(go())


def test_no_tray_opens_the_window_and_closing_says_once_that_metering_goes_on(desk: Desk) -> None:
    async def go() -> None:
        app = TrayApp(desk, "evening")
        await app.wait_call_async("running")
        assert await report(app) == [True, False, False]
        app.tell("close")
        await app.wait_call_async("apply_settings", True)
        assert await report(app) == [True, False, True]
        app.tell("close")
        await app.wait_call_async("look_away")
        assert (await report(app))[0] is False
        assert not [c for c in app.calls() if c[0] == "quit"]
        assert app.process.poll() is None

    asyncio.run(go())


def test_fault_48_no_bus_at_all(bare_desk: Desk) -> None:
    """Fault 48: there is no session bus; the window works and SIGTERM ends it cleanly."""
    app = TrayApp(bare_desk, "evening")
    app.wait_call("running")
    app.wait_call("watch")
    app.process.terminate()
    assert app.process.wait(10) == 0
    assert ["quit"] in app.calls()
    assert "Traceback" not in app.errors()


def test_fault_48_bus_dies_mid_run(desk: Desk) -> None:
    """Fault 48: the bus is killed under a running program; it lives on and can still be shown."""

    async def before() -> TrayApp:
        async with TrayProbe(desk.address) as probe:
            app = TrayApp(desk, "evening", "--hidden")
            await probe.wait_item()
            await app.wait_call_async("running")
            return app

    app = asyncio.run(before())
    desk.bus.kill()
    desk.bus.wait(5)
    second = TrayApp(desk, "evening")
    assert second.process.wait(15) == 0
    app.wait_call("watch")
    app.tell("scene", "busy")
    app.tell("report")
    wait_until(lambda: any(c[:2] == ["report", True] for c in app.calls()))
    assert app.process.poll() is None
    assert "Traceback" not in app.errors()
