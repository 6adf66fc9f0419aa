"""The desktop program: first the icon, then everything else; stops in order."""

import sys

from wattlight.domain.values import Problem

NO_SCREEN = 3
"""Exit code where there is no screen; the bootstrap prints a report then."""


def run_desktop(arguments: list[str]) -> int:
    """Run the tray program until the user quits; 0 also when another instance was asked to show itself."""
    from .workshop import LocalWorkshop

    workshop = LocalWorkshop()
    try:
        places = workshop.places
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
    from .desktop_program import DesktopProgram

    return DesktopProgram(workshop, early, arguments).run()
