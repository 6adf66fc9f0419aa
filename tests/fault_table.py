"""Prints which tests show that a known fault is gone, and how they end.

``python tests/fault_table.py`` runs them all (a screen and a session bus are needed); with ``--list`` it only
names them.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
COUNT = 66
NOT_YET = {
    22: "two servers on one computer are not shown side by side yet",
    56: "no token is kept yet, so no keyring is asked",
}
"""Fault -> why it has no test."""


def by_fault() -> dict[int, list[str]]:
    """Fault -> names of its tests."""
    found = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for name, number in re.findall(r"def (test_fault_(\d+)\w*)\(", file.read_text(encoding="utf-8")):
            found[int(number)].append(name)
    return found


def results() -> dict[str, set[str]]:
    """Test -> how it ended: passed, failed, skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not bench", "-k", "test_fault"]
        subprocess.run([*command, f"--junitxml={report}", str(TESTS)], check=False)
        ended = defaultdict(set)
        for case in ElementTree.parse(report).iter("testcase"):
            kinds = {child.tag for child in case}
            how = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
            ended[case.get("name", "").split("[")[0]].add(how)
        return ended


def main(arguments: list[str]) -> int:
    named = by_fault()
    ended = {} if "--list" in arguments else results()
    for number in range(1, COUNT + 1):
        if number not in named:
            print(f"{number:2}  -  {NOT_YET.get(number, 'NO TEST')}")
        for name in named.get(number, []):
            print(f"{number:2}  {name}  {' and '.join(sorted(ended.get(name, ())))}".rstrip())
    return int(any("failed" in how for how in ended.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
