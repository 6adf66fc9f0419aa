"""Commands in the background: progress, order, cancel, and no thread left behind."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
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
        self.ends: list[TaskEnd] = []
        self.changed = threading.Condition()

    def change(self, tasks: tuple[TaskState, ...]) -> None:
        with self.changed:
            self.tasks.append(tasks)
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
    assert tasks.close(5)


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
    fake.load_gate = threading.Event()
    tasks.load("a")
    for _ in range(500):
        if fake.requests:
            break
        time.sleep(0.01)
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


def test_a_repair_removes_the_damaged_files_and_pulls_anew(
    server: OllamaServer, heard: Heard, tmp_path: Path
) -> None:
    files = store(tmp_path, "registry.example/me/a:latest")
    files["template"].write_bytes(b"damaged")
    anew: list[str] = []
    made = ModelTasks(
        {LOCAL_HOST: server},
        lambda _: lambda *_: True,
        heard.change,
        heard.end,
        folders=lambda _: (tmp_path,),
        pull=lambda model, _host: anew.append(model),
    )
    made.repair("registry.example/me/a")
    assert heard.wait_ends().kind == "repair"
    assert anew == ["registry.example/me/a"]
    assert not files["template"].exists() and files["model"].exists()
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
