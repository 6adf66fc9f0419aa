"""Each recorded machine gives its expected answer through the command line, and nothing else is touched."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import nvml_stub, trees
from wattlight.cli import run
from wattlight.services.factory import ServiceFactory

MARGIN = 1e-3
PLAIN = [name for name in trees.T if "nvml_stub" not in trees.T[name]]
STUBBED = [name for name in trees.T if "nvml_stub" in trees.T[name]]
Known = Callable[[str], tuple[Path, Path | None]]


def differences(wanted: Any, got: Any, at: str = "") -> list[str]:
    """Where ``got`` lacks what is wanted; more than wanted is fine, lists of objects match by id."""
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            return [f"{at}: {got!r} is no object"]
        found = []
        for key in wanted.keys() - trees.NOTES:
            inner = f"{at}/{key}"
            found += differences(wanted[key], got[key], inner) if key in got else [f"{inner} is missing"]
        return found
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        rows = {row["id"]: row for row in got}
        if rows.keys() != {row["id"] for row in wanted}:
            return [f"{at}: ids {sorted(rows)}"]
        return [d for row in wanted for d in differences(row, rows[row["id"]], f"{at}/{row['id']}")]
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str | list):
        return [] if wanted == got else [f"{at}: {got!r}, wanted {wanted!r}"]
    close = isinstance(got, int | float) and abs(got - wanted) <= abs(wanted) * MARGIN
    return [] if close and not isinstance(got, bool) else [f"{at}: {got!r}, wanted {wanted!r}"]


def hardware(arguments: list[str], home: Path) -> dict[str, Any]:
    out = io.StringIO()
    code = run(
        ["hardware", "--json", *arguments], ServiceFactory({"WATTLIGHT_HOME": str(home), "HOME": "x"}), out
    )
    document: dict[str, Any] = json.loads(out.getvalue())
    assert code == 0, document
    return document


def options(first: Path, second: Path | None, name: str) -> list[str]:
    then = ["--then", str(second), "--dt", str(trees.T[name].get("dt_s", 1))] if second else []
    return ["--sysroot", str(first), *then]


@pytest.mark.parametrize("name", PLAIN)
def test_a_recorded_machine(name: str, known_tree: Known, tmp_path: Path) -> None:
    got = hardware(options(*known_tree(name), name), tmp_path / "home")
    assert differences(trees.T[name]["expected"], got) == []
    assert {"accelerators", "memory", "cpu_power", "battery", "environment", "ignored_adapters"} <= got.keys()


@pytest.mark.skipif(nvml_stub.why_not() is not None, reason=str(nvml_stub.why_not()))
@pytest.mark.parametrize("name", STUBBED)
def test_a_recorded_machine_with_the_stand_in_library(name: str, known_tree: Known, tmp_path: Path) -> None:
    arguments = ["hardware", "--json", *options(*known_tree(name), name)]
    mode = trees.T[name]["nvml_stub"].removeprefix("FAKE_NVML=")
    code = f"from wattlight.__main__ import main\nmain({arguments!r})"
    got = json.loads(nvml_stub.run_python(code, mode, tmp_path))
    assert differences(trees.T[name]["expected"], got) == []


@pytest.mark.parametrize("name", PLAIN)
def test_the_trace_shows_nothing_outside_the_tree(name: str, known_tree: Known, tmp_path: Path) -> None:
    first, second = known_tree(name)
    trace = tmp_path / "trace.txt"
    hardware([*options(first, second, name), "--trace-opens", str(trace)], tmp_path / "home")
    lines = trace.read_text().splitlines()
    opened = [line.partition(" ")[2] for line in lines if line.startswith("open ")]
    assert opened
    samples = [first] + ([second] if second else [])
    assert all(any((sample / path[1:]).exists() for sample in samples) for path in opened)


def test_a_sleeping_gpu_is_listed_and_never_opened(known_tree: Known, tmp_path: Path) -> None:
    first, _ = known_tree("optimus_dgpu_suspended")
    trace = tmp_path / "trace.txt"
    hardware(["--sysroot", str(first), "--trace-opens", str(trace)], tmp_path / "home")
    lines = trace.read_text().splitlines()
    assert not [line for line in lines if line.startswith(("load", "ioctl"))]
    card = [line for line in lines if "card2" in line or "0000:01:00" in line]
    assert {line.rsplit("/", 1)[1] for line in card if line.startswith("open")} <= {
        "class", "vendor", "device", "revision", "uevent", "runtime_status", "control",
    }  # fmt: skip
    assert not [line for line in lines if "/dev/nvidia" in line or "hwmon" in line or "config" in line]


def test_without_the_library_the_fields_of_nvml_are_null_with_a_reason(
    known_tree: Known, tmp_path: Path
) -> None:
    first, _ = known_tree("optimus_dgpu_active")
    rows = hardware(["--sysroot", str(first)], tmp_path / "home")["accelerators"]
    row = next(row for row in rows if row["vendor"] == "nvidia")
    assert row["power_w"] is row["utilization_pct"] is row["temperature_c"] is None
    assert row["memory"]["llm_total"] is None
    assert row["power_reason"] and row["utilization_reason"] and row["memory"]["reason"]


def test_one_sample_gives_no_watts_of_a_counter(known_tree: Known, tmp_path: Path) -> None:
    first, _ = known_tree("intel_arc_b580_xe")
    row = hardware(["--sysroot", str(first)], tmp_path / "home")["accelerators"][0]
    assert row["power_w"] is None and row["power_reason"] == "needs a second reading"
    first, _ = known_tree("rapl_intel_package_psys_wrap")
    cpu = hardware(["--sysroot", str(first)], tmp_path / "home")["cpu_power"]
    assert cpu["package_w"] is None and cpu["reason"] == "needs a second reading"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--sysroot", "/nowhere"], "bad_tree"), (["--then", "/tmp"], "bad_tree")],
)
def test_a_wrong_tree_is_said(arguments: list[str], code: str, tmp_path: Path) -> None:
    out = io.StringIO()
    assert (
        run(["hardware", "--json", *arguments], ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)}), out) == 1
    )
    assert json.loads(out.getvalue())["error"]["code"] == code
