"""Commands in the background: progress, order, cancel, and no thread left behind."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.domain.pulls import PullState
from wattlight.domain.state import TaskState
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.runtime import OllamaServer
from wattlight.services.models import ModelTasks, TaskEnd
from wattlight.settings import Settings

from .test_verifying import store


class Heard:
    """What was published, and a way to wait for it."""

    def __init__(self) -> None:
        self.tasks: list[tuple[TaskState, ...]] = []
        self.pulls: list[tuple[PullState, ...]] = []
        self.ends: list[TaskEnd] = []
        self.changed = threading.Condition()

    def change(self, tasks: tuple[TaskState, ...], pulls: tuple[PullState, ...]) -> None:
        with self.changed:
            self.tasks.append(tasks)
            self.pulls.append(pulls)
            self.changed.notify_all()

    def end(self, end: TaskEnd) -> None:
        with self.changed:
            self.ends.append(end)
            self.changed.notify_all()

    def wait(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 10)

    def wait_ends(self, count: int = 1) -> TaskEnd:
        self.wait(lambda: len(self.ends) >= count)
        return self.ends[count - 1]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def tasks(server: OllamaServer, heard: Heard) -> Iterator[ModelTasks]:
    made = ModelTasks(
        {LOCAL_HOST: server},
        lambda _: lambda *_: True,
        heard.change,
        heard.end,
        settings=lambda: Settings(keep_alive="10m", context_length=2048),
        now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
    )
    yield made
    assert made.close(5)


def test_load_unload_switch_remove(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("a")
    fake.install("b")
    tasks.load("a")
    assert heard.wait_ends(1).problem is None
    assert fake.loads == [("a:latest", 2048)]
    tasks.switch("b")
    heard.wait_ends(2)
    assert fake.running_names == ["b:latest"]
    tasks.remove("b")
    heard.wait_ends(3)
    assert fake.running_names == []
    assert fake.installed_names == ["a:latest"]
    tasks.load("a")
    tasks.unload()
    assert [heard.wait_ends(n).kind for n in (4, 5)] == ["load", "unload"]
    assert fake.running_names == []
    assert not any(end.problem or end.cancelled for end in heard.ends)
    assert heard.tasks[0][0] == TaskState("load", "a", datetime(2026, 11, 24, tzinfo=UTC))
    assert heard.tasks[-1] == ()


def test_a_clipped_context_is_told(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("a", trained_context=512)
    tasks.load("a")
    assert heard.wait_ends().note == "context 512"


def test_an_error_is_told_once_and_the_worker_lives(
    fake: FakeOllama, tasks: ModelTasks, heard: Heard
) -> None:
    tasks.load("nosuch")
    end = heard.wait_ends()
    assert end.problem is not None
    assert end.problem.code == "unknown_model"
    fake.install("a")
    tasks.load("a")
    assert heard.wait_ends(2).problem is None


def test_an_error_of_our_own_is_one_sentence(heard: Heard) -> None:
    class Broken(dict[HostId, OllamaServer]):
        """Fails to find any."""

        def __getitem__(self, _host: HostId) -> OllamaServer:
            raise ZeroDivisionError

    tasks = ModelTasks(Broken(), lambda _: lambda *_: True, heard.change, heard.end)
    tasks.load("a")
    end = heard.wait_ends()
    assert end.problem is not None
    assert end.problem.code == "internal"
    tasks.pull("a")
    assert heard.wait_ends(2).problem is not None
    assert tasks.close(5)


def test_a_pull_is_followed_to_its_end(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.offer("a")
    tasks.pull("a")
    assert heard.wait_ends().kind == "pull"
    states = [pulls[0] for pulls in heard.pulls if pulls]
    assert states[0].status == "waiting"
    assert states[-1].done
    assert heard.pulls[-1] == ()
    assert fake.installed_names == ["a:latest"]


def test_a_pull_can_be_cancelled_and_does_not_block_a_switch(
    fake: FakeOllama, tasks: ModelTasks, heard: Heard
) -> None:
    fake.offer("a")
    fake.install("b")
    fake.pulling.steps = 100
    fake.pulling.gate = threading.Semaphore(2)
    tasks.pull("a")
    tasks.pull("a")
    heard.wait(lambda: any(p and p[0].completed_bytes for p in heard.pulls))
    tasks.switch("b")
    assert heard.wait_ends(1).kind == "switch"
    assert fake.running_names == ["b:latest"]
    tasks.cancel_pull("a")
    end = heard.wait_ends(2)
    assert (end.kind, end.cancelled) == ("pull", True)
    assert heard.pulls[-1] == ()
    assert sum(request.path == "/api/pull" for request in fake.requests) == 1


def test_a_failed_pull_stays_until_it_is_forgotten_or_tried_again(
    fake: FakeOllama, tasks: ModelTasks, heard: Heard
) -> None:
    tasks.pull("a")
    heard.wait_ends()
    assert heard.pulls[-1][0].error is not None
    tasks.cancel_pull("a")
    assert heard.pulls[-1] == ()
    fake.offer("a")
    tasks.pull("a")
    assert heard.wait_ends(2).problem is None


def test_a_load_can_be_cancelled(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("a")
    fake.load_gate = threading.Event()
    tasks.load("a")
    for _ in range(500):
        if any(request.path == "/api/generate" for request in fake.requests):
            break
        time.sleep(0.01)
    tasks.cancel_task("a")
    assert heard.wait_ends().cancelled


def test_closing_ends_everything_within_a_second(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("a")
    fake.offer("b")
    fake.load_gate = threading.Event()
    fake.pulling.gate = threading.Semaphore(0)
    tasks.load("a")
    tasks.pull("b")
    tasks.pull("c")
    assert tasks.close(1.0)
    tasks.load("a")
    assert heard.ends[-1].cancelled


def test_keep_loaded_keeps_the_context(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("a")
    fake.start("a", context=1024)
    tasks.keep_loaded("a", "forever")
    heard.wait_ends()
    assert fake.loads == []
    assert fake.requests[-2].body["keep_alive"] == -1


def test_fault_66_a_pull_that_says_success_but_kept_damaged_files(
    fake: FakeOllama, server: OllamaServer, heard: Heard, tmp_path: Path
) -> None:
    files = store(tmp_path, "registry.example/me/a:latest")
    files["template"].write_bytes(b"damaged")
    fake.offer("registry.example/me/a")
    made = ModelTasks(
        {LOCAL_HOST: server},
        lambda _: lambda *_: True,
        heard.change,
        heard.end,
        folders=lambda _: (tmp_path,),
    )
    made.pull("registry.example/me/a")
    end = heard.wait_ends()
    assert end.problem is not None
    assert end.problem.code == "damaged_layers"
    assert "template" in (heard.pulls[-1][0].error or "")
    assert heard.pulls[-1][0].damaged
    assert not any(pulls and pulls[0].done for pulls in heard.pulls)
    made.repair("registry.example/me/a")
    assert heard.wait_ends(2).kind == "repair"
    assert heard.wait_ends(3).problem is None
    assert not files["template"].exists()
    assert made.close(5)


def test_fault_66_after_a_digest_mismatch_every_file_is_hashed(
    fake: FakeOllama, server: OllamaServer, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.services.models.tasks.SMALL_BYTES", 10)
    store(tmp_path, "registry.example/me/a:latest")["model"].write_bytes(b"damaged")
    fake.offer("registry.example/me/a")
    made = ModelTasks(
        {LOCAL_HOST: server},
        lambda _: lambda *_: True,
        heard.change,
        heard.end,
        folders=lambda _: (tmp_path,),
    )
    made.pull("registry.example/me/a")
    assert heard.wait_ends(1).problem is None
    fake.pulling.error_at, fake.pulling.error = (
        0.9,
        "digest mismatch, file must be downloaded again: want x, got y",
    )
    made.pull("registry.example/me/a")
    assert heard.wait_ends(2).problem is not None
    fake.pulling.error_at = None
    made.pull("registry.example/me/a")
    end = heard.wait_ends(3)
    assert end.problem is not None
    assert end.problem.code == "damaged_layers"
    assert made.close(5)


def test_names_of_the_same_weights(fake: FakeOllama, tasks: ModelTasks, heard: Heard) -> None:
    fake.install("base", weights="w")
    fake.install("terse", weights="w")
    fake.start("base", context=2048)
    tasks.load("terse")
    assert heard.wait_ends(1).note == "terse is ready: its weights are loaded already, as base:latest."
    tasks.switch("terse")
    assert heard.wait_ends(2).problem is None
    assert fake.running_names == ["terse:latest"]
    tasks.unload("base")
    assert "terse:latest is unloaded too" in heard.wait_ends(3).note


def test_a_click_sends_nothing_for_a_model_of_the_cloud(
    fake: FakeOllama, tasks: ModelTasks, heard: Heard
) -> None:
    fake.install("local")
    fake.install("copied", remote_host="https://far.example:443")
    fake.start("local")
    for at, act in enumerate((tasks.load, tasks.switch, tasks.unload), start=1):
        act("copied")
        problem = heard.wait_ends(at).problem
        assert problem is not None and problem.code == "cloud_model"
        assert "copied runs on far.example" in problem.message
    assert fake.running_names == ["local:latest"]
    assert not any(request.path == "/api/generate" for request in fake.requests)


def test_a_pull_that_the_list_does_not_show_is_an_error(
    fake: FakeOllama, tasks: ModelTasks, heard: Heard
) -> None:
    fake.offer("tiny", size=1000)
    fake.faults["/api/tags"] = lambda handler: handler.json(200, {"models": []})
    tasks.pull("tiny")
    problem = heard.wait_ends(1).problem
    assert problem is not None and problem.code == "not_listed"
    assert "does not list it" in (heard.pulls[-1][0].error or "")
