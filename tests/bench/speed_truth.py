"""Published speeds against the ranges shown for them: share inside and width, by class of device.

    PYTHONPATH=desktop:tests python tests/bench/speed_truth.py [-v] [FILE]

``tests/data/speeds.csv`` holds the runs (device, tag, depth of the cache, tokens/s). Left out by rule:
drafts, other quantizations than the tag's, doubtful sources, divided models whose split is not told.

The shipped constants were made with these runs. Beside what they hold stands what constants would have held
that were made by one rule from the runs of all *other* devices of the class: that is what a device that
nobody ran yet may expect (the grid and the quantiles of ``without``; a class of one device takes all classes
of its kind).
"""

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log
from pathlib import Path
from statistics import median

from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import FitOptions, PreparedModel, Verdict, fit, prepare
from wattlight.domain.speed import (
    ASSUMED_RAM_GBS,
    GATED_ON_CPU,
    SpeedRange,
    block_weight,
    class_of,
    tokens_per_second,
    traffic_of,
)
from wattlight.domain.values import CpuProfile, Device, MachineProfile

DATA = Path(__file__).resolve().parents[1] / "data" / "speeds.csv"
GIB = 1 << 30
ROOMY = 500 * GIB
"""Where all layers are told to lie on the device, its size is of no account."""
DOUBTFUL = (
    "early", "young", "no native bf16", "backend not stated", "tensor split", "old engine", "second hand",
)  # fmt: skip
Row = dict[str, str]


@dataclass(frozen=True)
class Judged:
    kind: str
    row: Row
    measured: float
    speed: SpeedRange
    terms: tuple[float, float]
    """Seconds a token at the whole bandwidth, and blocks by their weight; the unknowns scale each."""

    @property
    def inside(self) -> bool:
        return bool(self.speed.low and self.speed.high and self.speed.low <= self.measured <= self.speed.high)

    @property
    def width(self) -> float:
        return (self.speed.high or 1.0) / (self.speed.low or 1.0)


def left_out(row: Row) -> str:
    """Why a run says nothing about the tag it names; empty if it does."""
    note, quant = row["note"], row["quant"].upper()
    if "SPECULATIVE" in note:
        return "draft"
    if "QUANT differs" in note or quant.startswith("MLX") or "mlx" in row["model"] or "nvfp4" in row["model"]:
        return "other quantization"
    if row["model"].startswith("gpt-oss") and "BF16" not in quant and "Ollama" not in note:
        return "other quantization"  # the tag keeps its dense tensors in BF16, other files do not
    if any(word in note for word in DOUBTFUL):
        return "doubtful"
    layers = row["layers_on_gpu"]
    return (
        "" if layers in {"all", "all?", "0"} or ("/" in layers and layers[0].isdigit()) else "split not told"
    )


CATALOG = load_catalog()


@lru_cache
def _prepared(model: str) -> PreparedModel | None:
    match = CATALOG.find(model)
    if match is None or match.entry.layout is None:
        return None
    return prepare(estimate_shape(match.entry, match.tag, match.entry.layout).shape)


def _machine(row: Row) -> MachineProfile:
    ram = CpuProfile(bandwidth_gbs=float(row["ram_bandwidth_gbs"] or 0) or None)
    if row["backend"] == "cpu":
        return MachineProfile("m", "linux", ROOMY, ROOMY, ram)
    memory = ROOMY if row["layers_on_gpu"] != "all?" else round(float(row["memory_gib"]) * GIB)
    shared = row["unified"] == "1"
    device = Device(
        "g",
        row["device"],
        row["backend"],
        memory,
        memory,
        unified=shared,
        compute_capability=row["compute_capability"] or None,
        bandwidth_gbs=float(row["bandwidth_gbs"]),
        vendor=row["device"].split()[0],
    )
    return MachineProfile("m", "linux", 2 * ROOMY, ROOMY, ram, devices=(device,))


def compact(row: Row) -> Row:
    """A row of the collection as it was made (one note in words, a RAM speed that may be a placeholder)."""
    if "depth" in row:
        return row
    note, engine = row["note"], row["engine_version"]
    filled = re.search(r"decode with (\d+)K tokens|at depth (\d{3,})|at that depth|mean fill (\d+)", note)
    depth = "256"
    if filled:
        kilo, plain, mean = filled.groups()
        depth = str(int(kilo) * 1024) if kilo else plain or mean or row["context"]
    told = f"{engine} {row['source']} {note}".lower().replace("ollama/ollama", "").replace("not ollama", "")
    memory = float(row["memory_gib"] or 0) * max(1, int(row["devices"] or 1))
    return row | {
        "device": row["device"] if row["device"] != "x" else "",
        "depth": depth,
        "memory_gib": str(memory),
        "ram_bandwidth_gbs": "" if "placeholders" in note else row["ram_bandwidth_gbs"],
        "note": f"{note}; {engine}{'; Ollama' if 'ollama' in told else ''}",
    }


def judged(file: Path = DATA) -> Iterator[Judged]:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [compact(row) for row in csv.DictReader(stream)]
    for row in rows:
        model = _prepared(row["model"]) if not left_out(row) else None
        if model is None:
            continue
        machine, depth, layers = _machine(row), int(row["depth"]), row["layers_on_gpu"]
        split = int(layers.split("/")[0]) if "/" in layers else model.layers + 1 if layers == "all" else None
        options = FitOptions(context=max(4096, depth + 512), gpu_layers=split if machine.devices else None)
        result = fit(model, machine, options)
        speed = tokens_per_second(model, result, machine, context_used=depth)
        device = machine.devices[0] if machine.devices and result.layers_on_gpu else None
        kind = f"{class_of(device)} {'mixture' if model.arch.experts else 'dense'}"
        if result.verdict is Verdict.PARTIAL_GPU:
            kind = "divided"
        traffic, bandwidth = traffic_of(model, result, depth), machine.cpu.bandwidth_gbs or ASSUMED_RAM_GBS
        if device is not None:
            bandwidth = device.bandwidth_gbs or 1.0
        elif model.arch.gated:
            bandwidth *= GATED_ON_CPU
        whole = (traffic.device_bytes + traffic.host_bytes) / bandwidth / 1e9
        blocks = model.layers * (block_weight(model.arch.name) if device is not None else 1.0)
        yield Judged(kind, row, float(row["tokens_per_s"]), speed, (whole, blocks))


SHARES = [n / 50 for n in range(20, 53)]
LAYERS_US = range(0, 360, 15)


def law_from(items: Sequence[Judged]) -> tuple[float, float, float, float]:
    """(share, microseconds a block, low, high) by the least absolute error and the middle nine tenths."""

    def off(share: float, layer_us: float) -> list[float]:
        return [log(i.measured * (i.terms[0] / share + i.terms[1] * layer_us * 1e-6)) for i in items]

    best, found = inf, (0.7, 100.0)
    for share in SHARES:
        for layer_us in LAYERS_US:
            error = sum(map(abs, off(share, layer_us)))
            if error < best:
                best, found = error, (share, float(layer_us))
    ratios = sorted(map(exp, off(*found)))
    cut = len(ratios) // 20
    return *found, ratios[cut] / MARGIN, ratios[-1 - cut] * MARGIN


MARGIN = 1.05
"""Runs of devices unseen lie a little outside of those seen."""


def without(items: Sequence[Judged], of_its_kind: Sequence[Judged]) -> tuple[int, int, float, int]:
    """(runs inside, of so many, median width, runs inside the range that is shown about that middle) where
    each device is judged by the others of its class."""
    inside, shown, widths = 0, 0, [1.0]
    for name in {item.row["device"] for item in items}:
        others = [item for item in items if item.row["device"] != name]
        if len(others) < FEWEST:
            others = [item for item in of_its_kind if item.row["device"] != name]
        if len(others) < FEWEST:
            continue
        share, layer_us, low, high = law_from(others)
        for item in items:
            if item.row["device"] == name:
                ratio = item.measured * (item.terms[0] / share + item.terms[1] * layer_us * 1e-6)
                inside += low <= ratio <= high
                mid = item.speed.mid or 1.0
                shown += (item.speed.low or 0.0) <= ratio * mid <= (item.speed.high or 0.0)
                widths.append(high / low)
    return inside, len(widths) - 1, median(widths[1:] or widths), shown


FEWEST = 4


def main() -> int:
    by_kind: dict[str, list[Judged]] = {}
    files = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    for item in judged(*files[:1]):
        by_kind.setdefault(item.kind, []).append(item)
        if "-v" in sys.argv and not item.inside:
            mid = item.speed.mid or 1.0
            print(
                f"  {item.kind:24s} {item.measured / mid:5.2f} {item.row['device']} {item.row['model']} "
                f"{item.measured} not in {item.speed.low:.1f}-{item.speed.high:.1f} {item.row['note']}"
            )
    print(f"{'class':26s} {'n':>4s} {'inside':>7s} {'width':>6s}   devices  left out: inside, width, shown")
    for kind, items in sorted(by_kind.items()):
        print(_line(kind, items) + _unseen(kind, by_kind))
    print(_line("all", [item for items in by_kind.values() for item in items]))
    unseen = [without(by_kind[kind], kin(kind, by_kind)) for kind in by_kind if kind != "divided"]
    inside, count = sum(one[0] for one in unseen), sum(one[1] for one in unseen)
    print(f"devices left out one at a time: {inside / count:.0%} of {count} inside")
    return 0


def kin(kind: str, by_kind: dict[str, list[Judged]]) -> list[Judged]:
    """Runs of all classes of the same vendor's and sort."""
    first, last = kind[:1], kind.rpartition(" ")[2]
    return [
        i for other, items in by_kind.items() for i in items if other[:1] == first and other.endswith(last)
    ]


def _unseen(kind: str, by_kind: dict[str, list[Judged]]) -> str:
    items = by_kind[kind]
    count = len({item.row["device"] for item in items})
    inside, judged_by_others, width, shown = without(items, kin(kind, by_kind))
    if kind == "divided" or not judged_by_others:
        return f"   {count:7d}"
    return f"   {count:7d}  {inside / judged_by_others:10.0%} {width:6.2f} {shown / judged_by_others:8.0%}"


def _line(kind: str, items: list[Judged]) -> str:
    share = sum(item.inside for item in items) / len(items)
    return f"{kind:26s} {len(items):4d} {share:7.0%} {median(item.width for item in items):6.2f}"


if __name__ == "__main__":
    sys.exit(main())
