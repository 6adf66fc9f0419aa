"""Make resources/catalog/tapes.json and buffers.json: what a first list of models need not work out.

    catalog_tapes.py            make both
    catalog_tapes.py --check    change nothing, fail if that would

Tapes are of the catalogue's models where they usually lie; buffers of those that lie wholly in one place. The
program makes each itself where it is not in the files, by the functions that are used here.
"""

import argparse
import json
import sys
from pathlib import Path
from zlib import crc32

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "resources" / "catalog"
sys.path.insert(0, str(ROOT / "desktop"))

from wattlight.catalog.shipped import load_catalog, load_editorial  # noqa: E402 - found by the line above
from wattlight.domain.advice import KnownModels  # noqa: E402
from wattlight.domain.fit import FitOptions, fit, graph, ready_tapes  # noqa: E402
from wattlight.domain.values import Device, MachineProfile  # noqa: E402

GIB = 1 << 30
CARDS_GIB = (8, 12, 16, 24)
MACS_GIB = (16, 32)
CONTEXTS = (8192,)
SETTINGS = tuple((batch, align) for batch in (512, 1024, 2048) for align in (128, 64, 32))
"""Batches of the server, and what CUDA and ROCm, Vulkan, and RAM round values to."""


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


def made_tapes(known):
    """Every tape that a fit of a listed model on one of ``machines`` makes."""
    made = {}

    def noted(kind, lies):
        key = (kind, lies)
        if key not in made:
            made[key] = graph.make_tape(kind, lies)
        return made[key]

    graph.common.cache_clear()
    usual, graph.ready_tape = graph.ready_tape, noted
    try:
        for entry in known.catalog.entries:
            model = known.known(entry, entry.default_tag)
            if model is None:
                continue
            model.model.buffers.worked_out(SETTINGS)
            for machine in machines():
                for context in CONTEXTS:
                    fit(model.model, machine, FitOptions(context=context))
    finally:
        graph.ready_tape = usual
        graph.common.cache_clear()
    return made


def made_buffers(known):
    """The text of buffers.json: models whose tags all have the same compute buffers."""
    rows = []
    for entry in known.catalog.entries:
        models = [known.known(entry, tag) for tag in entry.tags]
        if None in models or models[0].model.embedding_only:
            continue
        found = [model.model.buffers.worked_out(SETTINGS) for model in models]
        if found.count(found[0]) == len(found):
            whole = found[0]
            row = [int(whole.full), int(whole.windowed), *whole.peaks.values()]
            rows.append(f"{json.dumps(entry.name)}:{json.dumps(row, separators=(',', ':'))}")
    stamp, settings = crc32((FOLDER / "shapes.json").read_bytes()), json.dumps(SETTINGS)
    listed = ",\n".join(rows)
    return f'{{"shapes":{stamp},\n"settings":{settings},\n"whole":{{\n{listed}\n}}}}\n'


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(arguments)
    known = KnownModels(load_catalog(), load_editorial())
    made = {"tapes.json": ready_tapes.tapes_text(made_tapes(known)), "buffers.json": made_buffers(known)}
    if args.check:
        files = [FOLDER / name for name in made]
        same = all(file.is_file() and file.read_text(encoding="utf-8") == made[file.name] for file in files)
        print("unchanged" if same else "made anew they would be others")
        return 0 if same else 1
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
