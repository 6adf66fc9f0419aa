"""The one aggregator: every grouping of it adds up to the same whole, with the error of its devices."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattlight.domain.cost import UNDECIDED, Bucket, By, Sums, apart, of_models
from wattlight.domain.energy import MINUTE_US, QUARTER_US, WALL, Batch, DeviceInfo, EnergyRow, State
from wattlight.domain.tariff import Tariff, cost_micro, parse_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, to_us

START = to_us(datetime(2026, 3, 1, tzinfo=UTC))
HOUR_US = 3_600_000_000
END = START + 48 * HOUR_US
NIGHT: Tariff = parse_tariff(
    {
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "periods": [
            {
                "price_per_kwh": "0.391",
                "bands": [{"start": "22:00", "end": "06:00", "price_per_kwh": "0.2831"}],
            }
        ],
    }
)


def bucket(
    hour: float,
    energy_mj: int = 3_600_000,
    model: str | None = "m:8b",
    state: State = State.ACTIVE,
    device: str = "gpu",
    tokens: int = 0,
    length_us: int = MINUTE_US,
) -> Bucket:
    at = START + int(hour * 60) * MINUTE_US
    return Bucket(at, length_us, device, model, state, energy_mj, 60_000, Quality.COUNTER, tokens, 2 * tokens)


def info(device: str, error: float | None, kind: str = "gpu", scope: str = "board") -> DeviceInfo:
    return DeviceInfo(LOCAL_HOST, device, device.upper(), kind, "v", scope, "test", error)


BUCKETS = st.lists(
    st.builds(
        bucket,
        st.floats(0, 47),
        st.integers(0, 10**9),
        st.sampled_from([None, "m:8b", "n:3b"]),
        st.sampled_from(State),
        st.sampled_from(["gpu", "cpu"]),
        st.integers(0, 1000),
        st.sampled_from([MINUTE_US, QUARTER_US]),
    ),
    max_size=30,
)


@given(BUCKETS, st.sampled_from([By.MODEL, By.DEVICE, By.DAY, By.HOUR]))
def test_every_grouping_is_the_plain_sum(rows: list[Bucket], by: By) -> None:
    sums = Sums(NIGHT, START, END, time=by).add_all(rows)
    report = sums.report(by)
    assert report.energy_mj == sum(row.energy_mj for row in rows)
    assert sum(line.energy_mj for line in report.breakdown) == report.energy_mj
    assert report.tokens_out == sum(row.tokens_out for row in rows)
    known = [line.cost_micro for line in report.breakdown if line.cost_micro is not None]
    assert report.cost_micro == sum(known)
    mine = [row for row in rows if row.state in {State.ACTIVE, State.PARKED}]
    assert report.models.energy_mj == sum(row.energy_mj for row in mine)
    assert sums.amount(of_models).energy_mj == report.models.energy_mj
    if by is By.DEVICE:
        assert {line.key for line in report.breakdown} == {row.device for row in rows}


@given(st.lists(st.builds(bucket, st.floats(0, 47), st.integers(0, 10**9)), max_size=30))
def test_money_is_rounded_once_from_exact_prices(rows: list[Bucket]) -> None:
    prices = []
    for row in rows:
        (piece,) = NIGHT.pieces_us(row.start_us, row.start_us + row.length_us)
        assert piece.price_per_kwh is not None
        prices.append((piece.price_per_kwh, row.energy_mj))
    report = Sums(NIGHT, START, END).add_all(rows).report(By.DEVICE)
    assert (report.cost_micro or 0) == cost_micro(prices)


@settings(deadline=None, max_examples=60)
@given(BUCKETS)
def test_money_by_model_by_day_and_by_part_is_one_sum(rows: list[Bucket]) -> None:
    """Each line's halves were rounded by themselves: a month by day was some micro-units off by model."""
    whole = Sums(NIGHT, START, END).add_all(rows).amount().cost_micro or 0
    own: dict[str, int] = {}
    for by in (By.MODEL, By.DEVICE, By.DAY, By.HOUR):
        report = Sums(NIGHT, START, END, **apart(by)).add_all(rows).report(by)
        assert report.cost_micro == whole
        assert sum(line.cost_micro or 0 for line in report.breakdown) == whole
        own[by] = report.models.cost_micro or 0
        if by is By.MODEL:
            assert sum(line.cost_micro or 0 for line in report.by_model) == own[by]
    assert len(set(own.values())) == 1
    for line in Sums(NIGHT, START, END).add_all(rows).report(By.DEVICE).breakdown:
        alone = Sums(NIGHT, START, END).add_all(row for row in rows if row.device == line.key).amount()
        assert abs((line.cost_micro or 0) - (alone.cost_micro or 0)) <= 1


def test_the_cache_of_days_and_the_rows_give_the_same_sums() -> None:
    rows = [bucket(h, 1_000_003 * (h + 1), device="gpu" if h % 2 else "cpu") for h in range(20)]
    cached = Sums(NIGHT, START, END, time=By.DAY, prices=True).add_all(rows)
    again = Sums(NIGHT, START, END, time=By.DAY)
    again.add_cells(cached.cells())
    for by in (By.DAY, By.DEVICE, By.MODEL):
        assert (
            again.report(by).breakdown
            == Sums(NIGHT, START, END, time=By.DAY).add_all(rows).report(by).breakdown
        )


def test_a_batch_of_the_meter_adds_what_the_ledger_will_hold() -> None:
    minute = START // MINUTE_US
    rows = tuple(
        EnergyRow(LOCAL_HOST, minute + i, "gpu", "sha256:a", State.ACTIVE, 1000 + i, 60_000, Quality.COUNTER)
        for i in (-1, 0, 1)
    )
    batch = Batch(
        rows, ((LOCAL_HOST, minute, 60_000), (LOCAL_HOST, minute - 1, 5)), models=(("sha256:a", "m:8b"),),
        devices=(info("gpu", 0.05),),
    )  # fmt: skip
    sums = Sums(None, START, END)
    sums.add_batch(batch)
    report = sums.report(By.MODEL)
    assert [(line.key, line.energy_mj) for line in report.by_model] == [("m:8b", 2001)], (
        "the row before is out"
    )
    assert (sums.observed_ms, report.covers, report.error_fraction) == (60_000, ("GPU",), 0.05)


def test_the_error_of_a_sum_is_its_devices_each_once() -> None:
    sums = Sums(None, START, END)
    sums.know((info("gpu", 0.05), info("cpu", 0.1, "cpu", "package")))
    sums.add_all([bucket(h, 4_000_000) for h in range(10)])
    sums.add_all([bucket(h, 3_000_000, None, State.BASE, "cpu") for h in range(10)])
    report = sums.report(By.MODEL)
    assert report.error_fraction == pytest.approx(hypot(40 * 0.05, 30 * 0.1) / 70)
    assert {line.key: line.error_fraction for line in report.breakdown} == {"m:8b": 0.05, "base": 0.1}
    assert report.models.error_fraction == 0.05


def test_a_ledger_of_before_tells_the_error_by_quality() -> None:
    sums = Sums(None, START, END).add_all([bucket(0)])
    assert sums.report(By.MODEL).error_fraction == 0.1
    sums.know((info("gpu", None),))
    assert sums.report(By.MODEL).error_fraction == 0.1
    assert Sums(None, START, END).report(By.MODEL).error_fraction is None


def test_the_plugs_error_takes_the_place_of_the_parts_where_it_is_known() -> None:
    sums = Sums(None, START, END)
    sums.know((info("gpu", 0.1), info(WALL, 0.25, "wall", "")))
    sums.add_all([bucket(h, 6_000_000, None, State.BASE) for h in range(4)])
    sums.add_all([bucket(h, 4_000_000, None, State.BASE, WALL) for h in range(4)])
    whole = sums.report(By.DEVICE)
    assert whole.error_fraction == pytest.approx(4 * 0.25 / 10), "a calibration holds for the whole"
    assert whole.not_covered == ()
    half = Sums(None, START, END)
    half.know((info("gpu", 0.1), info(WALL, 0.25, "wall", "")))
    half.add_all([bucket(h, 6_000_000, None, State.BASE) for h in range(4)])
    half.add_all([bucket(h, 4_000_000, None, State.BASE, WALL) for h in range(2)])
    expected = hypot(8 * 0.25, 0.5 * 24 * 0.1) / 32
    assert half.report(By.DEVICE).error_fraction == pytest.approx(expected), "half the time only the parts"


def test_what_is_not_in_a_sum_is_named() -> None:
    def missing(*infos: DeviceInfo) -> tuple[str, ...]:
        sums = Sums(None, START, END).add_all([bucket(0, device=i.device) for i in infos])
        sums.know(infos)
        return sums.report(By.MODEL).not_covered

    supply = "loss of the power supply"
    assert missing(info("gpu", 0.1))[0] == "processor"
    assert missing(info("gpu", 0.1))[-1] == supply
    assert "processor" not in missing(info("gpu", 0.1), info("cpu", 0.1, "cpu", "package"))
    assert missing(info("psys", 0.1, "system", "system")) == (supply,)
    assert missing(info("bat", 0.1, "battery", "system")) == ()
    assert Sums(None, START, END).add_all([bucket(0)]).report(By.MODEL).not_covered == (), (
        "nothing is claimed"
    )


def test_what_cannot_be_divided_is_no_models_and_no_computers() -> None:
    rows = [bucket(0, 500, "m:8b", State.UNATTRIBUTED), bucket(1, 300, None, State.UNATTRIBUTED)]
    report = Sums(NIGHT, START, END).add_all([*rows, bucket(2, 200, None, State.BASE)]).report(By.MODEL)
    keys = {line.key: line.energy_mj for line in report.breakdown}
    assert keys == {UNDECIDED: 500, "unattributed": 300, "base": 200}
    assert (report.models.energy_mj, report.undecided.energy_mj, report.models_unknown) == (0, 500, True)
    some = Sums(NIGHT, START, END).add_all([*rows, bucket(3)]).report(By.MODEL)
    assert not some.models_unknown


def test_no_price_at_a_moment_is_said_and_not_added() -> None:
    until = parse_tariff(
        {
            "currency": "EUR",
            "timezone": "UTC",
            "periods": [{"from": "2026-03-01", "to": "2026-03-02", "price_per_kwh": "0.36"}],
        }
    )
    report = Sums(until, START, END).add_all([bucket(1), bucket(30)]).report(By.MODEL)
    assert (report.cost_micro, report.unpriced_mj) == (360, 3_600_000)
    assert Sums(until, START, END).report(By.MODEL).cost_micro == 0, "an empty span costs nothing"
    assert Sums(None, START, END).report(By.MODEL).cost_micro is None


@pytest.mark.parametrize("by", [By.DAY, By.HOUR])
def test_lines_that_are_settled_as_time_goes_on_are_those_of_all_rows_together(by: By) -> None:
    dice = random.Random(7)
    rows = sorted(
        (
            Bucket(
                START + dice.randrange(4 * 96) * QUARTER_US, QUARTER_US, dice.choice(("gpu", "cpu")),
                model, State.ACTIVE if model else State.BASE, dice.randrange(9_000_000), 900_000,
                dice.choice(tuple(Quality)), 3, 4,
            )
            for model in ("a", "b", None)
            for _ in range(300)
        ),
        key=lambda bucket: bucket.start_us,
    )  # fmt: skip
    together = Sums(NIGHT, START, END + 60 * HOUR_US, time=by).add_all(rows).report(by)
    folded = Sums(NIGHT, START, END + 60 * HOUR_US, **apart(by)).add_all(rows).report(by)
    assert folded.breakdown == together.breakdown
    assert replace(folded, breakdown=()) == replace(together, breakdown=())
