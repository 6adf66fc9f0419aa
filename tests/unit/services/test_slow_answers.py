"""Answers that take long: one that fails leaves the others and the thread, and none is asked too often."""

import queue
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import made_up_day
from fakes.model_folder import ModelFolder
from fakes.program import Services
from wattlight.domain.cost import History, HistorySpan
from wattlight.domain.state import InstalledModel, PullState
from wattlight.i18n import activate
from wattlight.services.answers import Extras
from wattlight.services.pricing import dollar_rate
from wattlight.services.slow_answers import COST_AGE_S, SlowAnswers
from wattlight.services.threads import Threads
from wattlight.settings import Price, Settings


class Guide:
    """Says whether a server could be started; raises what it is told to."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def startable(self) -> bool:
        if self.error is not None:
            raise self.error
        return True


class Learner:
    """Has learned nothing."""

    def comparisons(self) -> tuple[()]:
        return ()

    def correction(self, *_: object) -> None:
        return None


class Windows:
    """No energy was measured."""

    def sums(self) -> tuple[()]:
        return ()


class Maker:
    """The thread, its answers in order, and a clock moved by hand."""

    def __init__(self, folder: Path, settings: Settings, threads: Threads | None = None) -> None:
        self.services = Services(folder, settings)
        self.services.factory.threads = threads or self.services.factory.threads
        self.guide = Guide()
        self.at = 0.0
        self.told: queue.Queue[Extras] = queue.Queue()
        parts: Any = (Learner(), Windows(), self.guide)
        self.slow = SlowAnswers(
            self.services.factory, self.services.settings, self.services.hub, *parts, "1.0", lambda: self.at
        )
        self.slow.listen(self.told.put)
        self.slow.start()

    def end(self) -> None:
        assert self.slow.stop(20)
        self.services.factory.jobs().close()

    def next(self) -> Extras:
        return self.told.get(timeout=30)


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[Maker]:
    activate("en")
    made = Maker(tmp_path, Settings(price=Price("0.36", "EUR", "Europe/Berlin")))
    yield made
    made.end()


def test_a_span_is_read_again_while_somebody_looks(maker: Maker) -> None:
    maker.slow.ask_history("week")
    seen = maker.next().history
    assert seen is not None
    assert (seen.span, seen.slots) == (HistorySpan.WEEK, ())
    maker.slow.ask_history("hours")
    assert maker.next().week_hours == ()
    maker.slow.ask_history("day")
    assert maker.next().history == History(HistorySpan.DAY, seen.zone)
    asked: list[tuple[str, ...]] = []
    maker.slow.ask = lambda *parts: asked.append(parts)  # type: ignore[method-assign]
    maker.at = 59.0
    maker.slow.beat(True)
    assert ("history",) not in asked
    maker.at = 61.0
    maker.slow.beat(False)
    assert ("history",) not in asked
    maker.slow.beat(True)
    maker.slow.beat(True)
    assert asked.count(("history",)) == 1
    maker.slow.ask_history("")
    maker.at = 900.0
    maker.slow.beat(True)
    assert asked.count(("history",)) == 1


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError("x"), OSError(5, "input/output error")])
def test_a_part_that_fails_leaves_the_others_and_the_thread(maker: Maker, error: Exception) -> None:
    maker.guide.error = error
    maker.slow.ask("computer", "cost")
    found = maker.next()
    assert found.disk_free_bytes is None
    assert found.break_even is not None
    assert found.break_even.price_per_kwh == Decimal("0.36")
    maker.guide.error = None
    maker.slow.ask("computer")
    found = maker.next()
    assert found.server_startable
    assert found.disk_free_bytes is not None and found.disk_free_bytes > 0


def test_room_on_the_drive_is_asked_anew_and_another_computers_is_not_known(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [8 * 10**9]
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free[0]))
    maker.slow.ask("computer", "tables")
    first = maker.next()
    assert first.disk_free_bytes == 8 * 10**9 and first.countries and first.carbon and first.catalog_date
    free[0] = 3 * 10**9
    maker.at = 500.0
    maker.slow.beat(True)
    assert maker.next().disk_free_bytes == 3 * 10**9
    host = maker.services.hub.state.local
    away = replace(host.server, url="http://10.1.2.3:11434")
    maker.services.hub.update_host(host.id, lambda item: replace(item, server=away))
    maker.slow.ask("computer")
    assert maker.next().disk_free_bytes is None


def test_counts_that_cannot_be_read_do_not_hide_the_prices(maker: Maker, tmp_path: Path) -> None:
    jobs = maker.services.factory.places.jobs_file
    jobs.parent.mkdir(parents=True, exist_ok=True)
    jobs.write_bytes(b"\xa5" * 8192)
    maker.slow.ask("cost")
    basis = maker.next().break_even
    assert basis is not None
    assert basis.prices != ()
    assert basis.calls is None or basis.calls == 0


def test_a_damaged_ledger_costs_only_the_answer_about_it(maker: Maker) -> None:
    ledger = maker.services.factory.places.ledger_file
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(ledger) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    maker.slow.ask("cost", "tables")
    found = maker.next()
    assert found.costs is None
    assert found.countries != ()


@pytest.mark.parametrize("rate", ["", "much", "0", "-1", "NaN", "Infinity", "1e-999999999999999999999"])
def test_a_rate_of_the_dollar_that_is_none_is_unknown(tmp_path: Path, rate: str) -> None:
    price = Price("0.36", "EUR", "Europe/Berlin", dollar_rate=rate)
    made = Maker(tmp_path, Settings(price=price))
    made.slow.ask("cost")
    assert made.next().costs is not None
    assert dollar_rate(price) is None
    made.end()


def test_what_grows_old_is_asked_now_and_then_and_only_while_somebody_looks(maker: Maker) -> None:
    asked: list[tuple[str, ...]] = []
    maker.slow.ask = lambda *parts: asked.append(parts)  # type: ignore[method-assign]
    maker.slow.beat(False)
    assert asked == []
    for at in (0.0, 1.0, COST_AGE_S - 1, COST_AGE_S, COST_AGE_S + 1):
        maker.at = at
        maker.slow.beat(True)
    assert asked == [("computer", "cost", "loads", "disk")] * 2


def test_fits_are_asked_when_models_come_and_offers_only_once_somebody_asked(maker: Maker) -> None:
    asked: list[str] = []
    maker.slow.ask = lambda *parts: asked.extend(parts)  # type: ignore[method-assign]
    state = made_up_day.evening().state
    maker.slow.state_changed(state)
    maker.slow.state_changed(replace(state, paused=not state.paused))
    assert asked == ["fits", "disk"]
    maker.slow.ask_advice("no such use", None)
    host = state.hosts[0]
    server = replace(host.server, installed=(InstalledModel("new:1b", "d", 1),))
    maker.slow.state_changed(replace(state, hosts=(replace(host, server=server),)))
    assert asked == ["fits", "disk", "offers", "fits", "disk", "offers"]


def test_a_load_makes_fits_old_but_moves_no_file(maker: Maker) -> None:
    asked: list[str] = []
    maker.slow.ask = lambda *parts: asked.extend(parts)  # type: ignore[method-assign]
    state = made_up_day.evening().state
    maker.slow.state_changed(state)
    host = state.hosts[0]
    unloaded = replace(host, server=replace(host.server, running=()))
    maker.slow.state_changed(replace(state, hosts=(unloaded,)))
    assert asked == ["fits", "disk", "fits"]


def test_a_new_price_is_worked_out_once_somebody_looks(maker: Maker) -> None:
    asked: list[str] = []
    maker.slow.ask = lambda *parts: asked.extend(parts)  # type: ignore[method-assign]
    settings = maker.services.settings

    def price(per_kwh: str) -> None:
        settings.replace(replace(settings.value, price=Price(per_kwh, "EUR", "Europe/Berlin")))

    price("0.31")
    maker.slow.beat(False)
    assert asked == []
    maker.slow.beat(True)
    assert asked == ["computer", "cost", "loads", "disk", "fits"]
    price("0.32")
    assert asked[5:] == ["cost", "fits"], "at once where a window shows it"
    maker.slow.beat(True)
    assert len(asked) == 7


def test_after_the_end_nothing_more_is_answered(tmp_path: Path) -> None:
    made = Maker(tmp_path, Settings())
    made.end()
    made.slow.ask("computer")
    with pytest.raises(queue.Empty):
        made.told.get(timeout=0.1)


def test_a_check_for_newer_versions_ends_with_the_program(maker: Maker) -> None:
    """Twenty models, and a registry that takes the call and says nothing."""
    factory, told = maker.services.factory, []
    factory.note_contact = lambda host, reason: told.append(host)  # type: ignore[method-assign]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}/library/m{{}}:1b"
        models = tuple(InstalledModel(name.format(n), "a" * 64, 5) for n in range(20))
        host = maker.services.hub.state.local
        server = replace(host.server, installed=models)
        maker.services.hub.update_host(host.id, lambda item: replace(item, server=server))
        maker.slow.ask("updates")
        silent.settimeout(20)
        silent.accept()[0].settimeout(20)
        factory.leaving.set()
        begun = time.monotonic()
        assert maker.slow.stop(10)
        assert time.monotonic() - begun < 2
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()  # nothing more is asked
    assert told == ["127.0.0.1"]


def test_newer_versions_are_asked_for_and_a_registry_that_is_away_is_said(maker: Maker) -> None:
    model = InstalledModel("127.0.0.1:9/library/here:latest", "a" * 64, 5)
    host = maker.services.hub.state.local
    server = replace(host.server, installed=(model,))
    maker.services.hub.update_host(host.id, lambda item: replace(item, server=server))
    maker.slow.ask("updates")
    found = maker.next().updates
    assert found is not None
    assert found.updates == ()
    assert "cannot be reached" in found.problem


def test_the_disk_is_looked_at_and_cleared_up_only_as_it_was_listed(maker: Maker, tmp_path: Path) -> None:
    shelf, factory, hub = ModelFolder(tmp_path / "models"), maker.services.factory, maker.services.hub
    shelf.put("one:8b", b"w" * 3_000_000)
    lost = shelf.blob(b"x" * 2_000_000)
    factory.model_folders = lambda _url: (shelf.path,)  # type: ignore[method-assign]
    factory.now = lambda: datetime.now(UTC) + timedelta(hours=2)  # type: ignore[method-assign]

    def said() -> str:
        return next(notice.text for notice in hub.state.notices if notice.kind == "disk")

    maker.slow.ask("disk")
    note = maker.next().disk
    assert note is not None
    assert note.line == "3.0 MB in 1 model, 2.0 MB belong to none"
    assert note.question.startswith("Remove 1 file (2.0 MB) that belongs to no model?\nsha256-")
    other = shelf.blob(b"y" * 1_000_000)
    maker.slow.ask("disk")
    newer = maker.next().disk
    assert newer is not None
    hub.update(lambda state: replace(state, pulls=(PullState("m:1b", status="waiting"),)))
    shelf.blob(b"z" * 1_000_000)  # so that each look differs from the one before
    maker.slow.clean_up(newer.mark)
    held = maker.next().disk
    assert "being downloaded" in said()
    hub.update(lambda state: replace(state, pulls=()))
    shelf.blob(b"a" * 1_000_000)
    maker.slow.clean_up(note.mark)
    changed = maker.next().disk
    assert "has changed meanwhile" in said()
    assert held is not None and changed is not None
    assert lost.exists() and other.exists()
    maker.slow.clean_up(changed.mark)
    done = maker.next().disk
    assert done is not None
    assert (done.line, done.question) == ("3.0 MB in 1 model", "")
    assert said() == "4 files removed, 5.0 MB freed."
    assert not lost.exists()
