"""Questions to the ledger: last week by the clock, money per token where all was counted, power limits."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from fakes.metering import part
from wattlight.domain.cost import Bucket
from wattlight.domain.energy import MINUTE_US, DeviceInfo, State
from wattlight.domain.keep_alive import keep_alive_saving
from wattlight.domain.power import MachineSample
from wattlight.domain.state import HostState, ServerState
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, Device, MachineProfile, Quality, to_us
from wattlight.services.costs import BusyMinutes, caps, counted_use, last_week
from wattlight.store.jobs import TokenHour

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
TARIFF = flat_tariff("0.36", "EUR", "UTC")
MJ_PER_KWH = 3_600_000_000


@dataclass
class Ledger:
    """Buckets in memory, all of whose minutes were observed (or as many as ``seen`` says)."""

    rows: list[Bucket]
    seen: float = 1.0

    def buckets(self, start_us: int, end_us: int) -> Iterator[Bucket]:
        return (row for row in self.rows if start_us <= row.start_us < end_us)

    def devices(self) -> tuple[DeviceInfo, ...]:
        return (DeviceInfo(LOCAL_HOST, "gpu", "RTX 3090", "gpu", "nvidia", "board", "NVML", 0.1),)

    def observed_ms(self, start_us: int, end_us: int) -> int:
        return round((end_us - start_us) / 1000 * self.seen)


def row(at: datetime, energy_mj: int, state: State = State.ACTIVE, model: str | None = "m:8b") -> Bucket:
    return Bucket(to_us(at), MINUTE_US, "gpu", model, state, energy_mj, 60_000, Quality.COUNTER)


def test_last_week_is_the_models_cost_until_the_same_hour() -> None:
    week = timedelta(days=7)
    ledger = Ledger(
        [
            row(NOW - week - timedelta(hours=1), MJ_PER_KWH),
            row(NOW - week - timedelta(hours=2), MJ_PER_KWH, State.PARKED),
            row(NOW - week - timedelta(hours=2), MJ_PER_KWH, State.BASE, None),
            row(NOW - week + timedelta(hours=1), MJ_PER_KWH),
            row(NOW - timedelta(hours=1), 5),
        ]
    )
    found = last_week(ledger, TARIFF, UTC_ZONE, NOW)  # type: ignore[arg-type]  # as much as is used
    assert found.amount is not None and found.amount.cost_micro == 720_000
    assert found.reason == ""


def test_a_half_seen_week_is_not_compared() -> None:
    ledger = Ledger([row(NOW - timedelta(days=7, hours=1), MJ_PER_KWH)], seen=0.5)
    found = last_week(ledger, TARIFF, UTC_ZONE, NOW)  # type: ignore[arg-type]  # as much as is used
    assert found.amount is None
    assert "only partly recorded" in found.reason


def busy(days: int = 10, watts: int = 330) -> BusyMinutes:
    looked = BusyMinutes()
    rows = [
        row(NOW - timedelta(days=day, minutes=minute), watts * 60_000)
        for day in reversed(range(days))
        for minute in reversed(range(60))
    ]
    assert len(list(looked.watching(rows))) == len(rows)
    return looked


def test_a_month_of_minutes_is_looked_at_in_the_memory_of_one() -> None:
    """Parts at work and stretches of keep-alive are added up as the rows come."""
    looked, minutes = BusyMinutes(), 40_000

    def rows() -> Iterator[Bucket]:
        for minute in range(minutes):
            at, state = NOW + timedelta(minutes=minute), (State.PARKED, State.ACTIVE)[minute % 40 > 30]
            yield row(at, 330_000, state, f"m{minute // 40 % 5}:8b")
            yield replace(row(at, 60_000, State.BASE, None), device="cpu")

    tracemalloc.start()
    saving = keep_alive_saving(looked.watching(rows()), 300)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert saving.parked_mj == minutes // 40 * 31 * 330_000
    assert saving.saved_mj == minutes // 40 * 26 * 330_000
    assert (saving.longest_idle_s, saving.days) == (31 * 60, minutes / 1440)
    drawn = looked.draw("gpu")
    assert drawn == (5.5, minutes // 40 * 9 / 60, minutes / 1440)
    assert looked.draw("cpu") is None


def host(rated_w: float | None = 350.0, limit_w: float | None = 350.0, name: str = "RTX 3090") -> HostState:
    card = Device("gpu", name, "cuda", 24 << 30, 20 << 30, rated_w=rated_w)
    sample = part("gpu", 30.0, name=name, limit_w=limit_w)
    return HostState(
        LOCAL_HOST,
        "here",
        ServerState("http://127.0.0.1:9"),
        MachineProfile("here", "linux", 1, 1, devices=(card,)),
        MachineSample(LOCAL_HOST, NOW, 1.0, (sample,)),
    )


def test_a_power_limit_is_advised_where_all_its_figures_are_known() -> None:
    (cap,) = caps(host(), busy(), Decimal("0.36"))
    assert cap.device == "RTX 3090"
    assert cap.advice.cap_w == 280
    # at most 50 W above the cap for 10 hours in 9.04 days
    assert cap.advice.saves_high_mj == round(50 * 10 * 30.4375 / (9 + 60 / 1440) * 3_600_000)


def test_no_advice_without_figures_or_for_cards_nobody_can_limit() -> None:
    assert caps(host(rated_w=None), busy(), None) == ()
    assert caps(host(limit_w=None), busy(), None) == ()
    assert caps(host(limit_w=280.0), busy(), None) == ()
    assert caps(host(name="RTX 4090 Laptop GPU"), busy(), None) == ()
    assert caps(host(), busy(days=2), None) == ()
    assert caps(host(), BusyMinutes(), None) == ()
    assert caps(replace(host(), profile=None), busy(), None) == ()


def hour(ago: timedelta, requests: int, source: str = "pass_through") -> TokenHour:
    return TokenHour(
        NOW - ago, "m:8b", "curl", source, requests, requests, requests * 300, 0, requests * 200, None, 0
    )


def test_counted_use_is_scaled_to_a_month() -> None:
    hours = (hour(timedelta(days=10), 600), hour(timedelta(days=1), 400))
    assert counted_use(hours, NOW) == (round(1000 * 30.4375 / 10), 300, 200)


def test_a_few_calls_or_the_benchmarks_own_are_not_a_habit() -> None:
    assert counted_use((hour(timedelta(days=10), 19),), NOW) == (None, None, None)
    assert counted_use((hour(timedelta(days=10), 500, "benchmark"),), NOW) == (None, None, None)
    assert counted_use((hour(timedelta(hours=3), 500),), NOW) == (None, 300, 200)
