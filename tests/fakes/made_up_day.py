"""One made-up day of a made-up computer: what tests of the faces and the pictures are drawn from."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from fakes.metering import part
from wattlight.domain.answers import TokenCost
from wattlight.domain.cost import (
    HOUR_US,
    Amount,
    CostLine,
    CostRange,
    CostReport,
    History,
    HistorySlot,
    HistorySpan,
    Projection,
    slot_edges,
    week_hours,
)
from wattlight.domain.energy import LEARNED, ByProgram, ProgramsNow, State
from wattlight.domain.power import LearnedFigure, MachineSample
from wattlight.domain.pulls import PullState
from wattlight.domain.state import (
    AppState,
    EnergyAccess,
    HistoryPoint,
    HostState,
    InstalledModel,
    Notice,
    RunningModel,
    ServerState,
    ServerStatus,
    TaskState,
)
from wattlight.domain.values import (
    LOCAL_HOST,
    Device,
    DeviceMemory,
    Figure,
    GpuProcess,
    MachineProfile,
    MemorySample,
    Quality,
    Scope,
    from_us,
    to_us,
    unknown,
)
from wattlight.probes import cpu_reason
from wattlight.services.answers import (
    CPU_ONLY,
    FULL_GPU,
    PARTIAL_GPU,
    ContextStep,
    Extras,
    FitNote,
    LeftOut,
    Offer,
)
from wattlight.services.costs import LastWeek, ModelMonth, MonthCosts
from wattlight.services.metering import DaySum
from wattlight.services.pricing import CountryPrice
from wattlight.settings import MeterSettings, Price, Settings
from wattlight.viewmodels.scene import Scene

GIB = 1 << 30
GB = 10**9
KWH = 3_600_000_000
NOW = datetime(2026, 11, 23, 22, 5, tzinfo=UTC)
GPU, CPU = "GPU-4090", "cpu-package-0"
SERVER_URL = "http://127.0.0.1:11434"

HOSTILE_NAMES = (
    "<b>bold</b>:8b",
    '<img src="/etc/passwd">:latest',
    "q4_K_M_under__score:8b",
    "tom & jerry&co:1b",
    "right\u202eto-left:3b",
    "two\nlines:7b",
    "x" * 10_000 + ":1b",
)


def history(now: datetime = NOW) -> tuple[HistoryPoint, ...]:
    """Ten minutes with two bursts of work and half a minute of sleep."""
    dice = random.Random(7)
    points = []
    for second in range(600, -1, -3):
        at = now - timedelta(seconds=second)
        minute = 10 - second / 60
        if 5.0 < minute < 5.55:
            points.append(HistoryPoint(at, ((CPU, None), (GPU, None)), "asleep"))
            continue
        busy = 2.05 < minute < 3.9 or 4.2 < minute < 6.05 or 6.55 < minute < 8.2
        gpu = dice.uniform(322, 338) if busy else (24 if minute < 2.05 else 37) + dice.uniform(-0.8, 0.8)
        cpu = dice.uniform(30, 35) if busy else 15 + dice.uniform(-0.6, 0.6)
        points.append(HistoryPoint(at, ((CPU, cpu), (GPU, gpu))))
    return tuple(points)


def longer(span: HistorySpan = HistorySpan.DAY, now: datetime = NOW) -> History:
    """Nights asleep, evenings at work, a model left loaded, a game, and a part that is estimated."""
    dice = random.Random(11)
    edges = slot_edges(span, to_us(now), ZoneInfo("Europe/Berlin"))
    slots = []
    for start, end in pairwise(edges):
        local = from_us(start).astimezone(ZoneInfo("Europe/Berlin"))
        if span is not HistorySpan.YEAR and 1 <= local.hour < 7:
            slots.append(HistorySlot(start, end, reason="asleep"))
            continue
        hours = (end - start) / HOUR_US
        parts = {(State.BASE, Quality.COUNTER): dice.uniform(34, 38), (State.BASE, Quality.ESTIMATED): 21.0}
        if 18 <= local.hour < 23 or span is HistorySpan.YEAR:
            parts[State.PARKED, Quality.COUNTER] = dice.uniform(13, 15)
            parts[State.ACTIVE, Quality.COUNTER] = dice.uniform(60, 260) if dice.random() < 0.7 else 0.0
        if local.hour == 14 and local.weekday() > 3:
            parts[State.MIXED, Quality.COUNTER] = 290.0
        if local.hour == 9:
            parts[State.UNATTRIBUTED, Quality.COUNTER] = dice.uniform(20, 40)
        energy = {key: round(watts * hours * 3_600_000) for key, watts in parts.items() if watts}
        slots.append(HistorySlot(start, end, energy, end - start))
    return History(span, ZoneInfo("Europe/Berlin"), tuple(slots))


def sample(now: datetime = NOW) -> MachineSample:
    """A graphics card and a processor that are both measured."""
    gpu = part(
        GPU,
        37.2,
        "gpu",
        Scope.BOARD,
        Quality.COUNTER,
        name="NVIDIA GeForce RTX 4090",
        vendor="nvidia",
        source="NVML energy counter",
        counter_mj=1_000_000,
        limit_w=450.0,
        load=Figure(2.0),
        temperature_c=41.0,
        memory=DeviceMemory(
            dedicated_total_bytes=24 * GIB,
            dedicated_used_bytes=round(7.3 * GIB),
            llm_available_bytes=round(16.7 * GIB),
        ),
        processes=(GpuProcess(4242, round(5.7 * GIB), "ollama"),),
    )
    cpu = part(
        CPU,
        15.1,
        "cpu",
        Scope.PACKAGE,
        Quality.COUNTER,
        name="AMD Ryzen 9 7900X",
        vendor="amd",
        source="RAPL package",
        counter_mj=2_000_000,
        load=Figure(6.0),
        temperature_c=48.0,
    )
    memory = MemorySample(64 * GIB, 51 * GIB, 60 * GIB, 48 * GIB)
    return MachineSample(LOCAL_HOST, now, 5000.0, (gpu, cpu), memory, False, "boot-1")


def profile() -> MachineProfile:
    """The same computer as the memory model sees it."""
    card = Device(
        GPU, "NVIDIA GeForce RTX 4090", "cuda", 24 * GIB, round(16.7 * GIB), compute_capability="8.9"
    )
    return MachineProfile("Desk computer", "linux", 64 * GIB, 51 * GIB, devices=(card,))


INSTALLED = (
    InstalledModel("qwen3:8b", "aa11", round(5.2 * GB), "qwen3", "8.2B", "Q4_K_M"),
    InstalledModel("gpt-oss:20b", "bb22", round(13.8 * GB), "gptoss", "20.9B", "MXFP4"),
    InstalledModel("qwen3.5:9b", "cc33", round(6.6 * GB), "qwen35", "9.7B", "Q4_K_M"),
    InstalledModel("llama3.3:70b", "dd44", round(42.5 * GB), "llama", "70.6B", "Q4_K_M"),
)


def running(now: datetime = NOW) -> RunningModel:
    """One model on the GPU, kept for another hour."""
    size = round(5.7 * GIB)
    return RunningModel("qwen3:8b", "aa11", size, size, 8192, now + timedelta(hours=1), "qwen3", "Q4_K_M")


def steps(weights: float, per_8k: float, total: float = 22.5) -> tuple[ContextStep, ...]:
    """What a model needs at seven context lengths, GiB in."""
    made = []
    for length in (4096, 8192, 16384, 32768, 65536, 131072, 262144):
        work = 0.3 + per_8k * length / 8192
        spare = total - weights - work
        verdict = FULL_GPU if spare >= 0 else PARTIAL_GPU
        made.append(ContextStep(length, verdict, round(weights * GIB), round(work * GIB), round(spare * GIB)))
    return tuple(made)


def note(model: str, weights: float, work: float, low: float, high: float, cost: float) -> FitNote:
    """A model that is all on the GPU; GiB, tokens/s and currency units in."""
    return FitNote(
        model,
        FULL_GPU,
        weights_bytes=round(weights * GIB),
        work_bytes=round(work * GIB),
        spare_bytes=round((22.5 - weights - work) * GIB),
        context_length=8192,
        trained_context=131072,
        largest_gpu_context=81920,
        largest_gpu_context_q8=131072,
        tokens_low=low,
        tokens_high=high,
        cost_per_million_micro=round(cost * 1e6),
        cost_error_fraction=0.3,
        confidence="medium",
        steps=steps(weights, work - 0.3),
    )


def fits() -> tuple[FitNote, ...]:
    """The fit of what is installed."""
    qwen = FitNote(
        "qwen3:8b",
        FULL_GPU,
        weights_bytes=round(4.4 * GIB),
        work_bytes=round(1.3 * GIB),
        spare_bytes=round(16.7 * GIB),
        context_length=8192,
        trained_context=40960,
        largest_gpu_context=40960,
        measured_tokens_per_s=118.0,
        cost_per_million_micro=290_000,
        confidence="high",
    )
    llama = FitNote(
        "llama3.3:70b",
        PARTIAL_GPU,
        layers_on_gpu=41,
        layers_total=81,
        weights_bytes=round(20.1 * GIB),
        work_bytes=round(1.9 * GIB),
        host_bytes=round(20.4 * GIB),
        spare_bytes=round(-19.4 * GIB),
        context_length=8192,
        trained_context=131072,
        tokens_low=2.0,
        tokens_high=4.0,
        cost_per_million_micro=7_000_000,
        cost_error_fraction=0.5,
        confidence="medium",
    )
    return (
        qwen,
        note("gpt-oss:20b", 12.8, 0.7, 110, 170, 0.25),
        note("qwen3.5:9b", 6.1, 1.1, 84, 110, 0.36),
        llama,
    )


def offers() -> tuple[Offer, ...]:
    """Three that fit."""
    return (
        Offer(
            "qwen3.6:27b",
            note("qwen3.6:27b", 15.6, 1.0, 31, 42, 0.93),
            round(17.4 * GB),
            "Q4_K_M",
            "Alibaba",
            "April 2026",
            "Apache-2.0",
            ("chat", "code", "vision", "tools"),
        ),
        Offer(
            "gemma4:26b",
            note("gemma4:26b", 16.0, 1.2, 90, 140, 0.30),
            round(18.0 * GB),
            "Q4_K_M",
            "Google",
            "May 2026",
            "Gemma",
            ("chat", "vision"),
        ),
        Offer(
            "qwen3-coder:30b",
            note("qwen3-coder:30b", 16.6, 1.0, 95, 150, 0.29),
            round(18.6 * GB),
            "Q4_K_M",
            "Alibaba",
            "2025",
            "Apache-2.0",
            ("code", "agents"),
        ),
    )


def amount(kwh: float, price: float | None = 0.39, tokens: int = 0) -> Amount:
    """Energy with its money at ``price``, known to 10 %."""
    micro = None if price is None else round(kwh * price * 1e6)
    return Amount(round(kwh * KWH), micro, 0.1, Quality.COUNTER, tokens_out=tokens)


def report_line(key: str, made: Amount, is_model: bool = True) -> CostLine:
    """A line of a report."""
    return CostLine(
        made.energy_mj, made.cost_micro, made.error_fraction, made.quality, key=key, is_model=is_model
    )


def cost(models: float, machine: float, price: float | None = 0.39) -> CostReport:
    """Energy of a span in kWh (models, and the computer beside them) with its money at ``price``."""
    whole = amount(models + machine, price)
    return CostReport(
        whole.energy_mj,
        whole.cost_micro,
        whole.error_fraction,
        whole.quality,
        currency=None if price is None else "EUR",
        observed_s=78_000,
        span_s=79_500,
        breakdown=(
            report_line("qwen3:8b", amount(models * 0.72, price)),
            report_line("gpt-oss:20b", amount(models * 0.28, price)),
            report_line("base", amount(machine, price), False),
        ),
        models=amount(models, price),
        parked=amount(models * 0.14, price),
        covers=("RTX 4090", "processor package"),
    )


def days(price: float | None = 0.39) -> tuple[DaySum, ...]:
    """Twenty-three days of a month."""
    working = (5, 12, 38, 8, 32, 30, 7, 9, 43, 26, 27, 46, 39, 4, 8, 21, 18, 24, 99, 30, 4, 7, 45)
    parked = (5, 7, 5, 3, 6, 2, 7, 2, 7, 6, 1, 5, 3, 2, 4, 5, 6, 4, 8, 7, 3, 2, 5)
    made = []
    for index, (busy, idle) in enumerate(zip(working, parked, strict=True)):
        amounts = [amount(x / 100, price) for x in (busy, idle, 80)]
        made.append(DaySum(date(2026, 11, index + 1), *amounts, observed_s=3600))
    return tuple(made)


def token_price(model: str, tokens: int, micro: int, working_micro: int, **rest: Any) -> ModelMonth:
    """A price of tokens that a tenth of uncertainty comes with."""
    whole, working = (Amount(cost_micro=m, error_fraction=0.12) for m in (micro, working_micro))
    return ModelMonth(model, TokenCost(whole, working, tokens, counted_share=1.0), **rest)


COUNTRIES = (
    CountryPrice("DE", "Germany", "EUR", Decimal("0.3869"), 2025, "Eurostat nrg_pc_204", False),
    CountryPrice("IE", "Ireland", "EUR", Decimal("0.4042"), 2025, "Eurostat nrg_pc_204", False),
    CountryPrice("US", "United States", "USD", None, 2025, "", False),
)


def extras() -> Extras:
    """All slower answers."""
    return Extras(
        fits=fits(),
        offers=offers(),
        costs=MonthCosts(
            days(),
            (
                token_price("qwen3:8b", 5_900_000, 330_000, 290_000),
                token_price(
                    "gpt-oss:20b",
                    2_800_000,
                    270_000,
                    250_000,
                    hosted_per_million_micro=270_000,
                    hosted_on=date(2026, 8, 14),
                ),
            ),
            Projection(3_300_000, 3_500_000, 3_800_000),
            310_000,
            LastWeek(Amount(cost_micro=90_000)),
        ),
        countries=COUNTRIES,
        left_out=(
            LeftOut("qwen3:32b-fp16", "qwen3:32b-fp16: needs about 64 GiB, and 23 GiB can be had."),
            LeftOut(
                "dolphin-mixtral:8x7b", "dolphin-mixtral:8x7b: would write only about 3 tokens/s here.", True
            ),
        ),
        history=longer(),
        week_hours=week_hours(longer(HistorySpan.MONTH).slots, ZoneInfo("Europe/Berlin")),
        disk_free_bytes=412 * GB,
        version="0.1.0",
    )


def settings() -> Settings:
    """A price and a daily budget."""
    return Settings(
        price=Price("0.39", "EUR", "Europe/Berlin", "DE"), meter=MeterSettings(daily_budget_micro=350_000)
    )


def server(status: ServerStatus = ServerStatus.READY) -> ServerState:
    """A server with four models, one of them loaded."""
    return ServerState(SERVER_URL, status, "0.33.1", INSTALLED, (running(),))


PROGRAMS = ProgramsNow(
    ByProgram({"ollama": 6_100, "firefox": 4_300, "gnome-shell": 1_200, "code": 700}, 36_900, 3_100),
    ByProgram(
        {"ollama": 1_836_000_000, "steam_game": 700_000_000, "firefox": 122_000_000, "code": 41_000_000},
        2_600_000_000,
        81_000_000,
    ),
    datetime(2026, 11, 23, 7, 10, tzinfo=UTC),
)


def state() -> AppState:
    """An ordinary evening."""
    host = HostState(
        LOCAL_HOST,
        "This computer",
        server(),
        profile(),
        sample(),
        history(),
        cost(0.51, 0.79),
        cost(6.9, 18.3),
        programs=PROGRAMS,
    )
    return AppState((host,), price_known=True)


def evening() -> Scene:
    """The ordinary evening with everything known."""
    return Scene(state(), settings(), NOW, extras(), UTC)


def first_minute() -> Scene:
    """Just started: nothing known at all."""
    host = HostState(LOCAL_HOST, "This computer", ServerState(SERVER_URL))
    return Scene(AppState((host,)), Settings(), NOW, Extras(), UTC)


def no_model() -> Scene:
    """A running server without a model, and no price yet."""
    ready = ServerState(SERVER_URL, ServerStatus.READY, "0.33.1")
    host = HostState(LOCAL_HOST, "This computer", ready, profile(), sample(), history()[-40:])
    return Scene(AppState((host,)), Settings(), NOW, Extras(offers=offers(), countries=COUNTRIES), UTC)


def no_server() -> Scene:
    """Nothing listens at the server's address; a sentence says what to do."""
    absent = ServerState(
        SERVER_URL,
        ServerStatus.ABSENT,
        message="No model server answers at 127.0.0.1:11434. Start Ollama, or install it first.",
    )
    host = HostState(LOCAL_HOST, "This computer", absent, profile(), sample(), history(), cost(0, 0.79, None))
    return Scene(AppState((host,)), Settings(), NOW, Extras(countries=COUNTRIES, server_startable=True), UTC)


def no_sensor() -> Scene:
    """A small computer of whose power nothing can be read."""
    cpu = part(
        "cpu",
        kind="cpu",
        name="Processor",
        reason="No readable power sensor for the processor on this computer.",
        estimate_w=(11.2, 28.9),
    )
    base = state()
    small = MachineProfile("Small computer", "linux", 16 * GIB, 9 * GIB)
    seen = replace(base.hosts[0].sample or sample(), devices=(cpu,))
    host = replace(base.hosts[0], profile=small, sample=seen, history=(), today=None, month=None)
    return Scene(replace(base, hosts=(host,)), settings(), NOW, Extras(fits=fits()), UTC)


def ranged() -> Scene:
    """The small computer after a day: nothing is measured, so between what it cost is told."""
    made = no_sensor()
    found = CostRange(580_000_000, 1_290_000_000, 62_800, 139_800, "EUR", 52_000.0)
    today = CostReport(0, None, currency="EUR", observed_s=0, span_s=79_500, estimated=found)
    month = replace(found, low_mj=22 * found.low_mj, high_mj=22 * found.high_mj)
    month = replace(month, low_micro=1_381_600, high_micro=3_075_600)
    host = replace(made.host, today=today, month=replace(today, estimated=month))
    return replace(made, state=replace(made.state, hosts=(host,), price_known=True))


def learned() -> Scene:
    """A laptop on mains with a closed counter: its draw was learned on battery."""
    made = evening()
    dice, points, watts = random.Random(3), [], 14.0
    for second in range(600, -1, -5):
        goal = 31.0 if 150 < second < 330 else 13.5
        watts += 0.25 * (goal - watts) + dice.gauss(0, 0.5)
        points.append(HistoryPoint(NOW - timedelta(seconds=second), ((LEARNED, watts),), None))
    cpu = part("cpu", None, "cpu", name="Processor", reason=cpu_reason("permission"))
    battery = part(
        "battery", None, "battery", name="Battery", reason="on mains: the battery says nothing about power"
    )
    latest = to_us(datetime(2026, 11, 12, 18, 0, tzinfo=UTC))
    figure = LearnedFigure(watts, 2.4, watts, 190.0, latest, False, True)
    assert made.host.sample is not None
    seen = replace(made.host.sample, devices=(cpu, battery), on_battery=False, learned=figure)
    today, month = (
        replace(
            cost(models, machine),
            error_fraction=0.15,
            quality=Quality.LEARNED,
            covers=("whole computer, learned on battery",),
        )
        for models, machine in ((0.11, 0.21), (2.1, 4.4))
    )
    small = MachineProfile("Laptop", "linux", 32 * GIB, 19 * GIB)
    host = replace(made.host, profile=small, sample=seen, history=tuple(points), today=today, month=month)
    return replace(made, state=replace(made.state, hosts=(host,)))


def plugged() -> Scene:
    """The computer of the evening at a smart plug."""
    made = evening()
    assert made.host.sample is not None
    watts = 131.0
    parts = tuple(replace(device, contained_in="plug") for device in made.host.sample.devices)
    plug = part(
        "plug",
        watts,
        "wall",
        Scope.SYSTEM,
        Quality.METERED,
        name="Wall plug",
        source="Shelly, computer alone",
    )
    points = tuple(
        replace(
            point, power_w=(*point.power_w, ("plug", 74.0 + 1.12 * sum(w or 0 for _, w in point.power_w)))
        )
        if point.power_w
        else point
        for point in made.host.history
    )
    seen = replace(made.host.sample, devices=(plug, *parts))
    host = replace(made.host, sample=seen, history=points)
    return replace(made, state=replace(made.state, hosts=(host,)))


COUNTERS = "/sys/class/powercap/intel-rapl:*/energy_uj"


def closed_counter(**access: object) -> Scene:
    """The small computer where the processor's counter is there, but only root may read it."""
    made = no_sensor()
    host = made.state.hosts[0]
    assert host.sample is not None
    reason = unknown(cpu_reason("permission"))
    parts = tuple(replace(part, closed=True, power=reason) for part in host.sample.devices)
    closed = EnergyAccess(
        closed=True,
        user="anna",
        by_click=True,
        commands=(
            f"echo 'z {COUNTERS} - 1000 - - -' | sudo tee /etc/tmpfiles.d/wattlight-energy.conf",
            f"sudo chown 1000 {COUNTERS}",
        ),
        undo=(
            "sudo chown root /sys/class/powercap/intel-rapl:*/energy_uj",
            "sudo rm -f /etc/tmpfiles.d/x.conf",
        ),
    )
    host = replace(host, sample=replace(host.sample, devices=parts))
    state = replace(made.state, hosts=(host,), energy_access=replace(closed, **access))  # type: ignore[arg-type]
    return replace(made, state=state)


def busy() -> Scene:
    """A switch and a download under way, and something that went wrong."""
    base = state()
    return Scene(
        AppState(
            base.hosts,
            pulls=(
                PullState("qwen3.6:27b", "pulling", round(6.2 * GB), round(17.4 * GB), 12e6),
                PullState("gemma4:26b", "", 0, None, error="write failed: no space left on device"),
            ),
            tasks=(TaskState("switch", "gpt-oss:20b", NOW - timedelta(seconds=8)),),
            notices=(Notice("price", "The price of electricity changed on 1 January.", NOW, "info"),),
            price_known=True,
        ),
        settings(),
        NOW,
        extras(),
        UTC,
    )


def hostile() -> Scene:
    """Names, errors and notices made to break a window."""
    models = tuple(InstalledModel(name, "ff", 10**9, "<i>f</i>", "1B", "Q4_0") for name in HOSTILE_NAMES)
    loaded = RunningModel(HOSTILE_NAMES[1], "ff", GIB, GIB // 2, 4096, None)
    bad = ServerState(SERVER_URL, ServerStatus.READY, "<u>0.33</u>", models, (loaded,))
    host = HostState(LOCAL_HOST, "<h1>PC</h1>", bad, profile(), sample(), history(), cost(0.2, 0.3))
    notices = (Notice("evil", '<img src="/etc/passwd"> & <b>bold</b> ' + "y" * 5000, NOW, "error"),)
    return Scene(
        AppState((host,), pulls=(PullState(HOSTILE_NAMES[0], error="<script>"),), notices=notices),
        Settings(),
        NOW,
        Extras(fits=(FitNote(HOSTILE_NAMES[2], CPU_ONLY, tokens_low=1, tokens_high=2),)),
        UTC,
    )


def crowd(count: int = 5000) -> Scene:
    """Thousands of models."""
    models = tuple(
        InstalledModel(f"model-{n:04}:7b", f"{n:x}", 4 * GB, "x", "7B", "Q4_0") for n in range(count)
    )
    full = ServerState(SERVER_URL, ServerStatus.READY, "0.33.1", models, ())
    host = HostState(LOCAL_HOST, "This computer", full, profile(), sample(), history())
    return Scene(AppState((host,)), Settings(), NOW, Extras(), UTC)


SCENES = {
    "evening": evening,
    "first_minute": first_minute,
    "no_model": no_model,
    "no_server": no_server,
    "no_sensor": no_sensor,
    "ranged": ranged,
    "learned": learned,
    "plugged": plugged,
    "closed_counter": closed_counter,
    "busy": busy,
    "hostile": hostile,
}
