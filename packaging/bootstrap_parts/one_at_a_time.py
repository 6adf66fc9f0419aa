"""A lock beside the environment: two setups at once wait for each other, a killed one holds nothing."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from .say import StepError


def _try_lock(file: IO[str]) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def held(
    venv: Path,
    on_wait: Callable[[], None],
    limit_s: float = 1800,
    pause_s: float = 0.2,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Hold the lock of ``venv``; ``on_wait`` is called once when another setup is under way.

    Raises:
        StepError: the other setup did not end within ``limit_s``, or no lock file can be made.
    """
    path = venv.with_name(venv.name + ".lock")
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise StepError(
            f"{path} cannot be written ({error.strerror}).", "Give another place with: --venv DIR"
        ) from error
    with file:
        begin_s = clock()
        waiting = False
        while not _try_lock(file):
            if not waiting:
                waiting = True
                on_wait()
            if clock() - begin_s > limit_s:
                raise StepError("Another setup in the same folder does not end.", "End it, then run again.")
            time.sleep(pause_s)
        yield
