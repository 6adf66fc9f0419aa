"""Checks the files by which desktops know the program: menu entry, AppStream metadata, icon, manual page.

python packaging/linux/check_metadata.py
"""

import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
APP_ID = "io.github.wattlight.wattlight"


def metainfo(version: str, date: str) -> str:
    """The AppStream file of a version."""
    text = (HERE / f"{APP_ID}.metainfo.xml.in").read_text(encoding="utf-8")
    return text.replace("@VERSION@", version).replace("@DATE@", date)


def run(*command: str) -> bool:
    """Run a checker; one that is not installed is said, and is no failure."""
    if shutil.which(command[0]) is None:
        print(f"not checked, {command[0]} is not installed")
        return True
    print("$ " + " ".join(command), flush=True)
    return subprocess.run(command, check=False).returncode == 0


def main() -> int:
    """Run all checkers; 1 when one of them complains."""
    entry = HERE / f"{APP_ID}.desktop"
    good = run("desktop-file-validate", "--no-hints", str(entry))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{APP_ID}.metainfo.xml"
        path.write_text(metainfo("0.1.0", "2026-01-01"), encoding="utf-8")
        good &= run("appstreamcli", "validate", "--no-net", "--pedantic", "--explain", str(path))
        manual = Path(folder) / "wattlight.1"
        made = subprocess.run(
            [sys.executable, "-I", str(HERE / "man_page.py"), "2026-01-01"], capture_output=True, check=False
        )
        sys.stderr.write(made.stderr.decode())
        manual.write_bytes(made.stdout)
        good &= made.returncode == 0 and run("mandoc", "-Tlint", "-Wwarning", str(manual))
    icon = CHECKOUT / "resources/icons/wattlight.svg"
    root = xml.etree.ElementTree.parse(icon).getroot()
    if not root.tag.endswith("svg") or "viewBox" not in root.attrib:
        print(f"{icon} is not an icon that scales (no viewBox)")
        good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
