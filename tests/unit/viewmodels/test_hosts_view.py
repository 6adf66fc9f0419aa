"""Other computers in the menu and on the pages: their own models and figures, and commands that go there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.placement import best_place
from wattlight.domain.servers import (
    InstalledModel,
    RunningModel,
    ServerKind,
    ServerState,
    ServerStatus,
    name_digest,
)
from wattlight.domain.state import FarMeter, HostState, TaskState
from wattlight.domain.values import Device, HostId, MachineProfile
from wattlight.settings import ServerAddress
from wattlight.viewmodels.hosts import host_views, hosts_card_view, understood_host
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import MenuEntry, tray_view

GIB = 1 << 30
TOWER, BENCH, CELLAR = HostId("tower"), HostId("bench"), HostId("cellar")


def tower(share: float = 1.0) -> HostState:
    size = 8 * GIB
    models = (InstalledModel("qwen3:8b", "d1", 5_200_000_000), InstalledModel("<b>far</b>:1b", "d2", 10**9))
    loaded = (RunningModel("qwen3:8b", "d1", size, int(size * share), 8192),)
    server = ServerState("http://tower:11434", ServerStatus.READY, "0.24.0", models, loaded)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return HostState(
        TOWER, "Tower", server, meter=FarMeter(212.4, "", at), warnings=("Ollama answers without a key.",)
    )


def bench() -> HostState:
    models = (InstalledModel("tiny", name_digest("tiny"), 10**9),)
    server = ServerState(
        "http://bench:8080", ServerStatus.READY, "b10488", models, (), kind=ServerKind.LLAMA_CPP
    )
    return HostState(BENCH, "Bench", server)


def cellar() -> HostState:
    server = ServerState("http://cellar:11434", ServerStatus.SILENT, message="It does not answer.")
    return HostState(CELLAR, "Cellar", server)


def scene(*hosts: HostState) -> Scene:
    day = made_up_day.evening()
    return replace(day, state=replace(day.state, hosts=(*day.state.hosts, *hosts)))


def entry(made: Scene, name: str) -> MenuEntry:
    return next(item for item in tray_view(made).menu if item.text.startswith(name))


def test_each_computer_is_one_line_of_the_menu_with_its_figures_and_its_models() -> None:
    made = scene(tower(), bench(), cellar())
    first = entry(made, "Tower")
    assert first.text == "Tower – qwen3:8b · 8.0 GiB in memory · 212 W now"
    loaded, other, line, unload = first.children
    assert (loaded.text, loaded.checked) == ("qwen3:8b", True)
    assert other.command == Command(Verb.SWITCH, "<b>far</b>:1b", host=TOWER)
    assert line.separator
    assert unload.command == Command(Verb.UNLOAD, host=TOWER)
    (only,) = entry(made, "Bench").children
    assert only.command is not None
    assert only.command.verb is Verb.OPEN_MODELS, "llama.cpp's server cannot be told to load another"
    assert entry(made, "Cellar").text == "Cellar – Ollama does not answer"
    assert tray_view(scene()).icon == tray_view(made).icon, "a dead computer elsewhere is no alarm here"
    assert tray_view(scene()).tooltip == tray_view(made).tooltip


def test_the_page_now_tells_each_computer_and_what_to_know_of_it() -> None:
    first, second, third = now_view(scene(tower(), bench(), cellar())).hosts
    assert (first.name, first.pill.text, first.loaded) == ("Tower", "Ollama 0.24.0", "qwen3:8b")
    assert first.figures == "8.0 GiB in memory · 212 W now"
    assert first.remark == "Ollama answers without a key."
    assert [a.command.verb for a in first.actions] == [Verb.UNLOAD, Verb.OPEN_MODELS]
    assert (second.loaded, second.figures) == ("No model is loaded.", "")
    assert second.remark == "What it draws is not known: no meter is set for it (wattlight hosts meter)."
    beside = replace(bench(), server=replace(bench().server, url="http://127.0.0.1:8080"))
    assert "counted with it" in now_view(scene(beside)).hosts[0].remark
    assert (third.pill.text, third.remark, third.actions) == (
        "Ollama does not answer",
        "It does not answer.",
        (),
    )
    assert host_views(scene()) == ()


def test_models_of_other_computers_stand_in_the_list_and_are_acted_on_there() -> None:
    made = scene(tower(), bench(), cellar())
    view = models_view(made, Filters(), f"{TOWER}\nqwen3:8b")
    names = [row.name for row in view.rows if row.section]
    assert names[-2:] == ["On Tower", "On Bench"]
    assert view.judge is None
    detail = view.detail
    assert detail is not None and detail.main is not None
    assert detail.main.command == Command(Verb.UNLOAD, "qwen3:8b", host=TOWER)
    assert "On Tower, at http://tower:11434. Loaded now." in detail.why
    row = next(row for row in view.rows if row.key == view.selected)
    assert (row.running, row.cost, row.speed) == (True, "–", "–")
    other = models_view(made, Filters(), f"{TOWER}\n<b>far</b>:1b").detail
    assert other is not None and other.main is not None
    assert other.main.command == Command(Verb.SWITCH, "<b>far</b>:1b", host=TOWER)
    (beside,) = other.others
    assert beside.command == Command(Verb.LOAD, "<b>far</b>:1b", host=TOWER)
    single = models_view(made, Filters(), f"{BENCH}\ntiny").detail
    assert single is not None and single.main is not None and not single.main.enabled
    assert "cannot load another" in single.main.why_not


def test_work_elsewhere_is_named_with_its_computer_and_cancelled_there() -> None:
    made = scene(tower())
    task = TaskState("switch", "<b>far</b>:1b", made.now, host=TOWER)
    made = replace(made, state=replace(made.state, tasks=(task,)))
    busy = now_view(made).busy[-1]
    assert busy.text.startswith("Switching to <b>far</b>:1b on Tower")
    assert busy.cancel == Command(Verb.CANCEL_TASK, "<b>far</b>:1b", host=TOWER)
    detail = models_view(made, Filters(), f"{TOWER}\n<b>far</b>:1b").detail
    assert detail is not None and detail.busy == busy and detail.main is None


def machine(card: str, gib: int, speed: float) -> MachineProfile:
    device = Device("0", card, "cuda", gib * GIB, bandwidth_gbs=speed)
    return MachineProfile("m", "Linux", 32 * GIB, 16 * GIB, devices=(device,))


def here(share: float | None, profile: MachineProfile | None = None) -> HostState:
    loaded = () if share is None else (RunningModel("qwen3:8b", "d1", 8 * GIB, int(8 * GIB * share)),)
    models = (InstalledModel("qwen3:8b", "d1", 5_200_000_000),)
    server = ServerState("http://x", ServerStatus.READY, "0.24.0", models, loaded)
    return HostState(HostId("local"), "This computer", server, profile)


def test_where_a_model_runs_best_is_told_with_how_sure_that_is() -> None:
    seen = best_place((here(0.5), tower()), "qwen3:8b")
    assert seen is not None
    assert (seen.host, seen.sure) == (TOWER, True)
    assert "100" in seen.text and "as its server says" in seen.text
    idle = replace(tower().server, running=())
    other = replace(tower(), server=idle, profile=machine("RTX 4090", 24, 1008))
    guessed = best_place((here(None, machine("GTX 1650", 4, 128)), other), "qwen3:8b")
    assert guessed is not None
    assert (guessed.host, guessed.sure) == (TOWER, False)
    assert guessed.text.startswith("Probably runs best on Tower")
    faster = best_place((here(1.0, machine("RTX 3060", 12, 360)), other), "qwen3:8b")
    assert faster is not None
    assert (faster.host, faster.sure) == (TOWER, False)
    assert "1,008" in faster.text
    dark = best_place((here(1.0), replace(other, profile=None)), "qwen3:8b")
    assert dark is not None
    assert (dark.host, "nothing tells what Tower has" in dark.text) == (None, True)
    assert best_place((here(1.0), bench(), cellar()), "qwen3:8b") is None


@pytest.mark.parametrize(
    ("text", "plain", "verb", "choice"),
    [
        ("gpu-box:11434", False, Verb.ADD_HOST, False),
        ("https://llm.example.org", False, Verb.ADD_HOST, False),
        ("http://llm.example.org", False, None, True),
        ("http://llm.example.org", True, Verb.ADD_HOST, False),
        ("http://me:pw@box.lan", False, None, False),
        ("http://tower:11434", False, None, False),
        ("", False, None, False),
    ],
)
def test_what_is_typed_is_understood_or_refused(
    text: str, plain: bool, verb: Verb | None, choice: bool
) -> None:
    made = scene(tower())
    known = ServerAddress(TOWER, "Tower", "http://tower:11434", key=True)
    settings = replace(made.settings, servers=(*made.settings.servers, known))
    command, error, may = understood_host(text, "", plain, settings)
    assert (None if command is None else command.verb, may) == (verb, choice)
    assert bool(error) is (verb is None)
    view = hosts_card_view(replace(made, settings=settings))
    assert [(row.name, row.facts) for row in view.rows] == [("Tower", "http://tower:11434 · with a key")]
    assert view.rows[0].remove.command.host == TOWER
