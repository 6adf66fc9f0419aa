"""Make resources/catalog/tapes.json and buffers.json: what a first list of models need not work out.

    catalog_tapes.py            make both
    catalog_tapes.py --check    change nothing, fail if that would

Tapes are of the catalogue's models where they usually lie; buffers of those that lie wholly in one place, or
on one device beside RAM. The program makes each itself where it is not in the files, by the functions that
are used here.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from zlib import crc32

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "resources" / "catalog"
sys.path.insert(0, str(ROOT / "desktop"))

from wattlight.catalog.editorial import load_editorial  # noqa: E402 - found by the line above
from wattlight.catalog.shipped import load_catalog  # noqa: E402 - found by the line above
from wattlight.domain.advice import DEFAULT_CONTEXT, KnownModels  # noqa: E402
from wattlight.domain.advice.candidates import tags_of  # noqa: E402
from wattlight.domain.entry import Flavour  # noqa: E402
from wattlight.domain.fit import FitOptions, fit, graph, ready_tapes  # noqa: E402
from wattlight.domain.fit.block_facts import Setting  # noqa: E402
from wattlight.domain.fit.plan import Planner  # noqa: E402
from wattlight.domain.fit.ready_buffers import divided_text  # noqa: E402
from wattlight.domain.values import Device, MachineProfile  # noqa: E402

GIB = 1 << 30
CARDS_GIB = (8, 12, 16, 24)
MACS_GIB = (16, 32)
ROOMY_MACS_GIB = (64, 192)
"""These load with a larger batch, and hold what is worth holding wholly."""
CONTEXTS = (DEFAULT_CONTEXT,)
SETTINGS = tuple((batch, align) for batch in (512, 1024, 2048) for align in (128, 64, 32))
"""Batches of the server, and what CUDA and ROCm, Vulkan, and RAM round values to."""

ROTATED = Setting(512, DEFAULT_CONTEXT, 0, 1, "Q8_0", True, True, 128)
"""A quantised cache, whose largest context every fit tells."""


def machines():
    """Computers of the usual sizes: none, one and two cards, Apple's."""
    found = [MachineProfile("processor", "linux", 64 * GIB, 60 * GIB)]
    for gib in CARDS_GIB:
        for count in (1, 2):
            devices = [
                Device(f"gpu{i}", f"gpu{i}", "cuda", gib * GIB, gib * GIB - GIB // 2) for i in range(count)
            ]
            found.append(MachineProfile("cards", "linux", 512 * GIB, 500 * GIB, devices=tuple(devices)))
    return [*found, *map(mac, MACS_GIB)]


def mac(gib):
    room = gib * GIB * 2 // 3
    device = Device("metal0", "metal0", "metal", room, room, unified=True)
    return MachineProfile("mac", "macos", gib * GIB, room, devices=(device,))


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
            if not model.model.embedding_only:
                model.model.buffers.passes(ROTATED).layout((), ((0, model.model.arch.trunk),), [], False)
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
    divided = ",\n".join(
        f"{json.dumps(entry.name)}:{json.dumps(texts, separators=(',', ':'))}"
        for entry in known.catalog.entries
        if (texts := made_divided(known, entry))
    )
    stamp, settings = crc32((FOLDER / "shapes.json").read_bytes()), json.dumps(SETTINGS)
    listed = ",\n".join(rows)
    head = f'"shapes":{stamp},\n"settings":{settings}'
    return f'{{{head},\n"whole":{{\n{listed}\n}},\n"divided":{{\n{divided}\n}}}}\n'


def without_ready(catalog):
    """The catalogue without what is to be made anew."""
    bare = [
        replace(entry, layout=replace(entry.layout, whole=None, divided={})) if entry.layout else entry
        for entry in catalog.entries
    ]
    return replace(catalog, entries=tuple(bare), _by_name={})


ONE_DEVICE = [machine for machine in machines() if len(machine.devices) == 1]


def card(gib):
    device = Device("gpu0", "gpu0", "cuda", gib * GIB, gib * GIB - GIB // 2)
    return MachineProfile("card", "linux", 64 * GIB, 60 * GIB, devices=(device,))


def settings_of(model, machines):
    found = set()
    for machine in machines:
        planner = Planner(model, machine, FitOptions(context=DEFAULT_CONTEXT))
        if planner.model is model:
            found.add(planner.plan(DEFAULT_CONTEXT).sizer(model).setting)
    return found


def made_divided(known, entry):
    """Texts by tag: one device beside RAM, where a list of models asks for that."""
    texts = {}
    for tag in {tag for flavour in (Flavour.SAME, Flavour.INSTRUCT) for tag in tags_of(entry, flavour)}:
        model = known.known(entry, tag)
        if model is None or model.model.embedding_only:
            continue
        parts = settings_of(model.model, [*ONE_DEVICE, card(4), mac(8)])
        whole = settings_of(model.model, map(mac, ROOMY_MACS_GIB)) - parts
        buffers = model.model.buffers
        rows = [buffers.divided_row(setting, setting in whole) for setting in sorted(parts | whole)]
        texts[tag.tag] = divided_text(model.model.shape.file_bytes, rows)
    return dict(sorted(texts.items()))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(arguments)
    known = KnownModels(without_ready(load_catalog()), load_editorial())
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
