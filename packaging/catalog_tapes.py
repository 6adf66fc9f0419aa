"""Make resources/catalog/tapes.json: tapes of the catalogue's models where they usually lie.

    catalog_tapes.py            make it
    catalog_tapes.py --check    change nothing, fail if that would

The program makes each tape itself where it is not in the file, by the function that is used here.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "catalog" / "tapes.json"
sys.path.insert(0, str(ROOT / "desktop"))

from wattlight.catalog.shipped import load_catalog, load_editorial  # noqa: E402 - found by the line above
from wattlight.domain.advice import KnownModels  # noqa: E402
from wattlight.domain.fit import FitOptions, fit, graph, ready_tapes  # noqa: E402  # noqa: E402
from wattlight.domain.values import Device, MachineProfile  # noqa: E402

GIB = 1 << 30
CARDS_GIB = (8, 12, 16, 24)
MACS_GIB = (16, 32)
CONTEXTS = (8192,)


def machines():
    """Computers of the usual sizes: none, one and two cards, Apple's."""
    found = [MachineProfile("processor", "linux", 64 * GIB, 60 * GIB)]
    for gib in CARDS_GIB:
        for count in (1, 2):
            devices = [
                Device(f"gpu{i}", f"gpu{i}", "cuda", gib * GIB, gib * GIB - GIB // 2) for i in range(count)
            ]
            found.append(MachineProfile("cards", "linux", 512 * GIB, 500 * GIB, devices=tuple(devices)))
    for gib in MACS_GIB:
        room = gib * GIB * 2 // 3
        device = Device("metal0", "metal0", "metal", room, room, unified=True)
        found.append(MachineProfile("mac", "macos", gib * GIB, room, devices=(device,)))
    return found


def made_tapes():
    """Every tape that a fit of a listed model on one of ``machines`` makes."""
    made = {}

    def noted(kind, lies):
        key = (kind, lies)
        if key not in made:
            made[key] = graph.make_tape(kind, lies)
        return made[key]

    known = KnownModels(load_catalog(), load_editorial())
    graph.common.cache_clear()
    usual, graph.ready_tape = graph.ready_tape, noted
    try:
        for entry in known.catalog.entries:
            model = known.known(entry, entry.default_tag)
            for machine in machines() if model else ():
                for context in CONTEXTS:
                    fit(model.model, machine, FitOptions(context=context))
    finally:
        graph.ready_tape = usual
        graph.common.cache_clear()
    return made


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(arguments)
    text = ready_tapes.tapes_text(made_tapes())
    if args.check:
        same = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        print("unchanged" if same else "made anew it would be another")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
