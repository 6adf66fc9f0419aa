"""The desktop program: first the icon, then everything else; stops in order."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wattlight.domain import Problem
from wattlight.paths import Places, places_for_user

NO_SCREEN = 3
"""Exit code where there is no screen; the bootstrap prints a report then."""


@contextmanager
def unread_sources() -> Iterator[None]:
    """PySide6 looks into the source of every module that is imported after it, for names in another style.

    Ours ask for none; all that it read would stay in memory, 12 MiB.
    """

    def unread(_: object) -> str:
        raise OSError("not read")

    known = inspect.getsource
    inspect.getsource = unread  # type: ignore[assignment]  # it takes anything
    try:
        yield
    finally:
        inspect.getsource = known


def run_desktop(arguments: list[str]) -> int:
    """Run the tray program until the user quits; 0 also when another instance was asked to show itself."""
    with unread_sources():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    try:
        places = places_for_user()
        from wattlight.ui import early_icon

        early = early_icon(places, arguments)
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return NO_SCREEN if problem.code == "no_screen" else 1
    except ImportError as error:
        sys.stderr.write(
            f"The window cannot be shown: {error}. Start 'wattlight doctor' to see what is missing.\n"
        )
        return 1
    if early is None:
        return 0
    try:
        from wattlight.services.factory import ServiceFactory

        from .desktop_program import DesktopProgram

        program = DesktopProgram(ServiceFactory(), early, arguments)
    except Exception as error:  # noqa: BLE001 - the last border: no traceback reaches a person
        return _failed(places, error)
    return program.run()


def _failed(places: Places, error: Exception) -> int:
    """Write what happened into the log and say one sentence."""
    from wattlight.system import open_log
    from wattlight.ui import last_words

    open_log(places.log_file).error("the program could not start", exc_info=error)
    text = f"Wattlight could not start ({type(error).__name__}). The details are in {places.log_file}."
    if isinstance(error, Problem):
        text = str(error)
    sys.stderr.write(text + "\n")
    if sys.platform != "win32":  # there the error stream is read, or shown at the end
        last_words(text)
    return 1
