"""The evening that the pictures of the README show: every number from one trace, through the program's own
recorder, meter, tariff and adviser. ``tests/data/november.py`` writes the trace.

Beyond the trace there are: a tariff file and a daily budget, a machine (a card of 24 GiB), four installed
models of the shipped catalogue, and the time a loaded model is kept. What the loaded model holds is what the
adviser says its server would report.
"""

import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from data import november
from fakes.metering import part
from wattlight import __version__
from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.power import MachineSample
from wattlight.domain.state import (
    AppState,
    HostState,
    InstalledModel,
    RunningModel,
    ServerState,
    ServerStatus,
)
from wattlight.domain.tariff import Tariff
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import (
    LOCAL_HOST,
    DeviceMemory,
    DeviceSample,
    Figure,
    GpuProcess,
    MachineProfile,
    MemorySample,
    Quality,
    Scope,
    from_us,
)
from wattlight.services.advising import Advisor
from wattlight.services.answers import HOURS, Extras
from wattlight.services.current import CurrentSettings
from wattlight.services.hub import StateHub
from wattlight.services.metering import LiveMeter, TraceRow, read_trace, record_trace
from wattlight.services.pricing import read_tariff_file
from wattlight.services.slow_answers import SlowAnswers
from wattlight.services.threads import Threads
from wattlight.settings import MeterSettings, Price, Settings
from wattlight.store import LedgerFile, open_reader
from wattlight.store.jobs import TokenHour
from wattlight.viewmodels.scene import Scene

DATA = Path(__file__).resolve().parents[1] / "data"
TARIFF_FILE = DATA / "traces" / "november.json"
MACHINE_FILE = DATA / "machines" / "card_24gib.json"
NOW = november.NOW
SERVER_URL = "http://127.0.0.1:11434"
INSTALLED = ("qwen3:8b", "gpt-oss:20b", "qwen3.5:9b", "llama3.3:70b")
LOADED, CONTEXT = november.QWEN, 8192
KEPT = timedelta(minutes=november.KEPT_MINUTES)
DAILY_BUDGET_MICRO = 350_000
LIMIT_W, TEMPERATURE_C, DRIVER = 450.0, 46.0, "570.211.01"
"""Of the card: nothing of the trace depends on them."""


@dataclass(frozen=True)
class Evening:
    """The scene, and the trace it was drawn from."""

    scene: Scene
    trace: str


def evening(folder: Path) -> Evening:
    """Record the trace into a ledger in ``folder`` and ask the program everything its windows show."""
    text = november.trace()
    rows = read_trace(text)
    ledger = folder / "ledger.db"
    record_trace(rows, LedgerFile(ledger, lambda: NOW)).stop()
    tariff = read_tariff_file(str(TARIFF_FILE))
    settings = Settings(
        price=Price(tariff_file=str(TARIFF_FILE)),
        meter=MeterSettings(daily_budget_micro=DAILY_BUDGET_MICRO),
        context_length=CONTEXT,
    )
    advisor = Advisor(load_catalog(), load_editorial())
    state = state_of(rows, ledger, tariff, advisor)
    extras = answers(rows, ledger, tariff, advisor, state)
    return Evening(Scene(state, settings, NOW, extras, november.ZONE), text)


def state_of(rows: tuple[TraceRow, ...], ledger: Path, tariff: Tariff, advisor: Advisor) -> AppState:
    """What the meter and the server would say at the end of the trace."""
    loaded = running(advisor)
    machine = profile(loaded)
    meter = LiveMeter(None, lambda: (loaded,), lambda: tariff, lambda: NOW)
    for sample in samples(rows, machine, loaded.size_vram_bytes):
        meter.take(sample)
    with open_reader(ledger) as reader:
        meter.reload(reader)
    view = meter.view()
    server = ServerState(SERVER_URL, ServerStatus.READY, "0.33.1", installed(), (loaded,))
    host = HostState(
        LOCAL_HOST, "This computer", server, machine, view.sample, view.history, view.today, view.month
    )
    return AppState((host,), price_known=view.price_known, zone=view.zone, metered=False)


def profile(loaded: RunningModel | None = None) -> MachineProfile:
    """The machine file, less what the loaded model holds."""
    machine = parse_machine(json.loads(MACHINE_FILE.read_text(encoding="utf-8")))
    held = loaded.size_vram_bytes if loaded else 0
    card = machine.devices[0]
    card = replace(card, id=november.GPU, memory_free_bytes=(card.memory_free_bytes or 0) - held)
    return replace(machine, devices=(card,))


def installed() -> tuple[InstalledModel, ...]:
    """Models of the catalogue as the server would list them."""
    catalog, found = load_catalog(), []
    for name in INSTALLED:
        match = catalog.find(name)
        assert match is not None and match.entry.download_bytes is not None, name
        entry = match.entry
        size = entry.download_bytes
        found.append(InstalledModel(name, name, size, entry.family, "", match.tag.quant))
    return tuple(found)


def running(advisor: Advisor) -> RunningModel:
    """The loaded model with the sizes the server would report."""
    opinion = advisor.judge(LOADED, profile(), CONTEXT)
    fit = opinion.fit
    assert fit is not None
    quantization = next(m.quantization for m in installed() if m.name == LOADED)
    return RunningModel(
        LOADED,
        LOADED,
        fit.reported_size_bytes,
        fit.reported_vram_bytes,
        CONTEXT,
        NOW + KEPT,
        opinion.architecture,
        quantization,
    )


def samples(rows: tuple[TraceRow, ...], machine: MachineProfile, held_bytes: int) -> Iterator[MachineSample]:
    """The last ten minutes of the trace as looks at the whole machine."""
    moments: dict[int, list[TraceRow]] = {}
    for row in rows:
        if from_us(row.at_us) >= NOW - timedelta(seconds=november.FINE_S):
            moments.setdefault(row.at_us, []).append(row)
    ram = machine.ram_total_bytes, machine.ram_available_bytes
    memory = MemorySample(*ram, *ram)
    for at_us, here in moments.items():
        devices = tuple(device_sample(row, machine, held_bytes) for row in here)
        yield MachineSample(LOCAL_HOST, from_us(at_us), at_us / 1e6, devices, memory, False, "boot")


def device_sample(row: TraceRow, machine: MachineProfile, held_bytes: int) -> DeviceSample:
    """One row as the probe of such a device would give it."""
    if row.device == november.CPU:
        return part(
            row.device,
            row.power_w,
            "cpu",
            Scope.PACKAGE,
            Quality.COUNTER,
            vendor="amd",
            source="RAPL package",
            counter_mj=row.counter_mj,
        )
    card = machine.devices[0]
    total, free = card.memory_total_bytes, card.memory_free_bytes
    assert total is not None and free is not None
    sample = part(
        row.device,
        row.power_w,
        scope=Scope.BOARD,
        quality=Quality.COUNTER,
        vendor="nvidia",
        source="NVML energy counter",
        counter_mj=row.counter_mj,
        limit_w=LIMIT_W,
        temperature_c=TEMPERATURE_C,
        load=Figure(100.0 if row.tokens else 0.0, "nvml"),
        memory=DeviceMemory(
            dedicated_total_bytes=total, dedicated_used_bytes=total - free, llm_available_bytes=free
        ),
        processes=(GpuProcess(4242, held_bytes, "ollama"),),
    )
    device = replace(card, name=row.device, vendor="nvidia", driver=DRIVER)
    return replace(sample, device=device)


class TraceAnswers(SlowAnswers):
    """The program's own maker over the trace."""

    tariff: Tariff

    def _tariff(self) -> Tariff:
        return self.tariff

    def _hours(self, start: datetime, end: datetime) -> tuple[TokenHour, ...]:
        return ()


def answers(
    rows: tuple[TraceRow, ...], ledger: Path, tariff: Tariff, advisor: Advisor, state: AppState
) -> Extras:
    """The slower answers, worked out by the program's own thread."""
    runs = (measured(rows),)
    parts: Any = SimpleNamespace(
        advisor=lambda: advisor,
        paced=lambda profile: advisor.paced(profile, runs),
        own_runs=lambda: runs,
        threads=Threads(),
        catalog=lambda: advisor.catalog,
        now=lambda: NOW,
        startable=lambda: False,
        comparisons=lambda: (),
        corrected=lambda fit, _: (fit.gpu_bytes + fit.projector_bytes, fit.uncertainty_bytes),
        sums=lambda: (),
        places=SimpleNamespace(ledger_file=ledger, state=ledger.parent),
        environ={},
        server_logs=lambda: (),
        ledger=lambda: open_reader(ledger),
    )
    settings = CurrentSettings(Settings(context_length=CONTEXT), {"TZ": november.ZONE.key})
    maker = TraceAnswers(parts, settings, StateHub(state), parts, parts, parts, __version__)
    maker.tariff = tariff
    made: queue.Queue[Extras] = queue.Queue()
    maker.listen(made.put)
    maker.ask("tables", "fits", "offers", "cost", HOURS)
    maker.start()
    try:
        # The room on the disk of whoever draws the pictures is no number of the trace.
        found = made.get(timeout=60)
        assert found.fits and found.offers and found.costs, "a question was not answered: see the log"
        return replace(found, disk_free_bytes=None)
    finally:
        maker.stop()


def measured(rows: tuple[TraceRow, ...]) -> MeasuredSpeed:
    """A speed run of the loaded model: its work in the last ten minutes of the trace."""
    card = [row for row in rows if row.device == november.GPU]
    fine = [row for row in card if from_us(row.at_us) >= NOW - timedelta(seconds=november.FINE_S)]
    work = [(a, b) for a, b in pairwise(fine) if b.tokens]
    seconds = sum(b.at_us - a.at_us for a, b in work) / 1e6
    tokens = sum(b.tokens for _, b in work)
    joules = sum((b.counter_mj or 0) - (a.counter_mj or 0) for a, b in work) / 1000
    return MeasuredSpeed(
        LOADED,
        LOADED,
        november.GPU,
        CONTEXT,
        NOW,
        tokens,
        tokens / seconds,
        None,
        "0.33.1",
        joules_per_token=joules / tokens,
        energy_error_fraction=0.05,
        power_w=joules / seconds,
    )
