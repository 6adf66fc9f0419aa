"""The tray as a tray host sees it: one icon, the menu, clicks that arrive, names shown as they are."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes import made_up_day
from fakes.sni_probe import TrayProbe
from wattlight.domain.values import clean_text

from .desk import Desk, TrayApp

pytestmark = [pytest.mark.qt, pytest.mark.timeout(90)]

Check = Callable[[TrayProbe, TrayApp], Awaitable[None]]


def with_app(desk: Desk, check: Check, scene: str = "evening", *arguments: str) -> TrayApp:
    """Run ``check`` against the program with a tray host that was there before it."""

    async def go() -> TrayApp:
        async with TrayProbe(desk.address) as probe:
            app = TrayApp(desk, scene, *(arguments or ("--hidden",)))
            await probe.wait_item()
            await app.wait_call_async("running")
            await check(probe, app)
            return app

    return asyncio.run(go())


async def report(app: TrayApp) -> list[object]:
    """(small window seen, page of the dashboard or False, question seen)."""
    before = len([c for c in app.calls() if c[0] == "report"])
    app.tell("report")
    while len(found := [c for c in app.calls() if c[0] == "report"]) == before:
        await asyncio.sleep(0.02)
    return found[-1][1:]


def test_one_icon_with_its_menu(desk: Desk) -> None:
    async def check(probe: TrayProbe, _app: TrayApp) -> None:
        texts = await probe.texts()
        assert texts[:2] == ["Models €0.20 today · 52 W now", "qwen3:8b – on GPU until 11:05 PM"]
        assert texts[2:5] == ["gpt-oss:20b – fits", "qwen3.5:9b – fits", "llama3.3:70b – partly on CPU, slow"]
        for text in (
            "Unload (free the GPU)",
            "Get models…",
            "Dashboard",
            "Settings…",
            "Pause metering",
            "Quit",
        ):
            assert text in texts
        assert (await probe.find("qwen3:8b")).checked is True
        properties = await probe.properties()
        assert properties["Status"] == "Active"
        assert (22, 22) in properties["IconPixmap"]
        assert await probe.no_further_item(0.5)
        assert len(probe.watcher.items) == 1

    with_app(desk, check)


def test_a_click_switches_and_quit_leaves_nothing(desk: Desk) -> None:
    async def check(probe: TrayProbe, app: TrayApp) -> None:
        await probe.click("gpt-oss:20b")
        await app.wait_call_async("switch", "gpt-oss:20b")
        await probe.click("Unload (free the GPU)")
        await app.wait_call_async("unload")
        await probe.click("Keep loaded")
        await app.wait_call_async("keep", "qwen3:8b")
        await probe.click("Pause metering")
        await app.wait_call_async("apply_settings")
        await probe.click("Quit")
        await app.wait_call_async("quit")

    app = with_app(desk, check)
    assert app.process.wait(10) == 0
    assert "Traceback" not in app.errors()
    assert "QThread" not in app.errors()


def test_a_heavy_click_asks_in_the_window_first(desk: Desk) -> None:
    async def check(probe: TrayProbe, app: TrayApp) -> None:
        await probe.click("llama3.3:70b")
        assert await report(app) == [True, False, True]
        assert not [c for c in app.calls() if c[0] == "switch"]

    with_app(desk, check)


def test_left_click_opens_the_small_window_and_the_menu_the_pages(desk: Desk) -> None:
    async def check(probe: TrayProbe, app: TrayApp) -> None:
        assert await report(app) == [False, False, False]
        await probe.activate()
        await app.wait_call_async("watch")
        assert (await report(app))[0] is True
        await probe.click("Models €0.20 today")
        assert (await report(app))[1] == "cost"
        await probe.click("Get models…")
        assert (await report(app))[1] == "models"
        await app.wait_call_async("advise")

    with_app(desk, check)


def test_the_icon_tells_its_state_by_shape(desk: Desk) -> None:
    async def check(probe: TrayProbe, app: TrayApp) -> None:
        seen = {bytes((await probe.properties())["IconBytes"])}
        for scene in ("busy", "no_server", "first_minute"):
            app.tell("scene", scene)
            await app_shows(probe, scene)
            seen.add(bytes((await probe.properties())["IconBytes"]))
        assert len(seen) == 3  # ready, attention, and off twice

    async def app_shows(probe: TrayProbe, scene: str) -> None:
        wanted = {
            "busy": "Switching to gpt-oss:20b, 8 s – cancel",
            "no_server": "Ollama is not running",
            "first_minute": "Looking for Ollama…",
        }[scene]
        for _ in range(200):
            if wanted in await probe.texts():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{wanted!r} never came")

    with_app(desk, check)


def test_fault_15_names_are_shown_as_they_are_in_the_menu(desk: Desk) -> None:
    """Fault 15: markup, ampersands, underscores, line ends, direction marks and 10 kB in a model's name."""

    async def check(probe: TrayProbe, app: TrayApp) -> None:
        texts = await probe.texts()
        running = clean_text(made_up_day.HOSTILE_NAMES[1], 40)
        assert any(text.startswith(running) for text in texts)
        for name in made_up_day.HOSTILE_NAMES:
            shown = clean_text(name, 40)
            assert any(text.startswith(shown) for text in texts), shown
        assert any("q4_K_M_under__score:8b" in text for text in texts)
        assert any("tom & jerry&co:1b" in text for text in texts)
        assert all(len(text) <= 81 and "\n" not in text and "\u202e" not in text for text in texts)
        tip = (await probe.properties())["ToolTip"]
        assert "<" not in tip["title"] + tip["text"]
        await probe.click("q4_K_M_under__score:8b")
        assert "Traceback" not in app.errors()

    with_app(desk, check, "hostile")


def test_event_loop_is_never_late_under_a_storm_of_states(desk: Desk) -> None:
    async def check(probe: TrayProbe, app: TrayApp) -> None:
        await probe.activate()
        await app.wait_call_async("watch")
        await probe.click("Dashboard")
        assert (await report(app))[1] == "now"
        app.tell("storm", "1")  # the first one warms what is imported late
        await app.wait_call_async("lag")
        app.tell("storm", "3")
        for _ in range(500):
            if len([c for c in app.calls() if c[0] == "lag"]) == 2:
                break
            await asyncio.sleep(0.02)
        assert app.last("lag")[1] < 0.1

    with_app(desk, check)
