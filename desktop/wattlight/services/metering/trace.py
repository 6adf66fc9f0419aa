"""A recorded trace (CSV) as samples for the meter, and the replay of one into a fresh ledger."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from wattlight.domain.cost import By, CostReport, Sums, apart
from wattlight.domain.energy import MOST_PIECES, GapRow, Rules, gap_threshold_us, step_minutes
from wattlight.domain.power import MachineSample, measured
from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import (
    LOCAL_HOST,
    Device,
    DeviceSample,
    Problem,
    Quality,
    clean_text,
    from_us,
    to_us,
)
from wattlight.i18n import number, tr
from wattlight.store import LedgerReader, LedgerWriter, OpenedLedger, open_memory_ledger

from .device_meter import MeterRules
from .meter import Meter
from .recorder import Ledger, Recorder

COMMIT_ROWS = 5000
MOST_ROWS = 2_000_000
_REQUIRED = ("time_utc", "device")
_READINGS = ("power_w", "counter_mj")


class TraceProblem(Problem):
    """The trace cannot be used; the message names the line."""

    code = "trace"


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of a trace. Empty fields are None (no reading) or "" (no model)."""

    at_us: int
    device: str
    power_w: float | None
    counter_mj: int | None
    model: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What a trace amounts to."""

    report: CostReport
    gaps: tuple[GapRow, ...]


def read_trace(lines: str | Iterable[str]) -> tuple[TraceRow, ...]:
    """The rows of a trace in order of time (rows of the same moment keep the order of the file).

    Columns: ``time_utc`` (ISO 8601; without an offset it is UTC), ``device``, ``power_w``, ``counter_mj``,
    ``model``, ``tokens``. All but the first two may be blank.

    Raises:
        TraceProblem: one sentence with the number of the first line that cannot be used.
    """
    if isinstance(lines, str):
        lines = io.StringIO(lines.removeprefix("\ufeff"), newline="")
    reader = csv.DictReader(lines)
    try:
        names = [(name or "").strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise TraceProblem(tr("The trace is not a CSV file."), _form()) from error
    if not names:
        raise TraceProblem(tr("The trace is empty."), _form())
    missing = [name for name in _REQUIRED if name not in names]
    if missing or not set(_READINGS) & set(names):
        raise TraceProblem(
            tr("The trace has no column '{missing}'.", missing=(missing or ["power_w"])[0]), _form()
        )
    if len(set(names)) != len(names):
        raise TraceProblem(tr("The trace has two columns of the same name."), _form())
    reader.fieldnames = names
    rows: list[TraceRow] = []
    try:
        for fields in reader:
            if any(value and str(value).strip() for value in fields.values()):
                if len(rows) == MOST_ROWS:
                    raise TraceProblem(
                        tr("The trace has more than {count} lines.", count=number(MOST_ROWS)),
                        tr("Split it by time."),
                    )
                rows.append(_row(fields, reader.line_num))
    except csv.Error as error:
        raise TraceProblem(
            tr("Line {line_num} of the trace is not CSV.", line_num=reader.line_num), _form()
        ) from error
    rows.sort(key=lambda row: row.at_us)
    return tuple(rows)


def replay(rows: tuple[TraceRow, ...], tariff: Tariff | None, by: By) -> Replay:
    """Run the rows through the meter, the recorder and the tariff, into a ledger of their own."""
    ledger = open_memory_ledger()
    with closing(ledger.writer.connection):
        recorder = record_trace(rows, _Fresh(ledger))
        result = _answer(ledger.reader(), rows, tariff, by)
        recorder.stop()
    return result


def record_trace(rows: tuple[TraceRow, ...], ledger: Ledger) -> Recorder:
    """Run the rows (one at least) through the meter into ``ledger``; the recorder is to be stopped."""
    recorder = Recorder(ledger, now=lambda: from_us(rows[-1].at_us))
    meter = Meter(LOCAL_HOST, trace_rules(rows))
    for count, (sample, running, tokens) in enumerate(samples_of(rows), start=1):
        recorder.accept(meter.process(sample, running, busy=frozenset(), tokens=tokens))
        if count % COMMIT_ROWS == 0:
            recorder.commit()
    recorder.accept(meter.finish())
    recorder.commit()
    return recorder


def trace_rules(rows: tuple[TraceRow, ...]) -> MeterRules:
    """Rules of a trace: the median distance of each device is that of the whole trace, an interval
    belongs to the model of its first row as a whole, and nothing is known of limits."""
    counted = {row.device for row in rows if row.counter_mj is not None}
    # rows of the ledger grow with the lines, not with the years between them
    devices = len({row.device for row in rows})
    span_us = (rows[-1].at_us - rows[0].at_us) * devices if rows else 0
    last: dict[str, int] = {}
    distances: dict[str, list[int]] = {}
    for row in rows:
        if row.counter_mj is None and (row.device in counted or row.power_w is None):
            continue
        if row.device in last:
            distances.setdefault(row.device, []).append(row.at_us - last[row.device])
        last[row.device] = row.at_us
    return MeterRules(
        rules=Rules(sane_power_uw=None, fallback_after_us=None),
        whole_intervals=True,
        thresholds_us={device: gap_threshold_us(distances.get(device, ())) for device in last},
        check_counters=False,
        step_minutes=step_minutes(span_us, max(MOST_PIECES, 20 * len(rows))),
    )


def samples_of(
    rows: tuple[TraceRow, ...],
) -> Iterator[tuple[MachineSample, tuple[RunningModel, ...], dict[str, tuple[int, int]]]]:
    """Each row as a look at one device: the sample, the resident model, and the tokens since the row before
    of that device, which are those of its model."""
    before: dict[str, str] = {}
    for row in rows:
        quality = Quality.COUNTER if row.counter_mj is not None else Quality.SAMPLED
        power = measured(row.power_w, "trace", None, quality, counted=True)
        device = DeviceSample(Device(row.device, row.device), power, counter_mj=row.counter_mj)
        running = (RunningModel(row.model, row.model, 1, 1),) if row.model else ()
        sample = MachineSample(LOCAL_HOST, from_us(row.at_us), row.at_us / 1_000_000, (device,))
        tokens = {before.get(row.device, row.model): (0, row.tokens)} if row.tokens else {}
        before[row.device] = row.model
        yield sample, running, tokens


def _answer(reader: LedgerReader, rows: tuple[TraceRow, ...], tariff: Tariff | None, by: By) -> Replay:
    start_us, end_us = (rows[0].at_us, rows[-1].at_us) if rows else (0, 0)
    first_minute_us, past_us = start_us // 60_000_000 * 60_000_000, end_us + 60_000_000
    sums = Sums(tariff, start_us, end_us, **apart(by))
    sums.know(reader.devices())
    sums.add_all(reader.buckets(first_minute_us, past_us))
    sums.observed_ms = reader.observed_ms(first_minute_us, past_us)
    return Replay(sums.report(by), reader.gaps(start_us, past_us))


class _Fresh:
    """A ledger in memory, as the recorder wants it."""

    def __init__(self, opened: OpenedLedger) -> None:
        self._opened = opened

    def open(self, damaged: bool = False) -> OpenedLedger:
        return self._opened

    def lost(self) -> bool:
        return False

    def let_go(self, writer: LedgerWriter) -> str:
        return ""

    def suspected(self) -> bool:
        return False

    @property
    def in_memory(self) -> bool:
        return False

    def release_reserve(self) -> bool:
        return False


def _form() -> str:
    return tr("It needs a first line with time_utc,device,power_w,counter_mj,model,tokens.")


def _row(fields: dict[str, str], line: int) -> TraceRow:
    if None in fields:
        raise TraceProblem(
            tr("Line {line} of the trace has more fields than the first line.", line=line), _form()
        )
    text = {name: (value or "").strip() for name, value in fields.items()}
    device = clean_text(text["device"], 100)
    if not device:
        raise TraceProblem(
            tr("Line {line} of the trace names no device.", line=line), tr("Fill the column 'device'.")
        )
    power = _number(text.get("power_w", ""), "power_w", line)
    counter = _number(text.get("counter_mj", ""), "counter_mj", line)
    tokens = _number(text.get("tokens", ""), "tokens", line)
    return TraceRow(
        _moment(text["time_utc"], line),
        sys.intern(device),
        None if power is None else float(power),
        None if counter is None else round(counter),
        sys.intern(clean_text(text.get("model", ""), 200)),
        0 if tokens is None else round(tokens),
    )


def _number(text: str, column: str, line: int) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or "_" in text:
        raise TraceProblem(
            tr(
                "Line {line} of the trace: {column} '{value}' is not a number.",
                line=line,
                column=column,
                value=clean_text(text, 40),
            ),
            tr("Write it with digits and a point, or leave it blank."),
        )
    if value < 0 or value > 1 << 53:
        raise TraceProblem(
            tr(
                "Line {line} of the trace: {column} '{value}' is out of range.",
                line=line,
                column=column,
                value=clean_text(text, 40),
            ),
            tr("It cannot be negative; leave it blank where nothing was read."),
        )
    return value


def _moment(text: str, line: int) -> int:
    try:
        at = datetime.fromisoformat(text)
        at_us = to_us(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise TraceProblem(
            tr("Line {line} of the trace: '{value}' is not a time.", line=line, value=clean_text(text, 40)),
            tr('Write it like "2026-03-01T10:00:00Z".'),
        ) from error
    if not 0 <= at_us < 7_258_118_400_000_000:  # the year 2200
        raise TraceProblem(
            tr("Line {line} of the trace: '{value}' is too far away.", line=line, value=clean_text(text, 40)),
            tr("Use years 1970 to 2199."),
        )
    return at_us
