"""The tray's view: icon by state, one-line entries, caps, and what a click asks for."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes import made_up_day
from fakes.metering import part
from wattlight.domain.command import Command, Verb
from wattlight.domain.slowness import Cause, RunsOn, Slowness
from wattlight.domain.state import HistoryPoint, InstalledModel, Notice, RunningModel, ServerStatus, TaskState
from wattlight.domain.values import Figure, HostId, Scope
from wattlight.i18n import activate
from wattlight.services.answers import FitNote
from wattlight.settings import Alias, ModelWish
from wattlight.viewmodels import models as models_page
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.running import running_views
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.small_window import SmallWindowViews, small_window_view
from wattlight.viewmodels.tray import IconState, MenuEntry, TrayViews, tray_view


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def changed(scene: Scene, **server: object) -> Scene:
    """The scene with another server."""
    host = scene.host
    host = replace(host, server=replace(host.server, **server))
    return replace(scene, state=replace(scene.state, hosts=(host,)))


def entry(scene: Scene, start: str) -> MenuEntry:
    """The line that begins with ``start``."""
    return next(e for e in tray_view(scene).menu if e.text.startswith(start))


@pytest.mark.parametrize(
    ("wish", "watts", "micro", "figure"),
    [
        ("", 52.3, 200_000, ""),
        ("watts", 52.3, 200_000, "52"),
        ("watts", 8.2, 0, "8"),
        ("watts", 1234.0, 0, "1.2k"),
        ("watts", 12_340.0, 0, "12k"),
        ("watts", None, 0, ""),
        ("cost", 52.3, 200_000, ".20"),
        ("cost", 52.3, 1_240_000, "1.2"),
        ("cost", 52.3, 23_600_000, "24"),
        ("cost", 52.3, None, ""),
        ("nonsense", 52.3, 200_000, ""),
    ],
)
def test_the_figure_in_the_icon_has_four_characters_at_most(
    wish: str, watts: float | None, micro: int | None, figure: str
) -> None:
    scene = made_up_day.evening()
    device = part("gpu", watts, scope=Scope.BOARD, reason="asleep")
    assert scene.host.sample is not None
    assert scene.host.today is not None
    today = replace(scene.host.today, models=replace(scene.host.today.models, cost_micro=micro))
    host = replace(scene.host, sample=replace(scene.host.sample, devices=(device,)), today=today)
    made = replace(
        scene,
        state=replace(scene.state, hosts=(host,)),
        settings=replace(scene.settings, icon_figure=wish),
    )
    assert tray_view(made).figure == figure
    assert len(figure) <= 4


def test_icon_follows_the_state() -> None:
    evening = made_up_day.evening()
    sample = evening.host.sample
    assert sample is not None
    at_work = replace(sample, devices=(replace(sample.devices[0], load=Figure(97.0)),))
    working = replace(evening, state=replace(evening.state, hosts=(replace(evening.host, sample=at_work),)))
    task = TaskState("switch", "x", evening.now)
    cases = {
        IconState.READY: evening,
        IconState.WORKING: working,
        IconState.OFF: changed(evening, running=()),
        IconState.LOADING: replace(evening, state=replace(evening.state, tasks=(task,))),
        IconState.PAUSED: replace(evening, state=replace(evening.state, paused=True)),
        IconState.ATTENTION: changed(evening, status=ServerStatus.SILENT),
    }
    for wanted, scene in cases.items():
        assert tray_view(scene).icon is wanted
    assert tray_view(made_up_day.no_server()).icon is IconState.OFF


def test_an_error_notice_wants_attention() -> None:
    scene = made_up_day.evening()
    bad = replace(scene.state, notices=(Notice("disk", "The disk is full.", scene.now, "error"),))
    assert tray_view(replace(scene, state=bad)).icon is IconState.ATTENTION


def test_a_part_that_is_down_wants_attention() -> None:
    scene = made_up_day.evening()
    assert (
        tray_view(replace(scene, state=replace(scene.state, down=("recorder",)))).icon is IconState.ATTENTION
    )


def test_equal_states_give_equal_views() -> None:
    assert tray_view(made_up_day.evening()) == tray_view(made_up_day.evening())


def test_nothing_known_shows_no_zero() -> None:
    view = tray_view(made_up_day.first_minute())
    assert view.menu[0].text == "Nothing measured yet"
    assert "0" not in view.tooltip


def test_many_models_are_behind_more() -> None:
    view = tray_view(made_up_day.crowd(5000))
    names = [e for e in view.menu if e.text.startswith("model-")]
    more = next(e for e in view.menu if e.children)
    assert len(names) == 15
    assert more.text == "More models"
    assert len(more.children) == 16
    assert more.children[-1].command == Command(Verb.OPEN_MODELS)


def test_cloud_models_are_not_local_ones() -> None:
    scene = made_up_day.evening()
    cloud = replace(
        scene.host.server.installed[1], name="gpt-oss:120b-cloud", remote_host="https://example.org"
    )
    view = tray_view(changed(scene, installed=(*scene.host.server.installed, cloud)))
    assert not any("cloud" in e.text for e in view.menu)


def test_heavy_switch_asks_and_light_one_does_not() -> None:
    scene = made_up_day.evening()
    light, heavy = entry(scene, "gpt-oss:20b").command, entry(scene, "llama3.3:70b").command
    assert light == Command(Verb.SWITCH, "gpt-oss:20b")
    assert heavy is not None
    assert heavy.question == ("Needs about 20 GiB of RAM too; 2–4 tokens/s. Switch to llama3.3:70b anyway?")
    assert heavy.confirm == "Switch anyway"


def test_kept_model_says_so_and_can_be_let_go() -> None:
    scene = changed(made_up_day.evening(), running=(replace(made_up_day.running(), expires_at=None),))
    assert entry(scene, "qwen3:8b").text == "qwen3:8b – on GPU, kept until unloaded"
    keep = entry(scene, "Keep loaded")
    assert (keep.checked, keep.command) == (True, Command(Verb.RELEASE, "qwen3:8b"))


def test_two_loaded_models_are_kept_one_by_one() -> None:
    second = RunningModel("gpt-oss:20b", "bb22", 100, 0, 8192, None)
    scene = changed(made_up_day.evening(), running=(made_up_day.running(), second))
    assert entry(scene, "gpt-oss:20b").text == "gpt-oss:20b – CPU only, kept until unloaded"
    assert [e.checked for e in entry(scene, "Keep loaded").children] == [False, True]


def test_work_under_way_tells_for_how_long_and_can_be_stopped() -> None:
    scene = made_up_day.busy()
    later = replace(scene, now=scene.now + timedelta(seconds=30))
    assert entry(scene, "Switching to").text == "Switching to gpt-oss:20b, 8 s – cancel"
    assert entry(later, "Switching to").text == "Switching to gpt-oss:20b, 38 s – cancel"
    assert entry(scene, "Installing").command == Command(Verb.PAUSE_PULL, "qwen3.6:27b")


def test_how_long_a_model_stays_is_chosen_in_the_menu() -> None:
    scene = made_up_day.evening()
    times = entry(scene, "Unload after").children
    assert [e.text for e in times if e.checked] == ["5 minutes"]
    chosen = scene.settings.with_wish(ModelWish("qwen3:8b", keep_alive="15m"))
    times = entry(replace(scene, settings=chosen), "Unload after").children
    assert [(e.text, e.command) for e in times if e.checked] == [
        ("15 minutes", Command(Verb.KEEP, "qwen3:8b", text="15m"))
    ]
    assert times[-1] == MenuEntry("Unload now", Command(Verb.UNLOAD, "qwen3:8b"))
    kept = changed(scene, running=(replace(made_up_day.running(), expires_at=None),))
    assert not any(e.checked for e in entry(kept, "Unload after").children)
    second = RunningModel("gpt-oss:20b", "bb22", 100, 0, 8192, None)
    both = entry(changed(scene, running=(made_up_day.running(), second)), "Unload after").children
    assert [e.text for e in both] == ["qwen3:8b", "gpt-oss:20b"]
    assert both[1].children[-1].command == Command(Verb.UNLOAD, "gpt-oss:20b")


def test_the_context_in_force_is_in_the_tooltip_and_the_one_asked_for() -> None:
    scene = made_up_day.evening()
    model = made_up_day.running()
    assert f"context {model.context_length:,} of 40,960" in tray_view(scene).tooltip
    wish = ModelWish(model.name, 32_768)
    scene = replace(scene, settings=scene.settings.with_wish(wish))
    asked = f"context {model.context_length:,} of 40,960, asked 32,768"
    assert asked in tray_view(scene).tooltip
    assert asked in running_views(scene)[0].facts


def test_the_name_that_follows_is_no_model_to_switch_to() -> None:
    scene = made_up_day.evening()
    copy = InstalledModel("current:latest", "aa", 1)
    scene = changed(scene, installed=(*scene.host.server.installed, copy))
    assert any("current" in e.text for e in tray_view(scene).menu)
    scene = replace(scene, settings=replace(scene.settings, alias=Alias(on=True)))
    assert not any("current" in e.text for e in tray_view(scene).menu)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (ServerStatus.ABSENT, "Ollama is not running"),
        (ServerStatus.FOREIGN, "Another program answers at Ollama's address"),
        (ServerStatus.SILENT, "Ollama does not answer"),
        (ServerStatus.ERROR, "Ollama cannot be used"),
        (ServerStatus.READY, "No model yet"),
        (ServerStatus.UNKNOWN, "Looking for Ollama…"),
    ],
)
def test_without_models_the_menu_says_why(status: ServerStatus, text: str) -> None:
    scene = changed(made_up_day.evening(), status=status, installed=(), running=())
    assert entry(scene, text)


def test_labels_are_one_short_line() -> None:
    for scene in (made_up_day.hostile(), made_up_day.busy()):
        for line in tray_view(scene).menu:
            assert len(line.text) <= 80
            assert "\n" not in line.text


def known_crowd(count: int) -> Scene:
    """Thousands of models whose fit is known."""
    scene = made_up_day.crowd(count)
    fits = tuple(FitNote(m.name.upper(), "full_gpu") for m in scene.host.server.installed)
    return replace(scene, extras=replace(scene.extras, fits=fits))


def test_thousands_of_models_do_not_hold_up_the_tray() -> None:
    scene = known_crowd(5000)
    began = time.process_time()
    view = tray_view(scene)
    seconds = time.process_time() - began
    assert [e.text for e in view.menu if e.text.startswith("model-0000")] == ["model-0000:7b – fits"]
    assert seconds < 0.3  # 30 s while each line looked through all of them


def test_thousands_of_models_do_not_hold_up_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, make = known_crowd(5000), models_page._made
    written: list[object] = []

    def made(scene: Scene, line: models_page.Line) -> models_page.ModelRow:
        written.append(line)
        return make(scene, line)

    monkeypatch.setattr(models_page, "_made", made)
    began = time.process_time()
    view = models_view(scene, Filters())
    assert view.rows[1].name == "model-0000:7b" and len(view.rows) == 5001
    assert time.process_time() - began < 0.15  # 30 s while each line looked through all of them
    assert len(written) == 1


def test_thousands_of_models_do_not_hold_up_the_small_window() -> None:
    scene = made_up_day.crowd(5000)
    offers = tuple(replace(made_up_day.offers()[0], model=f"offer-{i}:7b") for i in range(139))
    scene = replace(scene, extras=replace(scene.extras, offers=offers))
    began = time.process_time()
    view = small_window_view(scene)
    assert len(view.others) < 10 and "more" in view.more_text
    assert time.process_time() - began < 0.1  # 1 s while each was looked for among all offers


def test_a_fit_is_found_by_every_spelling_of_a_name() -> None:
    fits = (FitNote("Tiny", "full_gpu"), FitNote("tiny:latest", "no"), FitNote("b:1b", "cpu"))
    scene = made_up_day.evening()
    scene = replace(scene, extras=replace(scene.extras, fits=fits))
    found = [scene.fit_of(name) for name in ("tiny", "TINY:LATEST", "tiny:latest@x", "B:1B")]
    assert [fit and fit.verdict for fit in found] == ["full_gpu", "full_gpu", "full_gpu", "cpu"]
    assert scene.fit_of("c") is None


@pytest.mark.parametrize(
    ("count", "in_menu", "behind_more"), [(0, 0, 0), (15, 15, 0), (16, 15, 1), (30, 15, 15), (31, 15, 16)]
)
def test_the_line_all_models_is_there_from_one_too_many_on(
    count: int, in_menu: int, behind_more: int
) -> None:
    view = tray_view(made_up_day.crowd(count))
    assert sum(e.text.startswith("model-") for e in view.menu) == in_menu
    more = next((e.children for e in view.menu if e.children), ())
    assert len(more) == behind_more
    assert [e.text for e in more if not e.text.startswith("model-")] == ["All models…"] * (count > 30)


def test_a_slow_model_says_so_in_menu_and_tooltip() -> None:
    scene = made_up_day.evening()
    name = scene.host.server.running[0].name
    slow = (Slowness(name, RunsOn.GPU, True, Cause.HEAT, "RTX 4090"),)
    host = replace(scene.host, slow=slow)
    view = tray_view(replace(scene, state=replace(scene.state, hosts=(host,))))
    assert any(e.text.startswith(name) and e.text.endswith("why is it slow?") for e in view.menu)
    assert f"{name} is slow: RTX 4090 is too hot and lowers its clocks." in view.tooltip
    unsure = replace(host, slow=(replace(slow[0], sure=False),))
    view = tray_view(replace(scene, state=replace(scene.state, hosts=(unsure,))))
    assert not any("slow?" in e.text for e in view.menu)


def with_reading(scene: Scene, watts: float) -> Scene:
    """The scene as the next look at the computer leaves it."""
    sample = replace(made_up_day.sample(), devices=(part("gpu", watts, scope=Scope.BOARD),))
    host = replace(scene.host, sample=sample, today=None)
    return replace(scene, state=replace(scene.state, hosts=(host, *scene.state.hosts[1:])))


def test_a_reading_changes_the_headline_and_makes_no_other_entry_anew() -> None:
    views, scene = TrayViews(), made_up_day.evening()
    before, after = views.view(scene), views.view(with_reading(scene, 71.0))
    assert "71 W now" in after.menu[0].text and "71 W now" in after.tooltip
    assert after.menu[0] != before.menu[0]
    assert all(one is two for one, two in zip(before.menu[1:], after.menu[1:], strict=True))


@pytest.mark.parametrize(
    "make",
    [
        made_up_day.no_model,
        made_up_day.no_server,
        made_up_day.busy,
        made_up_day.hostile,
        made_up_day.learned,
        made_up_day.first_minute,
    ],
)
def test_views_one_after_another_are_those_made_afresh(make: Callable[[], Scene]) -> None:
    views, scene = TrayViews(), made_up_day.evening()
    other = replace(scene.host, id=HostId("attic"), name="Attic", today=made_up_day.cost(1.0, 2.0))
    later = replace(scene, now=scene.now + timedelta(hours=9))
    slow = (Slowness(scene.host.server.running[0].name, RunsOn.GPU, True, Cause.HEAT, "RTX 4090"),)
    small = SmallWindowViews()
    for shown in (
        scene,
        with_reading(scene, 71.0),
        make(),
        scene,
        later,
        replace(scene, state=replace(scene.state, paused=True)),
        replace(scene, state=replace(scene.state, hosts=(replace(scene.host, slow=slow),))),
        replace(scene, state=replace(scene.state, hosts=(scene.host, replace(other, today=None)))),
        replace(scene, state=replace(scene.state, hosts=(scene.host, other))),
        replace(scene, settings=replace(scene.settings, keep_alive="1h")),
        replace(scene, extras=replace(scene.extras, fits=())),
    ):
        assert views.view(shown) == tray_view(shown)
        assert small.view(shown) == small_window_view(shown)


def test_a_reading_changes_the_figures_of_the_small_window_and_makes_no_row_anew() -> None:
    views, scene = SmallWindowViews(), made_up_day.evening()
    before, after = views.view(scene), views.view(with_reading(scene, 71.0))
    assert after.power.value == "71" != before.power.value
    assert after.running is before.running and after.others is before.others


def test_seconds_of_work_under_way_go_on_in_the_menu() -> None:
    views, scene = TrayViews(), made_up_day.busy()
    later = replace(scene, now=scene.now + timedelta(seconds=7))
    assert views.view(scene).menu != views.view(later).menu


def drawing(watts: float, limit_w: float | None = 450.0, seconds: int = 20) -> Scene:
    """A model at work that draws so much for so long, after idling."""
    scene = made_up_day.evening()
    sample = scene.host.sample
    assert sample is not None
    card, cpu = sample.devices
    card = replace(card, load=Figure(98.0), limit_w=limit_w, power=replace(card.power, value=watts))
    points = tuple(
        HistoryPoint(scene.now - timedelta(seconds=back), ((card.id, watts if back <= seconds else 30.0),))
        for back in range(60, -1, -2)
    )
    host = replace(scene.host, sample=replace(sample, devices=(card, cpu)), history=points)
    return replace(scene, state=replace(scene.state, hosts=(host,)))


@pytest.mark.parametrize(
    ("watts", "filled"),
    [(60.0, 0.25), (112.0, 0.25), (160.0, 0.5), (330.0, 0.75), (440.0, 1.0), (600.0, 1.0)],
)
def test_the_flame_is_as_high_as_the_draw_in_quarters(watts: float, filled: float) -> None:
    view = tray_view(drawing(watts))
    assert (view.icon, view.flame) == (IconState.WORKING, filled)


def test_the_flame_is_calm() -> None:
    """A spike of two seconds does not move it; it follows what lasts."""
    assert tray_view(drawing(440.0, seconds=2)).flame == 0.25
    assert tray_view(drawing(440.0, seconds=20)).flame == 1.0


def test_a_flame_is_whole_where_the_draw_or_its_limit_is_not_known_or_nothing_works() -> None:
    assert tray_view(drawing(300.0, limit_w=None)).flame == 1.0
    idle = tray_view(made_up_day.evening())
    assert (idle.icon, idle.flame) == (IconState.READY, 1.0)
