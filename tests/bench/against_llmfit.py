"""Memory of models wholly on a GPU: what the engine takes, what we predict, what llmfit predicts.

``WATTLIGHT_LLMFIT=path/of/llmfit python tests/bench/against_llmfit.py [--markdown]`` prints the accuracy of
every rule (``fit_accuracy.py``, ``other_models.py``), then both programs side by side: all, models, cases.
llmfit is a program of its own (no dependency of ours); it answers from its built-in table and asks nobody.

Compared is what both say of a GPU that holds the whole model: ``minimum.vram_gb`` of ``llmfit plan NAME
--context N --quant Q --kv-quant K --json`` against the device bytes that the real engine allots (the cases of
``tests/data/fit`` with all layers on a CUDA device, one slot, default flash attention: llmfit has no switch
for the others). Its "GB" of memory are GiB: it calls 24684096 kB of RAM "23.54 GB". Since it counts weights
in 10^9 bytes and adds the cache in GiB, the summary also reads its figure in 10^9 bytes, and sets it against
device and host bytes together, so that its most favourable reading stands there too.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT / "desktop"), str(ROOT / "tests")]

from bench import fit_accuracy, other_models
from bench.fit_accuracy import score
from fakes import fit_truth
from wattlight import __version__

GIB, GB = 1 << 30, 10**9
LIMIT_S = 60

NAMES = {
    "deepseek2lite": ("deepseek-ai/DeepSeek-V2-Lite-Chat", "Q4_K_M"),
    "gemma2-9b": ("google/gemma-2-9b-it", "Q4_K_M"),
    "gemma3-1b": ("google/gemma-3-1b-it", "Q8_0"),
    "gemma3-4b": ("google/gemma-3-4b-it", "Q4_K_M"),
    "gemma3-12b": ("google/gemma-3-12b-it", "Q4_K_M"),
    "gptoss20b": ("openai/gpt-oss-20b", "MXFP4"),
    "lfm2_1b": ("LiquidAI/LFM2-1.2B", "Q4_K_M"),
    "llama31-8b": ("meta-llama/Llama-3.1-8B-Instruct", "Q4_K_M"),
    "llama31-8b-q8": ("meta-llama/Llama-3.1-8B-Instruct", "Q8_0"),
    "llama31-8b-f16": ("meta-llama/Llama-3.1-8B-Instruct", "F16"),
    "llama32-1b": ("meta-llama/Llama-3.2-1B-Instruct", "Q4_K_M"),
    "llama33-70b": ("meta-llama/Llama-3.3-70B-Instruct", "Q4_K_M"),
    "qwen25-05b": ("Qwen/Qwen2.5-0.5B", "Q8_0"),
    "qwen25-7b": ("Qwen/Qwen2.5-7B-Instruct", "Q4_K_M"),
    "qwen3-8b": ("Qwen/Qwen3-8B", "Q4_K_M"),
    "qwen3-30b-a3b": ("Qwen/Qwen3-30B-A3B", "Q4_K_M"),
    "qwen35-9b": ("Qwen/Qwen3.5-9B", "Q4_K_M"),
    "qwen3next-80b": ("Qwen/Qwen3-Next-80B-A3B-Instruct", "Q4_K_M"),
}
"""Model of the truth set: the same model in llmfit's table, and the quantization of the measured file."""
CACHE = {"f16": "fp16", "q8_0": "q8_0", "q4_0": "q4_0"}


@dataclass(frozen=True)
class Compared:
    """One case: bytes on the device as the engine allots them, as we and as llmfit predict them."""

    model: str
    context: int
    kv_type: str
    truth_bytes: int
    truth_host_bytes: int
    ours_bytes: int
    ours_host_bytes: int
    theirs_gb: float

    @property
    def ours_percent(self) -> float:
        """Our error, percent of the truth."""
        return percent(self.ours_bytes, self.truth_bytes)

    @property
    def theirs_percent(self) -> float:
        """Their error, percent of the truth, their figure read in GiB."""
        return percent(self.theirs_gb * GIB, self.truth_bytes)


@dataclass(frozen=True)
class Outcome:
    """All cases, and the models that llmfit could not answer for, with its words."""

    version: str
    cases: tuple[Compared, ...]
    unknown: tuple[tuple[str, str], ...]


class NoAnswer(Exception):
    """llmfit did not answer for a model."""


def percent(said: float, true: float) -> float:
    """Error in percent, positive where too much is said."""
    return 100 * (said - true) / true


def program() -> str | None:
    """The llmfit to run: ``WATTLIGHT_LLMFIT``, else the one on the path; None without one."""
    return shutil.which(os.environ.get("WATTLIGHT_LLMFIT") or "llmfit")


def said(llmfit: str, *words: str) -> str:
    """What llmfit prints.

    Raises:
        NoAnswer: it failed; with its last line.
    """
    done = subprocess.run([llmfit, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "weak version" not in line and line.strip()]
        raise NoAnswer(lines[-1].strip()[:160] if lines else f"exit code {done.returncode}")
    return done.stdout


def needed_gb(llmfit: str, name: str, quantization: str, context: int, cache: str) -> float:
    """Its figure for the memory of a GPU that holds everything.

    Raises:
        NoAnswer: it does not know the model, or answers for another one, quantization or context.
    """
    words = ("plan", name, "--context", str(context), "--quant", quantization, "--kv-quant", cache, "--json")
    answer: dict[str, Any] = json.loads(said(llmfit, *words))
    got = tuple(answer[key] for key in ("model_name", "quantization", "context", "kv_quant"))
    if got != (name, quantization, context, cache):
        raise NoAnswer(f"answers for {got}")
    return float(answer["minimum"]["vram_gb"])


def measured_cases() -> Iterator[dict[str, Any]]:
    """The cases that llmfit has words for, by model, cache and context."""
    found = [
        case
        for case in fit_truth.cases("cuda-full")
        if case["num_parallel"] == 1 and case["flash_attn"] == "auto" and case["model"] in NAMES
    ]
    return iter(sorted(found, key=lambda c: (c["model"], list(CACHE).index(c["kv_type"]), c["num_ctx"])))


def compare(llmfit: str) -> Outcome:
    """Every case through the engine's figures, ours and theirs."""
    cases, unknown = [], {}
    for case in measured_cases():
        name, quantization = NAMES[case["model"]]
        try:
            theirs = needed_gb(llmfit, name, quantization, case["num_ctx"], CACHE[case["kv_type"]])
        except NoAnswer as silence:
            unknown[f"{name} {quantization}"] = str(silence)
            continue
        scored = score(case)
        cases.append(
            Compared(
                case["model"],
                case["num_ctx"],
                case["kv_type"],
                scored.measured("gpu"),
                scored.measured("host"),
                scored.result.gpu_bytes,
                scored.result.host_bytes,
                theirs,
            )
        )
    return Outcome(said(llmfit, "--version").strip(), tuple(cases), tuple(unknown.items()))


HEAD = ("model", "context", "cache", "engine GiB", "Wattlight GiB", "llmfit GiB", "Wattlight %", "llmfit %")


def row(case: Compared) -> tuple[str, ...]:
    """One line of the table."""
    return (
        case.model,
        str(case.context),
        case.kv_type,
        f"{case.truth_bytes / GIB:.2f}",
        f"{case.ours_bytes / GIB:.2f}",
        f"{case.theirs_gb:.2f}",
        f"{case.ours_percent:+.3f}",
        f"{case.theirs_percent:+.1f}",
    )


SUMMARY_HEAD = ("error, percent of what the engine takes", "median", "worst", "within 1 %", "within 5 %",
                "over 5 % too little")  # fmt: skip


def summary(cases: tuple[Compared, ...]) -> list[tuple[str, ...]]:
    """Ours and theirs over all cases, theirs in every reading."""
    readings: list[tuple[str, Callable[[Compared], float]]] = [
        ("Wattlight, device", lambda c: c.ours_percent),
        ("llmfit, device", lambda c: c.theirs_percent),
        ("llmfit, device, its GB as 10^9 bytes", lambda c: percent(c.theirs_gb * GB, c.truth_bytes)),
        (
            "Wattlight, device and host",
            lambda c: percent(c.ours_bytes + c.ours_host_bytes, c.truth_bytes + c.truth_host_bytes),
        ),
        (
            "llmfit, device and host",
            lambda c: percent(c.theirs_gb * GIB, c.truth_bytes + c.truth_host_bytes),
        ),
        (
            "llmfit, device and host, its GB as 10^9 bytes",
            lambda c: percent(c.theirs_gb * GB, c.truth_bytes + c.truth_host_bytes),
        ),
    ]
    return [(name, *_spread([read(case) for case in cases])) for name, read in readings]


def _spread(errors: list[float]) -> tuple[str, ...]:
    count = len(errors)
    return (
        f"{statistics.median(map(abs, errors)):.3f}",
        f"{max(errors, key=abs):+.3f}",
        f"{sum(abs(e) <= 1 for e in errors)} of {count}",
        f"{sum(abs(e) <= 5 for e in errors)} of {count}",
        f"{sum(e < -5 for e in errors)} of {count}",
    )


MODEL_HEAD = ("model", "cases", "contexts", "Wattlight worst %", "llmfit best %", "llmfit worst %")


def by_model(cases: tuple[Compared, ...]) -> list[tuple[str, ...]]:
    """Errors on the device, a line per model."""
    rows = []
    for model in dict.fromkeys(case.model for case in cases):
        own = [case for case in cases if case.model == model]
        contexts = sorted({case.context for case in own})
        theirs = [case.theirs_percent for case in own]
        rows.append(
            (
                model,
                str(len(own)),
                f"{contexts[0]} to {contexts[-1]}",
                f"{max((case.ours_percent for case in own), key=abs):+.3f}",
                f"{min(theirs, key=abs):+.1f}",
                f"{max(theirs, key=abs):+.1f}",
            )
        )
    return rows


def laid_out(head: tuple[str, ...], rows: list[tuple[str, ...]], markdown: bool) -> list[str]:
    """A table for the terminal or for a document."""
    if markdown:
        ruler = ["---", *["---:"] * (len(head) - 1)]
        return ["| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows)]
    widths = [max(len(cells[i]) for cells in (head, *rows)) for i in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        for cells in (head, *rows)
    ]


def report(outcome: Outcome, markdown: bool = False) -> list[str]:
    """The whole print: what ran where, a line per case, the summary, who could not be asked."""
    models = len({case.model for case in outcome.cases})
    return [
        f"Wattlight {__version__}, {outcome.version}, {datetime.now(UTC):%Y-%m-%d}, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}: "
        f"{len(outcome.cases)} cases of {models} models",
        "",
        *laid_out(SUMMARY_HEAD, summary(outcome.cases), markdown),
        "",
        *laid_out(MODEL_HEAD, by_model(outcome.cases), markdown),
        "",
        *laid_out(HEAD, [row(case) for case in outcome.cases], markdown),
        *([""] if outcome.unknown else []),
        *(f"llmfit does not answer for {name}: {words}" for name, words in outcome.unknown),
    ]


def main() -> int:
    """Print all tables; 1 without llmfit or with a figure of ours out of its bound."""
    bad = fit_accuracy.main()
    print()
    other_models.main()
    print()
    llmfit = program()
    if llmfit is None:
        print("llmfit was not found: put it on the path or name it in WATTLIGHT_LLMFIT.", file=sys.stderr)
        return 1
    print("\n".join(report(compare(llmfit), "--markdown" in sys.argv)))
    return bad


if __name__ == "__main__":
    sys.exit(main())
