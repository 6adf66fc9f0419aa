"""Picks the face: no argument is the tray, a verb is the command line."""

import io
import os
import sys

_MOST_SAID = 4000


class KeptWords(io.StringIO):
    """A stream of a program without a console; the first ``most`` characters of what it says are kept."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, text: str) -> int:
        return super().write(text[: max(0, self._most - self.tell())])


def ready_streams() -> KeptWords | None:
    """Make the three streams such that all can be used; where nobody would read the errors, what keeps them.

    A program without a console (Windows), or one whose streams were closed, has None in their place. A pipe
    or a file gets UTF-8 and plain line ends on Windows, as elsewhere, and not the code page of the day.
    """
    said = None
    if sys.stdin is None:
        sys.stdin = io.StringIO()  # the null device of Windows passes for a terminal
    if sys.stdout is None:
        sys.stdout = KeptWords(0)
    if sys.stderr is None:
        sys.stderr = said = KeptWords(_MOST_SAID)
    if sys.platform == "win32" and "PYTHONIOENCODING" not in os.environ:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
                stream.reconfigure(encoding="utf-8", errors=stream.errors, newline="\n")
    return said


def describe_windows() -> None:
    """Tell ``platform`` what this Windows is. By itself it starts a shell (Python 3.11) or asks a service,
    which takes seconds on some computers and ends the process on others (CPython's issues 112278, 125315)."""
    if sys.platform == "win32":
        import platform
        import socket

        version, environ = sys.getwindowsversion(), os.environ
        vars(platform)["_uname_cache"] = platform.uname_result(
            "Windows",
            socket.gethostname(),
            str(version.major),
            f"{version.major}.{version.minor}.{version.build}",
            environ.get("PROCESSOR_ARCHITEW6432") or environ.get("PROCESSOR_ARCHITECTURE", ""),
        )


def main(argv: list[str] | None = None) -> int:
    """Run Wattlight and return the exit code (0 fine, 1 an error that was said, 2 wrong use)."""
    arguments = sys.argv[1:] if argv is None else argv
    said = ready_streams()
    describe_windows()
    code = _face(arguments)
    if said is not None and code and said.getvalue().strip():
        from wattlight.system import show_box

        show_box(said.getvalue().strip())
    return code


def _face(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"tray", "--hidden", "--window"}:
        from wattlight.bootstrap import run_tray

        return run_tray([a for a in arguments if a != "tray"])
    from wattlight.bootstrap import run_command_line

    return run_command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
