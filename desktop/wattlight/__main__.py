"""Picks the face: no argument is the tray, a verb is the command line."""

import sys


def main(argv: list[str] | None = None) -> int:
    """Run Wattlight and return the exit code (0 fine, 1 an error that was said, 2 wrong use)."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"tray", "--hidden", "--window"}:
        from wattlight.bootstrap import run_tray

        return run_tray([a for a in arguments if a != "tray"])
    from wattlight.bootstrap import run_command_line

    return run_command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
