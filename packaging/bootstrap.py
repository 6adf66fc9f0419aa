"""Sets Wattlight up in its own folder and starts it, or runs all of its checks.

    python3 packaging/bootstrap.py run     set up once, then start the tray
    python3 packaging/bootstrap.py test    everything that CI runs

Needs nothing but Python. This one file keeps to words that old Pythons understand, so that they
can say which Python is needed; everything else is in bootstrap_parts.
"""

import os
import sys

NEEDED = (3, 11)


def wanted_python(version):
    """The sentence for a Python that is too old, or None when it is new enough."""
    if tuple(version[:2]) >= NEEDED:
        return None
    return (
        "Wattlight needs Python %d.%d or newer; this is Python %d.%d.\n"
        "Install a newer one and call it by its name, for example: python3.%d packaging/bootstrap.py"
        % (NEEDED[0], NEEDED[1], version[0], version[1], NEEDED[1])
    )


def main():
    """Check the Python, then hand over to the real program."""
    problem = wanted_python(sys.version_info)
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    sys.dont_write_bytecode = True
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    from bootstrap_parts.command import main as command

    return command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
