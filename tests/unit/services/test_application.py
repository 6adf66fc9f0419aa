"""The application: commands one after another, settings that act at once, and it stops in order."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.program import NOWHERE, Services
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState, CountingState, SeenSpeed
from wattlight.i18n import activate, money
from wattlight.runtime import RuntimeProblem
from wattlight.services.application import Application, ChangeSettings
from wattlight.services.serving import SecurityAdvisories
from wattlight.settings import Price, ServerAddress, Settings, SettingsFile, load_settings, save_settings
from wattlight.viewmodels.settings_page import understood_price

HERE = Settings(servers=(ServerAddress(url=NOWHERE),))


class Counter:
    """A relay that is only on paper."""

    def __init__(self, order: list[str]) -> None:
        self.state = CountingState()
        self.speeds: tuple[SeenSpeed, ...] = ()
        self.asked: list[int] = []
        self.order = order

    def turn_on(self, port: int) -> None:
        self.asked.append(port)
        if port == 1024:
            self.state = CountingState()
            raise RuntimeProblem("Port 1024 is used by another program.", "Choose another.", "port_taken")
        self.state = CountingState(True, f"http://127.0.0.1:{port}", port)

    def turn_off(self) -> None:
        self.order.append("relay off")
        self.state = CountingState()

    def stop(self) -> bool:
        self.order.append("counts written")
        return True


class Meter:
    """Notes what it is told."""

    def __init__(self, order: list[str]) -> None:
        self.order = order
        self.shown: list[bool] = []

    def start(self) -> None:
        self.order.append("meter started")

    def set_shown(self, shown: bool) -> None:
        self.shown.append(shown)

    def set_running(self, _running: object, _port: object = None) -> None:
        """Not looked at here."""

    def stop(self) -> bool:
        self.order.append("meter stopped")
        return True


class Runs:
    """Speed runs that only say that they ran."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def run(self, model: str, say: Callable[[float | None], None], cancel: threading.Event) -> None:
        self.models.append(model)


class Predictor:
    """Foretells nothing."""

    def before(self, _model: str, _context: int | None) -> None:
        return None


class Login:
    """The start at login."""

    def __init__(self) -> None:
        self.on = False

    def enabled(self) -> bool:
        return self.on

    def set_enabled(self, on: bool) -> None:
        self.on = on


class Standing:
    """An application over parts on paper; its settings file is real."""

    def __init__(self, folder: Path, settings: Settings = HERE) -> None:
        self.order: list[str] = []
        self.services = Services(folder, settings)
        self.path = self.services.factory.places.settings_file
        save_settings(self.path, settings)
        file = SettingsFile(self.path)
        file.load()
        self.meter: Any = Meter(self.order)
        self.counter: Any = Counter(self.order)
        self.runs: Any = Runs()
        self.login = Login()
        self.outdated: list[str] = []
        self.told: list[tuple[Settings, int]] = []
        s = self.services
        nothing: Any = Predictor()
        self.app = Application(
            s.factory,
            file,
            s.settings,
            s.hub,
            s.servers,
            self.meter,
            nothing,
            nothing,
            self.counter,
            self.runs,
            s.guide(),
            SecurityAdvisories((), s.hub, s.factory.now),
            self.login,
        )
        self.app.on_outdated(lambda *parts: self.outdated.extend(parts))
        self.app.listen(lambda now, changes: self.told.append((now, changes)))
        self.app.handle(Verb.ADVISE, lambda _: self.outdated.append("advice"))

    @property
    def now(self) -> Settings:
        return self.services.settings.value

    def change(self, **values: object) -> None:
        """As the window does it."""
        before = self.now
        self.app.do(ChangeSettings(before, replace(before, **values)))  # type: ignore[arg-type]
        self.settle()

    def settle(self) -> None:
        """Everything that was asked for is done."""
        gate = threading.Event()
        assert self.app._executor.submit(gate.set)
        assert gate.wait(10)

    def wait(self, true: Callable[[AppState], bool]) -> AppState:
        return self.services.wait(true)


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path)
    yield made
    assert made.app.stop()


def test_no_relay_until_the_settings_ask_for_it(standing: Standing) -> None:
    standing.app.start()
    standing.settle()
    assert not standing.services.hub.state.counting.on
    standing.change(passthrough_on=True, passthrough_port=12000)
    assert standing.services.hub.state.counting == CountingState(True, "http://127.0.0.1:12000", 12000)
    standing.change(passthrough_on=False)
    assert not standing.services.hub.state.counting.on


def test_a_pause_is_kept_in_the_settings(standing: Standing) -> None:
    standing.app.do(Command(Verb.PAUSE))
    standing.settle()
    assert load_settings(standing.path).settings.meter.paused
    standing.change(keep_alive="1h")
    assert standing.now.meter.paused
    standing.app.do(Command(Verb.RESUME))
    standing.settle()
    assert not standing.told[-1][0].meter.paused


def test_a_change_of_the_window_leaves_what_others_changed(standing: Standing) -> None:
    seen = standing.now
    standing.app.do(Command(Verb.DECLINE_PRICE))
    standing.app.do(ChangeSettings(seen, replace(seen, theme="dark")))
    standing.settle()
    assert (standing.now.price.declined, standing.now.theme) == (True, "dark")
    assert standing.told[-1] == (standing.now, 1)
    assert load_settings(standing.path).settings == standing.now


def test_what_the_command_line_changed_counts_when_somebody_looks(standing: Standing) -> None:
    save_settings(standing.path, replace(HERE, price=Price("0.39", "EUR")))
    standing.app.do(Command(Verb.WATCH))
    standing.settle()
    assert standing.now.price.per_kwh == "0.39"
    assert standing.meter.shown == [True]


def test_another_address_acts_at_once(standing: Standing) -> None:
    with FakeOllama() as one, FakeOllama() as two:
        one.install("first:1b")
        two.install("second:1b")
        standing.app.start()
        for fake, model in ((one, "first:1b"), (two, "second:1b")):
            standing.change(servers=(ServerAddress(url=fake.url),))
            state = standing.wait(lambda s, m=model: [i.name for i in s.local.server.installed] == [m])
            assert state.local.server.url == fake.url
        standing.app.do(Command(Verb.LOAD, "second:1b"))
        standing.wait(lambda s: [m.name for m in s.local.server.running] == ["second:1b"])
        assert one.running_names == []


def test_an_address_that_cannot_be_used_changes_nothing_and_is_said(standing: Standing) -> None:
    standing.change(servers=(ServerAddress(url="http://a b"),))
    assert standing.now == HERE
    assert standing.told[-1][0] == HERE
    assert [notice.kind for notice in standing.services.hub.state.notices] == ["servers"]
    standing.change(servers=(ServerAddress(url="http://127.0.0.1:8"),))
    assert standing.services.hub.state.notices == ()


def test_a_second_host_comes_and_goes(standing: Standing) -> None:
    with FakeOllama() as fake:
        fake.install("far:1b")
        other = ServerAddress(host="tower", name="Tower", url=fake.url)  # type: ignore[arg-type]
        standing.change(servers=(*HERE.servers, other))
        standing.wait(lambda s: [m.name for h in s.hosts for m in h.server.installed] == ["far:1b"])
        standing.change(servers=HERE.servers)
        assert [host.name for host in standing.services.hub.state.hosts] == ["This computer"]


def test_language_and_start_at_login_act_at_once(standing: Standing) -> None:
    try:
        standing.change(language="de", start_at_login=True)
        assert money(1_000_000, "EUR") == "1,00\xa0€"
    finally:
        activate("en")
    assert standing.login.on


def test_damaged_files_are_repaired_where_models_are_handled(standing: Standing) -> None:
    standing.app.do(Command(Verb.REPAIR, "a:1b"))
    standing.wait(lambda s: any(p.model == "a:1b" and p.error for p in s.pulls))


def test_a_remembered_relay_is_on_from_the_start(tmp_path: Path) -> None:
    made = Standing(tmp_path, replace(HERE, passthrough_on=True))
    made.app.start()
    made.wait(lambda s: s.counting.port == 11435)
    assert made.app.stop()


def test_a_taken_port_is_a_sentence_on_the_screen(standing: Standing) -> None:
    standing.change(passthrough_on=True, passthrough_port=1024)
    assert any("Port 1024" in n.text for n in standing.services.hub.state.notices)
    standing.change(passthrough_on=False)
    assert standing.services.hub.state.notices == ()


def test_a_server_that_moved_takes_its_relay_along(standing: Standing) -> None:
    standing.change(passthrough_on=True)
    standing.change(servers=(ServerAddress(url="http://127.0.0.1:8"),))
    standing.settle()
    assert standing.counter.asked == [11435, 11435]


def test_counts_are_shown_with_the_next_sample(standing: Standing) -> None:
    standing.counter.state = replace(CountingState(True, "", 1), requests=3, output_tokens=40)
    standing.app.counted()
    assert standing.services.hub.state.counting.output_tokens == 40


def test_a_speed_run_is_a_task_that_ends(standing: Standing) -> None:
    standing.app.do(Command(Verb.MEASURE, "qwen3:8b"))
    standing.settle()
    standing.wait(lambda _: standing.runs.models == ["qwen3:8b"] and "cost" in standing.outdated)


def test_who_has_no_model_is_shown_what_would_fit(standing: Standing) -> None:
    standing.app.do(Command(Verb.WATCH))
    standing.settle()
    standing.settle()
    assert standing.outdated == ["computer", "tables", "advice"]
    standing.app.do(Command(Verb.LOOK_AWAY))
    standing.settle()
    assert standing.meter.shown == [True, False]


def test_a_smaller_model_to_begin_with_and_the_wish_to_start_a_server_are_kept(standing: Standing) -> None:
    standing.app.do(Command(Verb.START_SMALL, "tiny:1b"))
    standing.app.do(Command(Verb.START_SERVER))
    standing.app.do(Command(Verb.USE_PROXY, text="http://p:1"))
    standing.settle()
    kept = load_settings(standing.path).settings
    assert (kept.first_run.model, kept.start_server, kept.server_proxy) == ("tiny:1b", True, "http://p:1")


def test_fault_59_an_error_of_our_own_ends_nothing(standing: Standing) -> None:
    standing.app.handle(Verb.ADVISE, lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    standing.app.do(Command(Verb.ADVISE))
    standing.change(theme="dark")
    assert standing.now.theme == "dark"
    assert [n.kind for n in standing.services.hub.state.notices] == ["internal"]


def test_what_was_asked_for_before_the_end_is_still_done(tmp_path: Path) -> None:
    made = Standing(tmp_path)
    shown = made.now
    for theme in ("dark", "light", "dark"):
        before, shown = shown, replace(shown, theme=theme)
        made.app.do(ChangeSettings(before, shown))
    assert made.app.stop()
    assert load_settings(made.path).settings.theme == "dark"


def test_the_relay_goes_first_and_its_counts_are_written_last(tmp_path: Path) -> None:
    made = Standing(tmp_path)
    assert made.app.stop()
    assert made.order == ["relay off", "meter stopped", "counts written"]


def test_a_typed_price_takes_the_place_of_a_tariff_file(standing: Standing, tmp_path: Path) -> None:
    standing.change(price=Price(tariff_file=str(tmp_path / "gone.json")))
    settings, _ = understood_price("0.39", "EUR", "", standing.now)
    standing.change(price=settings.price)
    tariff = standing.services.settings.tariff()
    assert tariff is not None and tariff.currency == "EUR"
