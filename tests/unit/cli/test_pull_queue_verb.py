"""``wattlight pull`` and the tray's queue: wishes, hours, and what the verbs do to it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes.fake_ollama import FakeOllama
from unit.cli.test_server_verbs import Line, schema
from wattlight.domain.pulls import QueuedPull
from wattlight.services.answers import DOES_NOT_FIT
from wattlight.services.models import PullBook, PullGuard

EVENING = datetime(2026, 11, 24, 17, tzinfo=UTC)


@pytest.fixture
def fake() -> Any:
    with FakeOllama() as server:
        yield server


@pytest.fixture
def line(tmp_path: Path, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line(tmp_path, fake)
    made.bench.environ["TZ"] = "UTC"
    monkeypatch.setattr(made.bench, "now", lambda: EVENING)
    return made


@pytest.fixture
def book(line: Line) -> PullBook:
    return PullBook(line.bench.places.data / "pulls.json")


def test_the_queue_is_shown(line: Line, book: PullBook) -> None:
    assert line("pull", "--list")[1].startswith("No download waits.")
    book.change(
        lambda _: (
            QueuedPull("a:1b", completed_bytes=250_000_000, total_bytes=1_000_000_000),
            QueuedPull("b:1b", paused=True),
            QueuedPull("c:1b", hours="22:30-04:00"),
            QueuedPull("d:1b", error="The disk is full."),
        )
    )
    document = line.document("pull", "--list")
    assert document["tray"] is False
    assert [p["model"] for p in document["pulls"]] == ["a:1b", "b:1b", "c:1b", "d:1b"]
    assert document["pulls"][2]["waits_until"] == "2026-11-24T22:30:00+00:00"
    text = line("pull", "--list")[1]
    for words in ("25% of 1.0 GB", "paused", "waits until 10:30", "The disk is full.", "start it"):
        assert words in text.replace("\u202f", " ").replace(" %", "%"), words


def test_what_the_verbs_do_to_it(line: Line, book: PullBook) -> None:
    a, b = QueuedPull("a:1b"), QueuedPull("b:1b", error="Full.")
    book.change(lambda _: (a, b))
    line.document("pull", "A:1B", "--pause")
    assert [entry.paused for entry in book.read()] == [True, False]
    line.document("pull", "b:1b", "--first")
    assert [entry.model for entry in book.read()] == ["b:1b", "a:1b"]
    line.document("pull", "a:1b", "--resume")
    line.document("pull", "b:1b", "--resume")
    assert book.read() == (QueuedPull("b:1b"), a)
    line.document("pull", "b:1b", "--cancel")
    assert book.read() == (a,)
    error = line.document("pull", "b:1b", "--cancel")["error"]
    assert error["code"] == "queue" and "--list" in error["next"]


def test_left_to_the_tray(line: Line, book: PullBook, fake: FakeOllama) -> None:
    fake.offer("a:1b")
    shown = line.document("pull", "a:1b", "--queue", "--limit", "16Mbit/s", "--between", "1-5")
    (entry,) = book.read()
    assert entry == QueuedPull("a:1b", limit_bytes_per_s=2_000_000, hours="01:00-05:00")
    assert shown["pulls"][0]["hours"] == "01:00-05:00"
    assert not fake.requests
    lock = line.bench.queue_lock()
    assert lock.acquire()
    try:
        assert line.document("pull", "b:1b", "--at-night")["tray"] is True
        assert [entry.hours for entry in book.read()] == ["01:00-05:00", "night"]
        code, text = line("pull", "b:1b", "--queue", "--repair", "--json")
        assert code == 2 and "--repair" in json.loads(text)["error"]["next"]
    finally:
        lock.release()


def test_without_a_tray_it_waits_for_its_hours_itself(
    line: Line, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.offer("a:1b")
    times = [EVENING]
    monkeypatch.setattr(line.bench, "now", lambda: times[0])

    def sleep(seconds: float) -> None:
        assert 1 <= seconds <= 20
        times[0] += timedelta(hours=1)

    monkeypatch.setattr("wattlight.cli.verb_pull.sleep", sleep)
    code, text = line("pull", "a:1b", "--between", "20-21", "--json")
    records = [json.loads(record) for record in text.splitlines()]
    for record in records:
        jsonschema.validate(record, schema("pull"))
    assert code == 0 and records[-1]["done"] and fake.installed_names == ["a:1b"]
    waited = [r["waits_until"] for r in records if r["waits_until"]]
    assert waited == ["2026-11-24T20:00:00+00:00"] * 3


def test_over_its_hours_it_stops_and_goes_on_in_the_next_ones(
    line: Line, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.offer("a:1b")
    fake.pulling.steps = 50
    times = [EVENING]
    monkeypatch.setattr(line.bench, "now", lambda: times[0])
    monkeypatch.setattr("wattlight.cli.verb_pull.LOOK_S", 0.0)
    real = PullGuard.run
    runs: list[int] = []

    def run(self: PullGuard, server: Any, pull: QueuedPull, publish: Any, cancel: Any, limit: Any) -> Any:
        runs.append(pull.completed_bytes)

        def tell(state: Any) -> None:
            if len(runs) == 1 and state.completed_bytes:
                times[0] = EVENING + timedelta(hours=2)
            publish(state)

        return real(self, server, pull, tell, cancel, limit)

    monkeypatch.setattr(PullGuard, "run", run)

    def sleep(_seconds: float) -> None:
        times[0] += timedelta(hours=1)

    monkeypatch.setattr("wattlight.cli.verb_pull.sleep", sleep)
    assert line("pull", "a:1b", "--between", "16-18")[0] == 0
    assert len(runs) == 2 and runs[1] > runs[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("a", "--limit", "fast"),
        ("a", "--limit", "5"),
        ("a", "--between", "9"),
        ("a", "--between", "1-5", "--at-night"),
        ("a", "--pause", "--resume"),
        (),
        ("--pause",),
        ("a", "--source", "neither/this/nor/that"),
    ],
)
def test_wrong_use_is_one_sentence(line: Line, fake: FakeOllama, words: tuple[str, ...]) -> None:
    code, _ = line("pull", *words, "--json")
    assert code == 2
    assert not any(request.path == "/api/pull" for request in fake.requests)


def test_a_limit_that_cannot_hold_is_said(line: Line, fake: FakeOllama) -> None:
    fake.offer("a:1b")
    text = line("pull", "a:1b", "--limit", "5MB/s")[1]
    assert "The limit did not hold" in text
    assert "The limit did not hold" not in line("pull", "a:1b")[1]


def test_a_model_of_the_cloud_is_asked_about(line: Line, fake: FakeOllama) -> None:
    error = line.document("pull", "gpt-oss:20b-cloud")["error"]
    assert error["code"] == "needs_yes" and "leaves this computer" in error["message"]
    assert not fake.requests


def test_a_model_that_does_not_fit_is_asked_about(
    line: Line, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TooLarge:
        """An opinion."""

        class fit:
            """Its fit."""

            class verdict:
                """Its verdict."""

                value = DOES_NOT_FIT

    fake.offer("big:405b")
    monkeypatch.setattr(line.bench, "judge", lambda *_: TooLarge)
    error = line.document("pull", "big:405b")["error"]
    assert error["code"] == "needs_yes" and "does not fit" in error["message"]
    assert not any(request.path == "/api/pull" for request in fake.requests)
    assert line("pull", "big:405b", "--yes")[0] == 0
