"""Wattlight: local language models in the tray, with true figures for memory, power and cost."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Thread

__version__ = "0.1.0"

SHIPPED = tuple(Path(__file__).resolve().parents[up] / "resources" for up in (0, 2))
"""Where shipped files may lie: in an installed package, in a checkout."""


StartThread = Callable[[str, Callable[[], object]], Thread]
"""Starts a thread by name. The program's own watches it (``services.threads``)."""


def start_thread(name: str, run: Callable[[], object]) -> Thread:
    """A daemon thread that nobody watches: for a part that is used alone."""
    thread = Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def lazy_door(package: str, parts: dict[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package whose names are loaded when they are first asked for.

    ``parts``: a file of the package, and the names it gives, with spaces between.
    """
    where = {name: part for part, names in parts.items() for name in names.split()}

    def load(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f".{where[name]}", package), name)

    return load
