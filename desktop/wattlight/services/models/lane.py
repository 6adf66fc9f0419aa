"""One worker that does jobs one after another, and whose thread lives only while there are any."""

import threading
from collections import deque
from collections.abc import Callable

Job = Callable[[], None]


class SerialExecutor:
    """Runs jobs in order. A job must not raise and must end soon after its own cancel event is set."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, job: Job) -> bool:
        """Run ``job`` after those before it; False when the lane is closed."""
        with self._lock:
            if self._closed:
                return False
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            return True

    def close(self, timeout_s: float, finish: bool = False) -> bool:
        """Forget what waits (``finish``: do it first) and wait for what runs; False when that took longer."""
        with self._lock:
            self._closed = True
            if not finish:
                self._jobs.clear()
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs.popleft()
            job()
