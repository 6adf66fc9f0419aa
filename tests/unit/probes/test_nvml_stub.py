"""The stand-in library in each of its modes: one sentence, and no figure that is not true."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import nvml_stub, trees

pytestmark = pytest.mark.skipif(nvml_stub.why_not() is not None, reason=str(nvml_stub.why_not()))

LOOK = """
import json, sys
from pathlib import Path
from wattlight.probes import open_prober
from wattlight.cli.verb_hardware import hardware_document
prober = open_prober(Path({root!r}))
print(json.dumps(hardware_document(prober.report())))
prober.close()
"""


@pytest.fixture
def desktop(make_tree: Callable[..., Path]) -> Path:
    """A desktop with one NVIDIA card that is awake."""
    card = trees.pci("0000:01:00.0", "0x10de", "0x2684", driver="nvidia", control="on")
    tree = trees.card(0, 128, card, "0000:01:00.0")
    return make_tree({**tree, "proc/meminfo": trees.meminfo(65473712, 48211004)})


def look(root: Path, mode: str, home: Path, old_driver: bool = False) -> dict[str, Any]:
    out = nvml_stub.run_python(LOOK.format(root=str(root)), mode, home, old_driver=old_driver)
    rows = json.loads(out)["accelerators"]
    assert len(rows) == 1
    row: dict[str, Any] = rows[0]
    return row


@pytest.mark.parametrize(
    ("mode", "state", "sentence"),
    [
        ("nodriver", "active", "its driver is not running"),
        ("mismatch", "active", "reboot to finish the update"),
        ("unknown", "active", "reports an unknown error"),
        ("nogpu", "unavailable", "its driver lists none"),
        ("lost", "lost", "stopped responding"),
    ],
)
def test_a_failing_driver_has_its_own_sentence(
    mode: str, state: str, sentence: str, desktop: Path, tmp_path: Path
) -> None:
    row = look(desktop, mode, tmp_path)
    assert row["state"] == state
    assert sentence in row["power_reason"] and sentence in row["messages"][0]
    assert row["power_w"] is row["utilization_pct"] is row["temperature_c"] is row["energy_mj"] is None
    assert row["memory"]["dedicated_total"] is row["memory"]["llm_available"] is None


def test_unknown_error_in_a_container_says_to_restart_it(desktop: Path, tmp_path: Path) -> None:
    (desktop / ".dockerenv").touch()
    assert "restart the container" in look(desktop, "unknown", tmp_path)["power_reason"]


def test_a_card_in_full_health(desktop: Path, tmp_path: Path) -> None:
    row = look(desktop, "rtx4090", tmp_path)
    assert row["name"] == "NVIDIA GeForce RTX 4090" and row["name_source"] == "nvml"
    assert row["memory"]["dedicated_total"] == 25757220864
    assert row["memory"]["dedicated_used"] == 1074331648
    assert row["memory"]["llm_available"] == 25757220864 - 459276288 - 1074331648
    assert (row["power_w"], row["power_source"]) == (213.45, "nvml field 186 (instant)")
    assert (row["power_scope"], row["power_limit_w"]) == ("gpu board", 450.0)
    assert (row["utilization_pct"], row["temperature_c"]) == (63, 47)
    assert row["energy_mj"] > 0 and row["power_quality"] == "counter"
    assert row["compute_capability"] == "8.9" and row["bandwidth_gbs"] == 1010.0
    assert row["slowed_by"] == ["heat"], "by the older name of the call: this library lacks the newer one"
    assert row["processes"] == [
        {"pid": 4242, "name": None, "memory_bytes": 1008 << 20, "busy_pct": 12.0},
        {"pid": 4300, "name": None, "memory_bytes": None, "busy_pct": 50.0},
    ]


def test_an_old_driver_falls_back_to_the_old_calls(desktop: Path, tmp_path: Path) -> None:
    row = look(desktop, "rtx4090", tmp_path, old_driver=True)
    assert row["memory"]["dedicated_total"] == 25757220864
    assert row["memory"]["dedicated_used"] is None, "version 1 counts the driver's reserve as used"
    assert row["memory"]["llm_available"] == 25757220864 - 1533607936
    assert row["temperature_c"] == 47
    assert (row["power_w"], row["power_source"]) == (198.2, "nvmlDeviceGetPowerUsage")


def test_wsl_has_no_processes_and_no_counter(desktop: Path, tmp_path: Path) -> None:
    row = look(desktop, "wsl", tmp_path)
    assert row["processes"] == [] and row["energy_mj"] is None
    assert row["power_w"] == 213.45 and row["power_quality"] == "sampled"


def test_grace_hopper_measures_the_module_and_says_so(desktop: Path, tmp_path: Path) -> None:
    row = look(desktop, "gh200", tmp_path)
    assert (row["power_w"], row["power_scope"]) == (412.0, "module (CPU+GPU)")
    assert row["kind"] == "discrete" and row["memory"]["dedicated_total"] == 25757220864


def test_mig_without_a_list_of_slices_is_said(desktop: Path, tmp_path: Path) -> None:
    row = look(desktop, "mig", tmp_path)
    assert "MIG" in row["messages"][0] and "MIG" in row["utilization_reason"]
    assert row["utilization_pct"] is None and row["power_w"] == 213.45


SWITCH = """
import json, os
from pathlib import Path
from wattlight.probes import open_prober
at = [1000.0]
prober = open_prober(Path({root!r}), clock=lambda: at[0])
seen = []
for mode, step in (("rtx4090", 5), ("lost", 5), ("rtx4090", 5), ("rtx4090", 31)):
    os.environ["FAKE_NVML"] = mode
    import ctypes; ctypes.CDLL(None).setenv(b"FAKE_NVML", mode.encode(), 1)
    at[0] += step
    row = prober.report().accelerators[0]
    seen.append((row.state, row.power_w, row.memory.dedicated_total_bytes, row.memory.cached))
print(json.dumps(seen))
prober.close()
"""


def test_a_gpu_that_is_lost_comes_back_after_half_a_minute(desktop: Path, tmp_path: Path) -> None:
    seen = json.loads(nvml_stub.run_python(SWITCH.format(root=str(desktop)), "rtx4090", tmp_path))
    assert seen == [
        ["active", 213.45, 25757220864, False],
        ["lost", None, 25757220864, True],
        ["lost", None, 25757220864, True],
        ["active", 213.45, 25757220864, False],
    ]


DAY = """
from pathlib import Path
from wattlight.probes import open_prober
at, trace = [1000.0], []
prober = open_prober(Path({root!r}), clock=lambda: at[0], trace=trace.append)
prober.sample()
trace.clear()
for _ in range({ticks}):
    at[0] += 86400 / {ticks}
    sample = prober.sample()
card = next(d for d in sample.devices if d.id == "pci:0000:01:00.0")
assert card.asleep and card.power_w is None, card
opened = [line for line in trace if not line.startswith("list") and ("01:00" in line or "card2" in line)]
assert not opened, opened[:5]
assert not [line for line in trace if line.startswith("load")]
prober.close()
"""


def day_asleep(root: Path, ticks: int, home: Path) -> None:
    log = home / "nvml.log"
    nvml_stub.run_python(DAY.format(root=str(root), ticks=ticks), "rtx4090", home, log=log)
    assert not log.exists(), log.read_text()[:200]


Known = Callable[[str], tuple[Path, Path | None]]


def test_a_day_asleep_without_one_call(known_tree: Known, tmp_path: Path) -> None:
    day_asleep(known_tree("optimus_dgpu_suspended")[0], 1440, tmp_path)


@pytest.mark.slow
def test_a_day_asleep_at_the_full_beat(known_tree: Known, tmp_path: Path) -> None:
    day_asleep(known_tree("optimus_dgpu_suspended")[0], 86400, tmp_path)
