"""Writes the hash-locked lists of packages anew, from what pyproject.toml asks for.

    python3 packaging/refresh_locks.py             the newest versions that satisfy pyproject.toml
    python3 packaging/refresh_locks.py --keep      keep versions that still satisfy it

One list serves Python 3.11 to 3.14 on Linux, macOS and Windows. The lists are made in a throw-away
environment, with uv's resolver, which reads what pip-compile reads and knows several systems at once.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGING = CHECKOUT / "packaging"
LISTS = {
    "requirements.lock": ["pyproject.toml"],
    "requirements-test.lock": ["pyproject.toml", "--extra", "test", "packaging/requirements-build.in"],
    "requirements-bundle.lock": ["pyproject.toml", "packaging/requirements-bundle.in"],
}
HEADER = """\
# Made by packaging/refresh_locks.py from pyproject.toml: do not edit.
# Python 3.11 to 3.14; Linux, macOS, Windows. Installed with --require-hashes --only-binary :all:
"""


def compile_list(uv: Path, name: str, sources: list[str], keep: bool) -> None:
    """Resolve one list and write it."""
    target = PACKAGING / name
    command = [str(uv), "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11"]
    command += ["--no-header", "--no-build", "--quiet", "--output-file", str(target), *sources]
    if name != "requirements.lock":
        command += ["--constraints", "packaging/requirements.lock"]
    if not keep:
        command.append("--upgrade")
    subprocess.run(command, cwd=CHECKOUT, check=True)
    text = target.read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    target.write_text(HEADER + text, encoding="utf-8")
    print(f"{name}: {len(re.findall('^[a-z0-9]', text, re.MULTILINE))} packages")


def main() -> int:
    """Make the throw-away environment and write all lists."""
    parser = argparse.ArgumentParser(description="Writes the hash-locked lists of packages anew.")
    parser.add_argument("--keep", action="store_true", help="keep versions that still satisfy pyproject.toml")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-I", "-m", "venv", folder], check=True)
        bin_folder = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([bin_folder / "python", "-I", "-m", "pip", "install", "--quiet", "uv"], check=True)
        for name, sources in LISTS.items():
            compile_list(bin_folder / "uv", name, sources, keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
