"""Traces whose sums are known by hand."""

import itertools
import tracemalloc
from collections.abc import Iterator

import pytest

from wattlight.domain.cost import By
from wattlight.domain.tariff import Tariff, flat_tariff, parse_tariff
from wattlight.domain.values import iso_utc
from wattlight.services.metering import Replay, TraceProblem, read_trace, replay

HEAD = "time_utc,device,power_w,counter_mj,model,tokens\n"


def run(body: str, tariff: Tariff | None = None, by: By = By.MODEL) -> Replay:
    return replay(read_trace(HEAD + body), tariff, by)


def lines(result: Replay) -> dict[str, int]:
    return {line.key: line.energy_mj for line in result.report.breakdown}


def gaps(result: Replay) -> list[tuple[str, str, str, str]]:
    return [(g.device, iso_utc(g.start_us), iso_utc(g.end_us), g.reason) for g in result.gaps]


def test_a_gauge_by_hand() -> None:
    result = run(
        "2026-03-01T00:00:00Z,gpu0,100,,,\n"
        "2026-03-01T00:00:01Z,gpu0,50,,qwen,\n"
        "2026-03-01T00:00:02Z,gpu0,150,,qwen,12\n"
        "2026-03-01T00:00:03Z,gpu0,150,,,\n",
        flat_tariff("0.36", "EUR", "Europe/Berlin"),
    )
    assert lines(result) == {"base": 75_000, "qwen": 250_000}
    assert {line.key: line.cost_micro for line in result.report.breakdown} == {"base": 7, "qwen": 25}
    assert (result.report.energy_mj, result.report.cost_micro) == (325_000, 32)  # 32.5, half to even
    assert (result.report.observed_s, result.report.span_s) == (3, 3)
    assert result.report.quality == "sampled"
    assert result.gaps == ()


def test_the_total_is_rounded_once_and_the_lines_add_up_to_it() -> None:
    body = "".join(f"2026-03-01T00:00:0{i}Z,gpu0,,{i * 15},{'abc'[i % 3]},\n" for i in range(4))
    result = run(body, flat_tariff("120", "JPY", "Asia/Tokyo"))  # 15 mJ are half a micro-yen
    assert [line.cost_micro for line in result.report.breakdown] == [0, 1, 1]
    assert result.report.cost_micro == 2  # 1.5, half to even


def test_without_a_tariff_there_is_no_money_and_days_are_utc() -> None:
    result = run("2026-03-01T23:59:59Z,g,10,,,\n2026-03-02T00:00:01Z,g,10,,,\n", by=By.DAY)
    assert (result.report.cost_micro, result.report.currency) == (None, None)
    assert [(line.key, line.energy_mj, line.cost_micro) for line in result.report.breakdown] == [
        ("2026-03-01", 10_000, None),
        ("2026-03-02", 10_000, None),
    ]


def test_a_gap_of_a_gauge_is_listed_and_not_billed_and_a_counter_bridges_it() -> None:
    body = ""
    for second in (0, 5, 10, 15, 100, 105):
        stamp = f"2026-03-01T00:{second // 60:02d}:{second % 60:02d}Z"
        body += f"{stamp},gauge,100,,,\n{stamp},counter,,{second * 10},,\n"
    result = run(body, by=By.DEVICE)
    assert lines(result) == {"gauge": 2_000_000, "counter": 1050}
    assert gaps(result) == [("gauge", "2026-03-01T00:00:15Z", "2026-03-01T00:01:40Z", "no reading")]
    assert (result.report.observed_s, result.report.span_s) == (20, 105)


def test_the_threshold_is_three_times_the_median_of_the_whole_trace() -> None:
    minutes = [0, 1, 2, 5, 6, 7, 11]
    body = "".join(f"2026-03-01T00:{m:02d}:00Z,g,60,,,\n" for m in minutes)
    result = run(body)
    assert result.report.energy_mj == 7 * 60 * 60_000
    assert gaps(result) == [("g", "2026-03-01T00:07:00Z", "2026-03-01T00:11:00Z", "no reading")]


def test_observed_is_the_union_of_devices() -> None:
    result = run(
        "2026-03-01T00:00:00Z,a,1,,,\n2026-03-01T00:00:04Z,b,1,,,\n2026-03-01T00:00:08Z,a,1,,,\n"
        "2026-03-01T00:00:12Z,b,1,,,\n2026-03-01T00:00:20Z,b,1,,,\n2026-03-01T00:10:00Z,b,1,,,\n"
    )
    assert result.report.observed_s == 20
    assert [g[0] for g in gaps(result)] == ["b"]


def test_a_reset_is_listed_and_counting_goes_on() -> None:
    result = run(
        "2026-03-01T00:00:00Z,g,50,1000,m,\n2026-03-01T00:00:01Z,g,50,1100,m,\n"
        "2026-03-01T00:00:02Z,g,50,7,m,\n2026-03-01T00:00:03Z,g,50,57,m,\n"
    )
    assert lines(result) == {"m": 150}
    assert gaps(result) == [("g", "2026-03-01T00:00:01Z", "2026-03-01T00:00:02Z", "counter reset")]
    assert result.report.observed_s == 2


def test_a_bridge_over_a_change_of_price_is_cut_there_and_the_rest_goes_to_the_latest() -> None:
    tariff = parse_tariff(
        {
            "currency": "EUR",
            "timezone": "Europe/Berlin",
            "periods": [
                {"from": "2026-01-01", "to": "2026-03-02", "price_per_kwh": "0.40"},
                {"from": "2026-03-02", "price_per_kwh": "0.80"},
            ],
        }
    )
    # 22:30 to 23:30 UTC: midnight in Berlin lies in the middle; 7,200,001 mJ do not halve
    body = (
        "2026-03-01T22:30:00Z,g,,0,m,\n2026-03-01T23:30:00Z,g,,7200001,,\n2026-03-01T23:30:01Z,g,,7200001,,\n"
        "2026-03-01T23:30:02Z,g,,7200001,,\n"
    )
    result = run(body, tariff, By.DAY)
    assert [(line.key, line.energy_mj, line.cost_micro) for line in result.report.breakdown] == [
        ("2026-03-01", 3_600_000, 400),
        ("2026-03-02", 3_600_001, 800),
    ]
    assert result.report.observed_s == 2


def test_rows_may_come_in_any_order_with_any_offset_and_a_byte_order_mark() -> None:
    text = (
        "\ufeff"
        + HEAD
        + (
            "2026-03-01T01:00:02+01:00,b,10,,,\n"
            "2026-03-01T00:00:01,a,10,,,\n"
            "2026-02-28T19:00:00-05:00,a,10,,,\n"
            "2026-03-01 00:00:00.5Z,b,10,,,\n"
        )
    )
    result = replay(read_trace(text), None, By.DEVICE)
    assert lines(result) == {"a": 10_000, "b": 15_000}


def test_columns_may_come_in_any_order_and_with_company() -> None:
    text = "device,note,power_w,time_utc\ng,x,10,2026-03-01T00:00:00Z\ng,y,10,2026-03-01T00:00:01Z\n"
    assert replay(read_trace(text), None, By.MODEL).report.energy_mj == 10_000


def test_nothing_to_read_is_not_zero_watts() -> None:
    result = run("2026-03-01T00:00:00Z,g,,,m,\n2026-03-01T00:00:05Z,g,,,m,\n")
    assert result.report.breakdown == ()
    assert (result.report.quality, result.report.observed_s, result.report.span_s) == (None, 0, 5)


@pytest.mark.parametrize("body", ["", "2026-03-01T00:00:00Z,g,100,5,m,\n"])
def test_one_row_or_none_is_no_energy(body: str) -> None:
    result = run(body, flat_tariff("1", "EUR", "UTC"))
    assert (result.report.energy_mj, result.report.cost_micro, result.report.span_s) == (0, 0, 0)


def test_a_missing_reading_between_two_near_ones_is_bridged_by_the_trapezoid() -> None:
    result = run("2026-03-01T00:00:00Z,g,100,,,\n2026-03-01T00:00:01Z,g,,,,\n2026-03-01T00:00:02Z,g,100,,,\n")
    assert result.report.energy_mj == 200_000


def test_energy_counted_at_the_last_moment_has_its_price_too() -> None:
    result = run(
        "2026-03-01T00:00:00Z,g,,0,,\n2026-03-01T00:01:00Z,g,,10000,,\n2026-03-01T00:01:00Z,g,,30000,,\n",
        flat_tariff("0.36", "EUR", "UTC"),
    )
    assert (result.report.energy_mj, result.report.cost_micro) == (30_000, 3)


def test_blank_lines_and_windows_line_ends_do_no_harm() -> None:
    text = HEAD + "2026-03-01T00:00:00Z,g,10,,,\n\n   \n,,,,,\n2026-03-01T00:00:01Z,g,10,,,\n\n"
    assert replay(read_trace(text.replace("\n", "\r\n")), None, By.MODEL).report.energy_mj == 10_000


def test_energy_outside_the_tariff_has_no_price() -> None:
    tariff = parse_tariff(
        {
            "currency": "EUR",
            "timezone": "UTC",
            "periods": [{"from": "2026-03-02", "price_per_kwh": "3.6"}],
        }
    )
    result = run("2026-03-01T23:59:58Z,g,1000,,,\n2026-03-02T00:00:02Z,g,1000,,,\n", tariff, By.DAY)
    assert [line.cost_micro for line in result.report.breakdown] == [None, 2000]
    assert (result.report.cost_micro, result.report.unpriced_mj) == (2000, 2_000_000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The trace is empty."),
        ("a,b\n1,2\n", "no column 'time_utc'"),
        ("time_utc,device\n", "no column 'power_w'"),
        ("time_utc,device,power_w,power_w\n", "two columns of the same name"),
        (HEAD + '2026-03-01T00:00:00Z,g,"12,5",,,\n', "Line 2 of the trace: power_w '12,5' is not a number."),
        (HEAD + "2026-03-01T00:00:00Z,g,1,,,\n2026-13-01T00:00:00Z,g,1,,,\n", "Line 3"),
        (HEAD + "2026-03-01T00:00:00Z,,1,,,\n", "Line 2 of the trace names no device."),
        (HEAD + "2026-03-01T00:00:00Z,g,nan,,,\n", "'nan' is not a number"),
        (HEAD + "2026-03-01T00:00:00Z,g,inf,,,\n", "'inf' is not a number"),
        (HEAD + "2026-03-01T00:00:00Z,g,-5,,,\n", "out of range"),
        (HEAD + "2026-03-01T00:00:00Z,g,1,-1,,\n", "out of range"),
        (HEAD + "2026-03-01T00:00:00Z,g,1,,,many\n", "tokens 'many' is not a number"),
        (HEAD + "0001-01-01T00:00:00Z,g,1,,,\n", "too far away"),
        (HEAD + "2026-03-01T00:00:00Z,g,1,,,,,,\n", "more fields"),
        (HEAD + ",g,1,,,\n", "'' is not a time"),
    ],
)
def test_a_bad_trace_is_one_sentence_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(TraceProblem) as caught:
        read_trace(text)
    assert sentence in caught.value.message


@pytest.mark.parametrize(("by", "column"), [(By.MODEL, "5.5,"), (By.HOUR, ",{counter}"), (By.DAY, "5.5,")])
def test_the_work_of_a_trace_follows_its_lines_and_not_its_years(by: By, column: str) -> None:
    """Four cards, read once in a generation."""
    lines = [
        f"{year}-07-01T00:00:00Z,card{card},{column.format(counter=year * 1000)},,"
        for year in (1971, 2001, 2150)
        for card in range(4)
    ]
    rows = read_trace(HEAD + "\n".join(lines) + "\n")
    tracemalloc.start()
    result = replay(rows, None, by)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 << 20
    if "counter" in column:
        assert result.report.energy_mj == 4 * 179_000
    assert result.report.observed_s <= result.report.span_s + 1


def test_lines_come_one_after_another_and_not_without_end() -> None:
    def lines() -> Iterator[str]:
        yield HEAD
        for second in itertools.count():
            yield f"2026-03-01T10:{second // 60 % 60:02}:{second % 60:02}Z,g,5,,,\n"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wattlight.services.metering.trace.MOST_ROWS", 5000)
        with pytest.raises(TraceProblem, match="more than"):
            read_trace(lines())
