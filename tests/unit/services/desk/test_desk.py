"""The desk: settings turn the relay on and off, speed runs go to the tasks, and it stops in order."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wattlight.domain.state import AppState, CountingState, HostState, ServerState
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import RuntimeProblem
from wattlight.services import StateHub
from wattlight.services.desk import CurrentSettings, Desk, DeskParts, NoMeter
from wattlight.services.models import ModelTasks, TaskEnd
from wattlight.settings import Settings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEFAULTS = Settings()


class Counter:
    """A relay that is only on paper."""

    def __init__(self, order: list[str]) -> None:
        self.state = CountingState()
        self.asked: list[int] = []
        self.order = order
        self.turned = threading.Condition()

    def turn_on(self, port: int) -> None:
        self.asked.append(port)
        if port == 1024:
            self._now(CountingState())
            raise RuntimeProblem("Port 1024 is used by another program.", "Choose another.", "port_taken")
        self._now(CountingState(True, f"http://127.0.0.1:{port}", port))

    def turn_off(self) -> None:
        self.order.append("relay off")
        self._now(CountingState())

    def stop(self) -> bool:
        self.order.append("counts written")
        return True

    def _now(self, state: CountingState) -> None:
        with self.turned:
            self.state = state
            self.turned.notify_all()


class Runs:
    """Speed runs that only say that they ran."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def run(self, model: str, say: Callable[[float | None], None], cancel: threading.Event) -> None:
        self.models.append(model)


class Meter(NoMeter):
    """Notes its end."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.paused: list[bool] = []

    def set_paused(self, paused: bool) -> None:
        self.paused.append(paused)

    def stop(self, timeout_s: float = 2.0) -> bool:
        self.order.append("meter stopped")
        return True


class Standing:
    """A desk without servers."""

    def __init__(self, settings: Settings = DEFAULTS) -> None:
        self.order: list[str] = []
        self.meter = Meter(self.order)
        self.counter, self.runs = Counter(self.order), Runs()
        self.changed = threading.Condition()
        self.ends: list[TaskEnd] = []
        self.looked: list[bool] = []
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", ServerState("http://127.0.0.1:9")),)))
        self.hub.subscribe(self._notice)
        self.desk = Desk(
            DeskParts(
                hub=self.hub,
                watches={},
                meter=self.meter,
                now=lambda: NOW,
                save=lambda _settings: None,
                advise=lambda _use, _context: None,
                judge=lambda _model, _registry: None,
                quit=lambda: None,
                counting=self.counter,  # type: ignore[arg-type]  # as much of it as the desk uses
                speeds=self.runs,  # type: ignore[arg-type]  # likewise
                ended=self._ended,
                looked_at=self.looked.append,
            ),
            CurrentSettings(settings),
        )
        self.desk.use_tasks(
            ModelTasks(
                lambda _host: None,  # type: ignore[arg-type, return-value]  # a measurement asks no server
                lambda _host: lambda *_: True,
                self.desk.tasks_changed,
                self.desk.task_ended,
            )
        )

    def _notice(self, _state: AppState) -> None:
        with self.changed:
            self.changed.notify_all()

    def _ended(self, end: TaskEnd) -> None:
        with self.changed:
            self.ends.append(end)
            self.changed.notify_all()

    def wait(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 10)


@pytest.fixture
def standing() -> Iterator[Standing]:
    made = Standing()
    yield made
    assert made.desk.stop()


def test_no_relay_until_the_settings_ask_for_it(standing: Standing) -> None:
    standing.desk.start()
    assert not standing.hub.state.counting.on
    standing.desk.apply_settings(Settings(passthrough_on=True, passthrough_port=12000))
    standing.wait(lambda: standing.hub.state.counting == CountingState(True, "http://127.0.0.1:12000", 12000))
    standing.desk.apply_settings(Settings(passthrough_port=12000))
    standing.wait(lambda: not standing.hub.state.counting.on)


def test_a_pause_is_in_the_settings_and_settings_can_pause(standing: Standing) -> None:
    standing.desk.set_paused(True)
    assert standing.desk.settings.meter.paused
    assert standing.hub.state.paused
    assert standing.meter.paused == [True]
    standing.desk.apply_settings(replace(standing.desk.settings, language="de"))
    assert standing.hub.state.paused
    standing.desk.apply_settings(Settings())
    assert not standing.hub.state.paused
    assert standing.meter.paused == [True, False]


def test_fault_66_damaged_files_are_repaired_on_the_lane_of_the_models(standing: Standing) -> None:
    standing.desk.repair("a:1b")
    standing.wait(lambda: bool(standing.ends))
    assert standing.ends[0].kind == "repair"


def test_a_remembered_relay_is_on_from_the_start() -> None:
    made = Standing(Settings(passthrough_on=True))
    made.desk.start()
    made.wait(lambda: made.hub.state.counting.port == 11435)
    assert made.desk.stop()


def test_a_taken_port_is_a_sentence_on_the_screen(standing: Standing) -> None:
    standing.desk.apply_settings(Settings(passthrough_on=True, passthrough_port=1024))
    standing.wait(lambda: any("Port 1024" in n.text for n in standing.hub.state.notices))
    standing.desk.apply_settings(Settings())
    standing.wait(lambda: standing.hub.state.notices == ())


def test_a_server_that_moved_takes_its_relay_along() -> None:
    made = Standing(Settings(passthrough_on=True))
    made.desk.start()
    made.wait(lambda: made.hub.state.counting.on)
    made.desk.server_changed(LOCAL_HOST, ServerState("http://127.0.0.1:9"))
    made.desk.server_changed(LOCAL_HOST, ServerState("http://127.0.0.1:10"))
    with made.counter.turned:
        assert made.counter.turned.wait_for(lambda: made.counter.asked == [11435, 11435], 10)
    assert made.desk.stop()


def test_counts_are_shown_with_the_next_sample(standing: Standing) -> None:
    standing.counter.state = replace(CountingState(True, "", 1), requests=3, output_tokens=40)
    assert standing.hub.state.counting.requests == 0
    standing.desk.counted()
    assert standing.hub.state.counting.output_tokens == 40


def test_a_speed_run_is_a_task_that_ends(standing: Standing) -> None:
    standing.desk.measure_speed("qwen3:8b")
    standing.wait(lambda: len(standing.ends) == 1)
    assert (standing.ends[0].kind, standing.ends[0].problem) == ("measure", None)
    assert standing.runs.models == ["qwen3:8b"]


def test_looking_is_told(standing: Standing) -> None:
    standing.desk.set_watching(True)
    standing.desk.set_watching(False)
    assert standing.looked == [True, False]


def test_the_relay_goes_first_and_its_counts_are_written_last(standing: Standing) -> None:
    assert standing.desk.stop()
    assert standing.order[0] == "relay off"
    assert standing.order.index("meter stopped") < standing.order.index("counts written")
