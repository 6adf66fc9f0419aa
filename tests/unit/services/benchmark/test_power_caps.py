"""Power limits: tried from the top down, put back whatever happens, advised only where it is worth it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes import nvml_stub
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import Problem
from wattlight.i18n import activate
from wattlight.probes import CardLimit, PowerLimitProblem, card_limits
from wattlight.services.benchmark import restore, sweep
from wattlight.services.benchmark.power_caps import CapRun, kept_limit, limits_to_try

NO_PERMISSION = 4


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


@pytest.fixture
def gpu() -> FakeGpu:
    return FakeGpu(limit_mw=400_000)


@pytest.fixture
def card(gpu: FakeGpu) -> Iterator[CardLimit]:
    with opened(gpu) as found:
        yield found[0]


def opened(*gpus: FakeGpu) -> AbstractContextManager[list[CardLimit]]:
    return card_limits(FakeNvmlApi(*gpus))  # type: ignore[arg-type]


def speed(tokens_per_s: float, joules: float | None) -> MeasuredSpeed:
    return MeasuredSpeed(
        model="m", digest="", device="RTX", context=4096, at=datetime(2026, 1, 1, tzinfo=UTC),
        output_tokens=500, output_tokens_per_s=tokens_per_s, prompt_tokens_per_s=None,
        server_version=None, joules_per_token=joules,
    )  # fmt: skip


def test_limits_go_from_the_cards_own_down_to_what_it_takes(card: CardLimit) -> None:
    assert limits_to_try(card) == [450_000, 405_000, 360_000, 315_000, 270_000]


def test_a_card_that_takes_little_is_tried_with_little() -> None:
    with opened(FakeGpu(limit_mw=180_000, default_mw=180_000, range_mw=(150_000, 180_000))) as (small,):
        assert limits_to_try(small) == [180_000, 160_000]


def test_the_sweep_advises_what_saves_most_and_is_nearly_as_fast(
    gpu: FakeGpu, card: CardLimit, tmp_path: Path
) -> None:
    figures = {450: (100.0, 3.0), 405: (99.5, 2.8), 360: (98.0, 2.4), 315: (93.0, 2.2), 270: (70.0, 2.5)}
    heard: list[CapRun] = []

    def measure() -> MeasuredSpeed:
        assert (tmp_path / "note").exists()
        return speed(*figures[gpu.limit_mw // 1000])

    made = sweep(card, measure, tmp_path / "note", heard.append)
    assert made.advised is not None
    assert made.advised.limit_w == 360.0
    assert made.slower(made.advised) == pytest.approx(0.02)
    assert made.saved(made.advised) == pytest.approx(0.2)
    assert tuple(heard) == made.runs
    assert gpu.limit_mw == 400_000  # not the card's own: what was in force before
    assert not (tmp_path / "note").exists()


@pytest.mark.parametrize("joules", [None, 3.0, 2.95])
def test_without_a_saving_nothing_is_advised(card: CardLimit, tmp_path: Path, joules: float | None) -> None:
    made = sweep(card, lambda: speed(100.0, joules), tmp_path / "note", lambda _: None)
    assert made.advised is None


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyboardInterrupt(), Problem("The server left.")])
def test_the_limit_is_put_back_after_an_error(
    gpu: FakeGpu, card: CardLimit, tmp_path: Path, error: BaseException
) -> None:
    runs = 0

    def measure() -> MeasuredSpeed:
        nonlocal runs
        runs += 1
        if runs == 3:
            assert gpu.limit_mw == 360_000
            raise error
        return speed(100.0, 3.0)

    with pytest.raises(type(error)):
        sweep(card, measure, tmp_path / "note", lambda _: None)
    assert gpu.limit_mw == 400_000
    assert not (tmp_path / "note").exists()


def test_without_the_rights_nothing_is_changed(gpu: FakeGpu, card: CardLimit, tmp_path: Path) -> None:
    gpu.faults["set_limit"] = NO_PERMISSION
    with pytest.raises(PowerLimitProblem) as caught:
        sweep(card, lambda: speed(1.0, 1.0), tmp_path / "note", lambda _: None)
    assert caught.value.code == "no_permission"
    assert gpu.limit_mw == 400_000


def test_where_no_note_can_be_written_no_limit_is_set(gpu: FakeGpu, card: CardLimit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(PowerLimitProblem, match="could not be noted"),
        kept_limit(card, tmp_path / "file" / "note"),
    ):
        raise AssertionError("entered")
    assert gpu.limit_mw == 400_000


def left_note(file: Path, **values: Any) -> Path:
    pid = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    kept = {"uuid": "GPU-1", "name": "RTX", "limit_mw": 400_000, "pid": int(pid.stdout), **values}
    file.write_text(json.dumps(kept))
    return file


def test_what_a_killed_sweep_left_is_put_back(gpu: FakeGpu, tmp_path: Path) -> None:
    gpu.limit_mw = 270_000
    other = FakeGpu(uuid="GPU-2", slot="0000:02:00.0", limit_mw=250_000)
    note = left_note(tmp_path / "note")
    said = restore(lambda: opened(other, gpu), [tmp_path / "absent", note])
    assert "400 W again" in said
    assert (gpu.limit_mw, other.limit_mw) == (400_000, 250_000)
    assert not note.exists()
    assert restore(lambda: opened(other, gpu), [note]) == ""


def test_without_the_rights_the_command_is_said_and_the_note_stays(gpu: FakeGpu, tmp_path: Path) -> None:
    gpu.faults["set_limit"] = NO_PERMISSION
    gpu.limit_mw = 270_000
    note = left_note(tmp_path / "note")
    assert restore(lambda: opened(gpu), [note]).endswith("sudo nvidia-smi -i GPU-1 -pl 400")
    assert note.exists()


def test_a_sweep_at_work_is_left_alone(gpu: FakeGpu, tmp_path: Path) -> None:
    note = left_note(tmp_path / "note", pid=os.getpid())
    assert restore(lambda: opened(gpu), [note]) == ""
    assert note.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"uuid": "GPU-1; rm"},
        {"limit_mw": -5},
        {"limit_mw": "400"},
        {"pid": 0},
        {"limit_mw": 10**9},
        {"uuid": 7},
    ],
)
def test_a_note_that_cannot_be_is_not_believed(gpu: FakeGpu, tmp_path: Path, values: dict[str, Any]) -> None:
    assert restore(lambda: opened(gpu), [left_note(tmp_path / "note", **values)]) == ""
    assert gpu.limit_mw == 400_000


CHILD = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from wattlight.probes import NvmlApi, card_limits
from wattlight.services.benchmark.power_caps import kept_limit
with card_limits(NvmlApi()) as cards:
    with kept_limit(cards[0], Path(sys.argv[1])):
        cards[0].set(270_000)
        print(cards[0].api.wanted_limit_mw(cards[0].handle), flush=True)
        try:
            time.sleep(60)
        finally:
            print("left", flush=True)
    print(cards[0].api.wanted_limit_mw(cards[0].handle), flush=True)
"""


@pytest.mark.skipif(nvml_stub.why_not() is not None, reason=str(nvml_stub.why_not()))
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
def test_a_process_that_is_ended_puts_the_limit_back_or_leaves_its_note(tmp_path: Path, name: str) -> None:
    note = tmp_path / "note"
    env = {
        **os.environ, "LD_LIBRARY_PATH": str(nvml_stub.build()), "PYTHONPATH": str(nvml_stub.DESKTOP),
        "FAKE_NVML_LOG": str(tmp_path / "calls"),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(note)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "270000"
        assert note.exists()
        time.sleep(0.1)
        child.send_signal(getattr(signal, name))
        child.wait(20)
    calls = (tmp_path / "calls").read_text().split()
    times_set = calls.count("nvmlDeviceSetPowerManagementLimit")
    killed = name == "SIGKILL"
    assert note.exists() == killed
    assert times_set == (1 if killed else 2)
