"""The downloads of the running program: when they may run, what counts at once, and who cares for them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fakes.program import NOWHERE, Services
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import AT_NIGHT, QueuedPull, Waiting
from wattlight.domain.tariff import Tariff, flat_tariff, parse_tariff
from wattlight.services.model_pulls import ModelPulls, opening
from wattlight.settings import PullSettings, ServerAddress, ServerValue, Settings

BERLIN = ZoneInfo("Europe/Berlin")
TWO_PRICES = {
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "periods": [
        {
            "price_per_kwh": "0.40",
            "bands": [
                {
                    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                    "start": "01:00",
                    "end": "05:00",
                    "price_per_kwh": "0.20",
                }
            ],
        }
    ],
}


def varying() -> Tariff:
    return parse_tariff(TWO_PRICES)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "tariff", "now", "opens"),
    [
        (AT_NIGHT, None, at(18), at(23)),
        (AT_NIGHT, None, at(23, 30), None),
        (AT_NIGHT, flat_tariff, at(18), at(23)),
        (AT_NIGHT, varying, at(0, 30), at(1)),
        (AT_NIGHT, varying, at(2), None),
        (AT_NIGHT, varying, at(18), datetime(2026, 11, 25, 1, tzinfo=BERLIN)),
        ("22:00-05:00", varying, at(18), at(22)),
        ("22:00-05:00", None, at(3), None),
        ("whenever", None, at(3), None),
    ],
)
def test_when_hours_begin(text: str, tariff: Any, now: datetime, opens: datetime | None) -> None:
    made = flat_tariff("0.30", "EUR", "Europe/Berlin") if tariff is flat_tariff else tariff and tariff()
    assert opening(text, now, BERLIN, made) == opens


class Cared:
    """The downloads of a program on paper; no server answers, so nothing of them can run."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.services = Services(folder, settings)
        s = self.services
        self.pulls = ModelPulls(
            s.factory, s.settings, s.hub, s.servers, lambda _: None, lambda _: None, lambda *_: None
        )

    def do(self, verb: Verb, model: str = "", number: int | None = None) -> None:
        self.pulls.handlers()[verb](Command(verb, model, number=number))

    def waiting(self, model: str) -> Waiting:
        return {pull.model: pull.waiting for pull in self.services.hub.state.pulls}[model]


HERE = Settings(servers=(ServerAddress(url=NOWHERE),), pulls=PullSettings(hours="02:00-03:00"))


@pytest.fixture
def cared(tmp_path: Path) -> Iterator[Cared]:
    made = Cared(tmp_path, HERE)
    made.pulls.start()
    yield made
    assert made.pulls.close()


def test_what_is_asked_for_stands_in_the_state_and_the_file(cared: Cared) -> None:
    for name in ("a:1b", "b:1b"):
        cared.do(Verb.PULL, name)
    assert cared.waiting("a:1b") is Waiting.HOURS
    cared.do(Verb.MOVE_PULL, "b:1b", -1)
    cared.do(Verb.PAUSE_PULL, "b:1b")
    assert [pull.model for pull in cared.services.hub.state.pulls] == ["b:1b", "a:1b"]
    assert cared.waiting("b:1b") is Waiting.PAUSED
    book = cared.services.factory.pull_book()
    assert book.read() == (QueuedPull("b:1b", paused=True), QueuedPull("a:1b"))
    cared.do(Verb.RESUME_PULL, "b:1b")
    cared.do(Verb.CANCEL_PULL, "a:1b")
    assert [pull.model for pull in cared.services.hub.state.pulls] == ["b:1b"]
    assert cared.waiting("b:1b") is Waiting.HOURS


def test_settings_and_the_network_count_at_once(cared: Cared) -> None:
    cared.do(Verb.PULL, "a:1b")
    cared.do(Verb.NETWORK, number=1)
    wish = PullSettings(not_metered=True)
    cared.services.settings.replace(replace(HERE, pulls=wish))
    assert cared.waiting("a:1b") is Waiting.METERED
    cared.do(Verb.NETWORK, number=None)
    cared.services.wait(lambda state: all(pull.waiting is not Waiting.METERED for pull in state.pulls))


def test_a_second_program_leaves_the_queue_to_the_first(cared: Cared) -> None:
    assert not cared.services.factory.queue_lock().acquire()
    assert cared.pulls.close()
    lock = cared.services.factory.queue_lock()
    assert lock.acquire()
    lock.release()


@pytest.mark.parametrize(
    ("ours", "values", "url", "found"),
    [
        (True, (), NOWHERE, True),
        (False, (), NOWHERE, False),
        (True, (), "http://127.0.0.1:10", False),
        (True, (ServerValue("OLLAMA_MODELS", "/mnt/models"),), NOWHERE, False),
        (True, (ServerValue("OLLAMA_DEBUG", "1"),), NOWHERE, True),
    ],
)
def test_a_server_of_ours_is_known_where_its_folder_is_the_usual_one(
    cared: Cared, ours: bool, values: tuple[ServerValue, ...], url: str, found: bool
) -> None:
    services = cared.services
    services.settings.replace(replace(HERE, server_values=values))
    services.hub.update(lambda state: replace(state, setup=replace(state.setup, server_is_ours=ours)))
    assert cared.pulls._is_ours(url) is found
