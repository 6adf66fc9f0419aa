"""What differs between systems: named reasons to leave a test out, and the environment of children."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

DESKTOP = Path(__file__).resolve().parents[2] / "desktop"
_WINDOWS = sys.platform == "win32"

needs_modes = pytest.mark.skipif(_WINDOWS, reason="Windows has no modes of files")
needs_trees = pytest.mark.skipif(
    _WINDOWS, reason="names in recorded Linux trees hold ':', and they are read by os.pread"
)
needs_removing_open_files = pytest.mark.skipif(_WINDOWS, reason="Windows refuses to remove a file in use")
needs_links = pytest.mark.skipif(_WINDOWS, reason="links need a right on Windows that accounts do not have")
needs_open_names = pytest.mark.skipif(
    sys.platform != "linux", reason="/proc alone tells the name of a file that is open"
)
needs_letters = pytest.mark.skipif(
    sys.platform in {"win32", "darwin"}, reason="names in other letters are one file there"
)
needs_systemd = pytest.mark.skipif(
    sys.platform in {"win32", "darwin"}, reason="systemd alone has such services; others have their own place"
)
needs_posix = pytest.mark.skipif(_WINDOWS, reason="programs and calls of POSIX systems")


def _takes_colons() -> bool:
    """Whether a folder HOST:PORT can be made here; Wine makes it, Windows does not."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Path(folder, "host:1").mkdir()
        except OSError:
            return False
        return True


needs_colons = pytest.mark.skipif(
    not _takes_colons(), reason="what a registry with a port offers lies in a folder HOST:PORT"
)


def child_environ(**more: str) -> dict[str, str]:
    """As little as a Python that imports Wattlight can do with, and ``more``."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": str(DESKTOP), **more}


def peak_bytes() -> int:
    """The most memory that this process has had."""
    if _WINDOWS:
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
