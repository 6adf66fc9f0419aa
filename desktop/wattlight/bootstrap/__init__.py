"""Composition root: builds everything, starts and stops it in order; each face is loaded when asked for."""

import gc
from contextlib import closing


def run_command_line(arguments: list[str]) -> int:
    """Run one verb of the command line; never loads Qt.

    While it is loaded, and when it ends, nothing is searched for garbage, which is a tenth of a short verb's
    time.
    """
    gc.disable()
    try:
        from wattlight.cli import run
        from wattlight.services.factory import ServiceFactory

        with closing(ServiceFactory()) as workshop:
            return run(arguments, workshop)
    finally:
        gc.freeze()
        gc.enable()


def run_tray(arguments: list[str]) -> int:
    from .tray import run_desktop

    return run_desktop(arguments)
