"""Looks into the built wheel and source archive: everything the program needs, nothing else.

python packaging/check_wheel.py FOLDER
"""

import sys
import tarfile
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def wanted_files(checkout: Path) -> set[str]:
    """Names in the wheel for every source and resource file of the checkout."""
    names: set[str] = set()
    for root, prefix in (("desktop/wattlight", "wattlight"), ("resources", "wattlight/resources")):
        for path in (checkout / root).rglob("*"):
            relative = path.relative_to(checkout / root)
            if path.is_file() and "__pycache__" not in relative.parts and not path.name.startswith("."):
                names.add(f"{prefix}/{relative.as_posix()}")
    return names


def faults_of_wheel(names: set[str], wanted: set[str]) -> list[str]:
    """What is missing from the wheel or does not belong into it."""
    faults = [f"missing: {name}" for name in sorted(wanted - names)]
    for name in sorted(names - wanted):
        if not name.startswith("wattlight-") and not name.rsplit("/", 1)[-1].startswith("."):
            faults.append(f"does not belong: {name}")
    info = {name.split("/", 1)[1] for name in names if name.startswith("wattlight-")}
    faults += [f"missing: {name}" for name in ("entry_points.txt", "licenses/LICENSE") if name not in info]
    return faults


def main(argv: list[str]) -> int:
    """Check both archives in the folder given."""
    folder = Path(argv[0])
    wheel = next(folder.glob("wattlight-*.whl"))
    source = next(folder.glob("wattlight-*.tar.gz"))
    with zipfile.ZipFile(wheel) as archive:
        faults = faults_of_wheel(set(archive.namelist()), wanted_files(CHECKOUT))
    with tarfile.open(source) as archive_of_source:
        inside = {name.split("/", 1)[1] for name in archive_of_source.getnames() if "/" in name}
    needed = ("packaging/bootstrap.py", "tests/architecture/test_ranks.py", "LICENSE")
    faults += [f"missing from the source archive: {name}" for name in needed if name not in inside]
    for fault in faults:
        print(fault)
    for path in (wheel, source):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
