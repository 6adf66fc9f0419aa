"""Accuracy of the memory model against what the real engine and a real server computed on pretended devices.

``python tests/bench/fit_accuracy.py`` prints the table. Every case goes through the public door
(:func:`wattlight.domain.fit.fit`). The trained context is lifted, because the engine was measured beyond it
in some cases (the server would cut it).
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT / "desktop"), str(ROOT / "tests")]

from fakes import fit_truth
from wattlight.domain.fit import FitOptions, FitResult, PreparedModel, fit, prepare

FORCED = {"cuda-full", "metal-full", "ngl", "fresh-full"}
DENSE_PARTIAL = ("fit", "multi")


@dataclass(frozen=True)
class Scored:
    """One case and what was predicted for it."""

    case: dict[str, Any]
    result: FitResult

    @property
    def layers_measured(self) -> int:
        """Units on devices; the engine says nothing where all are."""
        found, total = self.case["n_gpu_layers"], self.result.layers_total
        return total if found is None else min(int(found), total)

    @property
    def layers_agree(self) -> bool:
        """The same number of layers on devices (on a machine without one: always)."""
        return not self.case["devices"] or self.result.layers_on_gpu == self.layers_measured

    @property
    def experts_measured(self) -> int:
        """Blocks whose experts are in RAM, from the first that overflows to the last block."""
        overrides = self.case.get("overrides")
        if not overrides:
            return 0
        first = int(re.search(r"blk\\\.(\d+)", overrides["first"]).group(1))  # type: ignore[union-attr]
        return int(self.case["n_layer"]) - first

    def measured(self, *parts: str) -> int:
        """Sum of measured bytes: ``gpu``, ``host``, or ``gpu.model`` and so on."""
        total = 0
        for part in parts:
            place, _, kind = part.partition(".")
            found = self.case["measured"][place]
            total += found[kind] if kind else sum(found.values())
        return total

    def error(self, kind: str) -> float:
        """Relative error of ``total``, ``weights``, ``cache`` or ``compute`` (GPU and host together)."""
        devices, host = self.result.devices, self.result.host
        if kind == "total":
            return relative(self.result.gpu_bytes + self.result.host_bytes, self.measured("gpu", "host"))
        field, key = {
            "weights": ("weights_bytes", "model"),
            "cache": ("kv_bytes", "context"),
            "compute": ("compute_bytes", "compute"),
        }[kind]
        ours = sum(getattr(use, field) for use in (*devices, host))
        return relative(ours, self.measured(f"gpu.{key}", f"host.{key}"))

    def placed_error(self, kind: str) -> float:
        """Worst relative error of GPU and of host bytes of a kind, taken apart."""
        field, key = {"weights": ("weights_bytes", "model"), "cache": ("kv_bytes", "context")}[kind]
        gpu = sum(getattr(use, field) for use in self.result.devices)
        host = getattr(self.result.host, field)
        return max(
            (relative(gpu, self.measured(f"gpu.{key}")), relative(host, self.measured(f"host.{key}"))),
            key=abs,
        )


def relative(ours: int, theirs: int) -> float:
    """Relative error; 0 where both are nothing."""
    if not theirs:
        return 0.0 if not ours else 1.0
    return (ours - theirs) / theirs


@lru_cache(maxsize=96)
def model(name: str) -> PreparedModel:
    """A model of the truth set, its trained context lifted."""
    shape = fit_truth.shape(name)
    metadata = {**shape.metadata, f"{shape.architecture}.context_length": 1 << 20}
    return prepare(replace(shape, metadata=metadata))


def options_of(case: dict[str, Any]) -> FitOptions:
    """What was asked of the engine; two devices are both used whatever the server would do."""
    forced = case["group"] in FORCED
    return FitOptions(
        context=case["num_ctx"],
        kv_type=case["kv_type"],
        parallel=case["num_parallel"],
        batch=case["n_ubatch"],
        flash_attention=case["flash_attn"],
        gpu_layers=case["n_gpu_layers_arg"] if forced else None,
        spread=True,
    )


def score(case: dict[str, Any]) -> Scored:
    """Predict one case."""
    return Scored(case, fit(model(case["model"]), fit_truth.machine_of(case), options_of(case)))


@lru_cache(maxsize=1)
def all_scored() -> tuple[Scored, ...]:
    """Every measured case."""
    return tuple(score(case) for case in fit_truth.cases())


@lru_cache(maxsize=1)
def fresh_scored() -> tuple[Scored, ...]:
    """Every measured case of the models that came out later."""
    return tuple(score(case) for case in fit_truth.fresh_cases())


def full(group: str) -> list[Scored]:
    """Cases of ``group`` with everything on devices."""
    return [s for s in all_scored() if s.case["group"] == group]


def automatic(everything: bool) -> list[Scored]:
    """Cases of the automatic fit on one device, those where all fits or those where it does not."""
    return [s for s in all_scored() if s.case["group"] == "fit" and _whole(s) is everything]


def two_devices(everything: bool) -> list[Scored]:
    """Cases on two devices."""
    return [s for s in all_scored() if s.case["group"].startswith("multi") and _whole(s) is everything]


def _whole(s: Scored) -> bool:
    return s.layers_measured > s.case["n_layer"] and not s.case.get("overrides")


def dense_partial() -> list[Scored]:
    """Automatic fits in which a part of the layers, but not none, went to devices."""
    return [
        s
        for s in all_scored()
        if s.case["group"].startswith(DENSE_PARTIAL)
        and not s.case.get("overrides")
        and 0 < s.layers_measured <= s.case["n_layer"]
    ]


def fitted() -> list[Scored]:
    """All cases of the automatic fit."""
    return [s for s in all_scored() if s.case["fit"]]


def with_experts_in_ram() -> list[Scored]:
    """Cases in which experts went to RAM."""
    return [s for s in all_scored() if s.case.get("overrides")]


@dataclass(frozen=True)
class Loaded:
    """A real load by the server and what was predicted for it."""

    answer: dict[str, Any]
    result: FitResult

    @property
    def layers_agree(self) -> bool:
        """The same number of layers on devices."""
        offloaded = self.answer["offloaded"]
        return self.result.layers_on_gpu == (int(offloaded[0]) if offloaded else 0)

    @property
    def size_error(self) -> float:
        """Relative error of the reported size."""
        return relative(self.result.reported_size_bytes, self.answer["ps"]["size"])

    @property
    def vram_error(self) -> float:
        """Relative error of the reported device memory."""
        return relative(self.result.reported_vram_bytes, self.answer["ps"]["size_vram"])

    @property
    def context_right(self) -> bool:
        """The context the server reported."""
        return bool(self.result.context == self.answer["ps"]["context_length"])

    @property
    def batch_right(self) -> bool:
        """The batch on the engine's command line."""
        return f"-ub {self.result.batch} " in self.answer["args"] + " "


@lru_cache(maxsize=1)
def loads() -> tuple[Loaded, ...]:
    """Every real load. The measured computer's RAM was tight: large files were not memory-mapped."""
    found = []
    for answer in fit_truth.server_answers():
        env, asked = answer["env"], answer["options"]
        machine = fit_truth.machine_of(
            answer,
            kv_cache_type=env.get("OLLAMA_KV_CACHE_TYPE", "f16").lower(),
            num_parallel=int(env.get("OLLAMA_NUM_PARALLEL", "1")),
        )
        tight = replace(machine, ram_total_bytes=64 << 30, ram_available_bytes=25 << 30)
        options = FitOptions(context=asked.get("num_ctx"), gpu_layers=asked.get("num_gpu"))
        found.append(Loaded(answer, fit(prepare(fit_truth.shape(answer["model"])), tight, options)))
    return tuple(found)


def worst(values: Iterable[float]) -> float:
    """Largest magnitude, in percent."""
    return 100 * max((abs(value) for value in values), default=0.0)


@dataclass(frozen=True)
class Line:
    """A line of the table: what, its figure, its bound, and whether larger is better."""

    what: str
    count: int
    figure: float
    bound: float
    at_least: bool = False

    @property
    def good(self) -> bool:
        """Within its bound."""
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound


def share(items: list[Any], holds: Callable[[Any], bool]) -> float:
    """Percent of ``items`` for which ``holds``."""
    return 100 * sum(map(holds, items)) / len(items) if items else 100.0


def table() -> list[Line]:
    """The whole table."""
    agreeing = [
        s
        for s in all_scored()
        if s.layers_agree and s.result.expert_blocks_in_ram == s.experts_measured and _same_boundary(s)
    ]
    moe = with_experts_in_ram()
    partial = full("ngl")
    answers = list(loads())
    placed = [a for a in answers if a.layers_agree]
    return [
        Line(
            "weights, worst error %", len(agreeing), worst(s.placed_error("weights") for s in agreeing), 0.001
        ),
        Line(
            "cache and state, worst error %",
            len(agreeing),
            worst(s.placed_error("cache") for s in agreeing),
            0.1,
        ),
        Line("CUDA, all layers: total %", len(full("cuda-full")), worst(map(_total, full("cuda-full"))), 0.2),
        Line(
            "CUDA, automatic, all fits: total %",
            len(automatic(True)),
            worst(map(_total, automatic(True))),
            0.2,
        ),
        Line(
            "two devices, all fits: total %",
            len(two_devices(True)),
            worst(map(_total, two_devices(True))),
            0.2,
        ),
        Line(
            "Metal, all layers: total %",
            len(full("metal-full")),
            worst(map(_total, full("metal-full"))),
            0.01,
        ),
        Line("processor alone: total %", len(full("cpu")), worst(map(_total, full("cpu"))), 1.0),
        Line("forced layers: total %", len(partial), worst(map(_total, partial)), 1.5),
        Line("automatic, partial: total %", len(automatic(False)), worst(map(_total, automatic(False))), 1.5),
        Line(
            "two devices, partial: total %",
            len(two_devices(False)),
            worst(map(_total, two_devices(False))),
            0.5,
        ),
        Line("layers exact, all %", len(fitted()), share(fitted(), lambda s: s.layers_agree), 98, True),
        Line("layers exact, dense partial %", len(dense_partial()), share(dense_partial(), _exact), 93, True),
        Line("layers within one, all %", len(fitted()), share(fitted(), _within_one), 100, True),
        Line("experts exact %", len(moe), share(moe, lambda s: _experts_off(s) == 0), 90, True),
        Line("experts within one %", len(moe), share(moe, lambda s: _experts_off(s) <= 1), 97, True),
        Line("/api/ps size, worst error %", len(answers), worst(a.size_error for a in answers), 0.5),
        Line("/api/ps VRAM, layers agreeing %", len(placed), worst(a.vram_error for a in placed), 0.5),
        Line("/api/ps context right %", len(answers), share(answers, lambda a: a.context_right), 100, True),
        Line("/api/ps batch right %", len(answers), share(answers, lambda a: a.batch_right), 100, True),
    ]


def fresh(group: str) -> list[Scored]:
    """Cases of ``group`` of the models that came out later."""
    return [s for s in fresh_scored() if s.case["group"] == group]


def fresh_table() -> list[Line]:
    """The bounds for the models that came out later."""
    whole, fits, processor, two = map(fresh, ("fresh-full", "fit", "cpu", "multi2x24"))
    asked = [*fits, *two]
    same = [s for s in fresh_scored() if s.layers_agree and _same_boundary(s)]
    return [
        Line("weights, worst error %", len(same), worst(s.placed_error("weights") for s in same), 0.001),
        Line("cache and state, worst error %", len(same), worst(s.placed_error("cache") for s in same), 0.1),
        Line("CUDA, all layers: total %", len(whole), worst(map(_total, whole)), 0.2),
        Line("one device, automatic: total %", len(fits), worst(map(_total, fits)), 0.75),
        Line("processor alone: total %", len(processor), worst(map(_total, processor)), 1.0),
        Line("two devices, automatic: total %", len(two), worst(map(_total, two)), 0.5),
        Line("layers exact, all %", len(asked), share(asked, _exact), 97, True),
        Line("layers within one, all %", len(asked), share(asked, _within_one), 100, True),
    ]


def _total(s: Scored) -> float:
    return s.error("total")


def _exact(s: Scored) -> bool:
    return s.layers_agree


def _within_one(s: Scored) -> bool:
    return abs(s.result.layers_on_gpu - s.layers_measured) <= 1


def _experts_off(s: Scored) -> int:
    return abs(s.result.expert_blocks_in_ram - s.experts_measured)


def _same_boundary(s: Scored) -> bool:
    """The block at the boundary overflows in the same way: weights on the devices are about the same."""
    return abs(relative(sum(u.weights_bytes for u in s.result.devices), s.measured("gpu.model"))) < 0.001


def main() -> int:
    """Print the tables; 1 if a line is out of its bound."""
    tables = {"": table(), "models that came out later": fresh_table()}
    for head, lines in tables.items():
        print(f"{head:36}{'cases':>6}{'figure':>10}{'bound':>10}")
        for line in lines:
            mark = "" if line.good else "   OUT OF BOUND"
            sign = ">=" if line.at_least else "<="
            print(f"{line.what:36}{line.count:6}{line.figure:10.3f}{sign:>4}{line.bound:6g}{mark}")
    return 0 if all(line.good for lines in tables.values() for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
