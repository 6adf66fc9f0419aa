"""Where the frozen program begins: clean the environment for children, check the screen, pick the face."""

import os
import sys
from collections.abc import Mapping, MutableMapping

from bootstrap_parts import needs
from bootstrap_parts.screen import find_displays, wants_a_window


def restore_library_path(environ: MutableMapping[str, str]) -> None:
    """Undo what the bundle's loader did to the search path, for every child that will ever be started.

    The loader puts the bundle's folder first; nvidia-smi, ollama, openssl or a browser would then load the
    bundle's libraries in place of the system's and fail. This process itself has read the path already.
    """
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        original = environ.pop(f"{name}_ORIG", None)
        environ.pop(name, None)
        if original:
            environ[name] = original


def problem_with_the_screen(environ: Mapping[str, str]) -> str | None:
    """Why no window can be opened, with the way out; None when one can. Qt itself would just abort."""
    screen = find_displays(environ)
    if screen.why_none:
        return f"There is no screen to open a window on: {screen.why_none}. Try: wattlight hardware"
    lacking = needs.missing(needs.wanted(screen.platforms))
    manager = needs.package_manager()
    if lacking and manager is not None:
        return f"The system lacks libraries. Install them: {manager.line(manager.packages(lacking))}"
    if lacking:
        return f"The system lacks libraries: {', '.join(library.name for library in lacking)}"
    return None


def main() -> int:
    """Run Wattlight; the exit code as in wattlight.__main__."""
    restore_library_path(os.environ)
    arguments = sys.argv[1:]
    if wants_a_window(arguments) and sys.platform.startswith("linux"):
        problem = problem_with_the_screen(os.environ)
        if problem:
            tell(problem)
            return 1
    from wattlight.__main__ import main as wattlight

    return wattlight(arguments)


def tell(problem: str) -> None:
    """Say it on the error stream and, for somebody who started from a menu, as a notification."""
    sys.stderr.write(problem + "\n")
    import shutil
    import subprocess

    if os.environ.get("DBUS_SESSION_BUS_ADDRESS") and shutil.which("notify-send"):
        subprocess.run(["notify-send", "--app-name=Wattlight", "Wattlight", problem], timeout=5, check=False)


if __name__ == "__main__":
    sys.exit(main())
