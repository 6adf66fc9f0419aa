"""Cost of fits and headers in CPU time: best of several rounds, so that a busy machine does not count."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from fakes import fit_truth, gguf_writer
from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.gguf import shape_from_file
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import KnownModels
from wattlight.domain.fit import FitOptions, PreparedModel, fit, prepare
from wattlight.domain.values import Device, MachineProfile

pytestmark = pytest.mark.bench
ROOT = Path(__file__).resolve().parents[2]
GIB = 1 << 30
CONTEXTS = (4096, 8192, 32768, 131072)
OPTIONS = tuple(FitOptions(context=c, kv_type=kv) for c in CONTEXTS for kv in ("f16", "q8_0"))
LLAMA_MERGES = 280_147


def best_ms(work: Callable[[], object], rounds: int) -> float:
    """Least CPU milliseconds of ``rounds`` runs."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        found.append(1000 * (time.process_time() - started))
    return min(found)


@lru_cache(maxsize=1)
def catalogue() -> tuple[PreparedModel, ...]:
    known = KnownModels(load_catalog(), load_editorial())
    models = [known.known(entry, entry.default_tag) for entry in known.catalog.entries]
    prepared = [model.model for model in models if model is not None]
    measured = [prepare(fit_truth.shape(name)) for name in fit_truth.raw_shapes()]
    missing = len(known.catalog.entries) - len(prepared)
    return (*prepared, *measured[:missing])


def card(gib: float) -> MachineProfile:
    total = int(gib * GIB)
    device = Device("g", "card", "cuda", total, total - (500 << 20), bandwidth_gbs=1000)
    return MachineProfile("m", "linux", 128 * GIB, 100 * GIB, devices=(device,))


@pytest.mark.parametrize(("gib", "bound_ms"), [(2000, 30), (24, 60)])
def test_the_whole_catalogue(
    gib: int, bound_ms: float, record_property: Callable[[str, object], None]
) -> None:
    models, machine = catalogue(), card(gib)
    assert len(models) >= 139

    def work() -> None:
        for model in models:
            for options in OPTIONS:
                fit(model, machine, options)

    work()
    took = best_ms(work, 7)
    print(f"\n{len(models)} models x {len(OPTIONS)} on {gib} GiB: {took:.1f} ms (bound {bound_ms})")
    record_property("ms", took)
    assert took <= bound_ms


def test_a_cold_fit() -> None:
    shape, machine = fit_truth.shape("llama31-8b"), card(24)
    assert len(shape.tensors) == 292
    took = best_ms(lambda: fit(prepare(shape), machine, FitOptions(context=8192)), 30)
    print(f"\ncold fit, 292 tensors: {took:.2f} ms (bound 1)")
    assert took <= 1


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "llama.gguf"
    gguf_writer.write_sparse(fit_truth.raw_shapes()["llama31-8b"], path, merges=LLAMA_MERGES)
    return path


def test_the_header_of_an_8b_model(header: Path) -> None:
    took = best_ms(lambda: shape_from_file(header), 7)
    print(f"\nheader of an 8B model (128k words, 280k merges): {took:.1f} ms (bound 40)")
    assert took <= 40


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc")
def test_the_memory_of_a_header(header: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom wattlight.catalog.gguf import shape_from_file\n"
        "def peak():\n    text = Path('/proc/self/status').read_text()\n"
        "    return int(text.split('VmHWM:')[1].split()[0])\n"
        "before = peak()\nshape_from_file(Path(sys.argv[1]))\nprint(peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(header)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "desktop"), "PATH": "/usr/bin:/bin"},
    )
    took_mib = int(done.stdout) / 1024
    print(f"\nmemory over the start: {took_mib:.1f} MiB (bound 10)")
    assert took_mib <= 10
