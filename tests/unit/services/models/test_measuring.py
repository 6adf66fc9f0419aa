"""Measurements stand back: one at a time, and any other operation ends them at once."""

import threading
from collections.abc import Callable

from wattlight.runtime import RuntimeProblem
from wattlight.services.models import ModelTasks

from .test_tasks import Heard, heard, tasks

__all__ = ["heard", "tasks"]


class Measurement:
    """Waits for its cancel event, as a long answer does."""

    def __init__(self) -> None:
        self.started = threading.Event()

    def __call__(self, say: Callable[[float | None], None], cancel: threading.Event) -> None:
        say(0.25)
        self.started.set()
        assert cancel.wait(10)
        raise RuntimeProblem("Cancelled.", code="cancelled")


def test_progress_is_published(tasks: ModelTasks, heard: Heard) -> None:
    work = Measurement()
    tasks.measure("llama3.2:3b", work)
    heard.wait(lambda: any(t.fraction == 0.25 and t.kind == "measure" for seen in heard.tasks for t in seen))
    tasks.cancel_task("llama3.2:3b")
    assert heard.wait_ends().cancelled


def test_another_operation_ends_it(tasks: ModelTasks, heard: Heard) -> None:
    work = Measurement()
    tasks.measure("llama3.2:3b", work)
    assert work.started.wait(10)
    tasks.unload()
    first, second = heard.wait_ends(1), heard.wait_ends(2)
    assert (first.kind, first.cancelled) == ("measure", True)
    assert (second.kind, second.problem) == ("unload", None)


def test_a_failed_measurement_says_why(tasks: ModelTasks, heard: Heard) -> None:
    def work(_say: Callable[[float | None], None], _cancel: threading.Event) -> None:
        raise RuntimeProblem("It gave no answer that can be measured.", "Try it once in a chat.")

    tasks.measure("llama3.2:3b", work)
    end = heard.wait_ends()
    assert end.kind == "measure"
    assert "no answer" in str(end.problem)
