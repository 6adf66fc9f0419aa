"""``wattlight export``: the ledger as CSV or JSON, backup, restore, purge."""

import argparse
import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from wattlight.domain.cost import Bucket
from wattlight.domain.tariff import PriceLookup, Tariff, cost_micro
from wattlight.domain.values import Problem, clean_text, iso_utc
from wattlight.i18n import gb, number, tr
from wattlight.store import LedgerReader, MeterLock, back_up, open_ledger, restore

from .options import Span, add_span_options, span_of
from .output import SCHEMA, Call

COLUMNS = (
    "start_utc", "length_s", "device", "model", "state", "energy_mj", "observed_s", "quality", "tokens_in",
    "tokens_out", "price_per_kwh", "cost_micro", "currency",
)  # fmt: skip
STEP_DAYS = 7

Row = tuple[str | int | float | None, ...]


class ExportProblem(Problem):
    """Nothing was written."""

    code = "export"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_span_options(parser)
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="form of the rows")
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    whole = parser.add_mutually_exclusive_group()
    whole.add_argument("--backup", metavar="FILE", help="copy the whole ledger into one file")
    whole.add_argument("--restore", metavar="FILE", help="put a backup in the ledger's place")
    whole.add_argument("--purge", action="store_true", help="delete everything that was recorded")
    parser.add_argument("--yes", action="store_true", help="with --purge: really do it")


def run(args: argparse.Namespace, call: Call) -> int:
    """Export rows, or back up, restore or purge the ledger."""
    if args.backup is not None:
        return _back_up(args, call)
    if args.restore is not None:
        return _restore(args, call)
    if args.purge:
        return _purge(args, call)
    return _rows(args, call)


def neutral(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula.

    Cells that begin with ``= + - @``, a tab or a line end get an apostrophe in front, as OWASP advises.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def _rows(args: argparse.Namespace, call: Call) -> int:
    tariff = call.workshop.tariff()
    span = span_of(args, call.workshop.zone(), call.workshop.now())
    count = 0
    with call.workshop.ledger() as reader, _target(args, call) as stream:
        rows = _priced(_buckets(reader, span, _progress(call, args)), tariff, span)
        if args.format == "csv":
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            count = _write_csv(writer.writerow, rows)
        else:
            count = _write_json(stream, rows, span)
    if args.output is not None:
        _done(call, args.output, count)
    return 0


def _write_csv(write: Callable[[Iterable[object]], object], rows: Iterable[Row]) -> int:
    # only names come from outside; numbers, times and words of our own need no care
    safe: dict[str, str] = {}
    count = 0
    for row in rows:
        device, model = row[2], row[3]
        for name in (device, model):
            if isinstance(name, str) and name not in safe:
                safe[name] = neutral(name)
        write(
            (*row[:2], safe.get(str(device)), safe.get(str(model)) if model is not None else None, *row[4:])
        )
        count += 1
    return count


def _write_json(stream: TextIO, rows: Iterable[Row], span: Span) -> int:
    head = {"schema": SCHEMA, "from": iso_utc(span.start_us), "to": iso_utc(span.end_us)}
    stream.write(json.dumps(head)[:-1] + ', "rows": [')
    count = 0
    for row in rows:
        stream.write(("," if count else "") + "\n" + json.dumps(dict(zip(COLUMNS, row, strict=True))))
        count += 1
    stream.write("\n]}\n")
    return count


def _buckets(reader: LedgerReader, span: Span, progress: "_Progress") -> Iterator[Bucket]:
    step_us = STEP_DAYS * 86_400_000_000
    start_us = span.start_us
    known = reader.span()
    if known is not None:  # nothing lies outside of what was recorded
        start_us = max(start_us, known[0] - known[0] % 900_000_000)
    while start_us < span.end_us:
        yield from reader.buckets(start_us, min(start_us + step_us, span.end_us))
        start_us += step_us
        progress.at(start_us - span.start_us, span.end_us - span.start_us)
    progress.end()


def _priced(buckets: Iterable[Bucket], tariff: Tariff | None, span: Span) -> Iterator[Row]:
    """One row for each bucket and price; sums of energy are those of the ledger."""
    if tariff is None:
        for bucket in buckets:
            yield _row(bucket, bucket.energy_mj, None, None, None)
        return
    lookup = PriceLookup(tariff, span.start_us, max(span.end_us, span.start_us + 1))
    texts: dict[Decimal, str] = {}
    for bucket in buckets:
        end_us = min(bucket.start_us + bucket.length_us, span.end_us)
        parts = lookup.split(bucket.energy_mj, bucket.start_us, end_us)
        whole = bucket
        for piece, energy_mj in parts:
            yield _at_price(whole, energy_mj, piece.price_per_kwh, tariff, texts)
            if len(parts) > 1:  # time and tokens stand with the first part only
                whole = replace(bucket, observed_ms=0, tokens_in=0, tokens_out=0)


def _at_price(
    bucket: Bucket,
    energy_mj: int,
    price: Decimal | None,
    tariff: Tariff,
    texts: dict[Decimal, str],
) -> Row:
    if price is None:
        return _row(bucket, energy_mj, None, None, None)
    text = texts.get(price)
    if text is None:
        text = texts[price] = format(price, "f")
    return _row(bucket, energy_mj, text, cost_micro(((price, energy_mj),)), tariff.currency)


def _row(bucket: Bucket, energy_mj: int, price: str | None, micro: int | None, currency: str | None) -> Row:
    return (
        _stamp(bucket.start_us),
        bucket.length_us // 1_000_000,
        bucket.device,
        bucket.model,
        bucket.state.value,
        energy_mj,
        bucket.observed_ms / 1000,
        bucket.quality.value,
        bucket.tokens_in,
        bucket.tokens_out,
        price,
        micro,
        currency,
    )


@lru_cache(maxsize=64)
def _stamp(start_us: int) -> str:
    return iso_utc(start_us)


@contextlib.contextmanager
def _target(args: argparse.Namespace, call: Call) -> Iterator[TextIO]:
    if args.output is None:
        buffer = io.StringIO()
        yield buffer
        call.out.raw(buffer.getvalue())
        return
    file = Path(args.output)
    _free(file, args.force)
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(file)
    except OSError as error:
        raise ExportProblem(
            tr("{file} cannot be written ({reason}).", file=clean_text(str(file)), reason=error.strerror),
            tr("Choose another place."),
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _free(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise ExportProblem(
            tr("{file} exists.", file=clean_text(str(file))),
            tr("Choose another name, or add --force to replace it."),
            "exists",
        )


class _Progress:
    """A line on standard error while a long export runs, only for a person at a terminal."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def at(self, done: int, whole: int) -> None:
        if self._shown and whole > 0:
            sys.stderr.write(f"\r{min(100, 100 * done // whole):3d} %")

    def end(self) -> None:
        if self._shown:
            sys.stderr.write("\r     \r")


def _progress(call: Call, args: argparse.Namespace) -> _Progress:
    return _Progress(args.output is not None and not call.as_json and sys.stderr.isatty())


def _done(call: Call, file: str, count: int) -> None:
    if call.as_json:
        call.out.document({"file": file, "rows": count})
    else:
        call.out.line(tr("{count} rows written to {file}", count=number(count), file=clean_text(file)))


def _back_up(args: argparse.Namespace, call: Call) -> int:
    file = Path(args.backup)
    _free(file, args.force)
    file.unlink(missing_ok=True)
    size = back_up(call.workshop.places.ledger_file, file)
    if call.as_json:
        call.out.document({"file": args.backup, "bytes": size})
    else:
        call.out.line(
            tr("The ledger ({size}) is copied to {file}", size=gb(size, 3), file=clean_text(args.backup))
        )
    return 0


def _restore(args: argparse.Namespace, call: Call) -> int:
    places = call.workshop.places
    with _alone(call):
        replaced = restore(Path(args.restore), places.ledger_file)
    shown = None if replaced is None else str(replaced)
    if call.as_json:
        call.out.document({"restored": args.restore, "replaced": shown})
    else:
        call.out.line(tr("The ledger is now {file}.", file=clean_text(args.restore)))
        if shown is not None:
            call.out.line(tr("The one before is kept as {file}", file=shown))
    return 0


def _purge(args: argparse.Namespace, call: Call) -> int:
    if not args.yes:
        raise ExportProblem(
            tr("This would delete everything that was recorded, for good."),
            tr("Make a backup if you want one, then add --yes."),
            "confirm",
        )
    places = call.workshop.places
    with _alone(call):
        if places.ledger_file.exists():
            writer = open_ledger(places.ledger_file, call.workshop.now()).writer
            try:
                writer.purge()
            finally:
                writer.close()
    if call.as_json:
        call.out.document({"purged": True})
    else:
        call.out.line(tr("Everything that was recorded is deleted."))
    return 0


@contextlib.contextmanager
def _alone(call: Call) -> Iterator[None]:
    """Hold the meter's lock: nobody records meanwhile."""
    lock = MeterLock(call.workshop.places.meter_lock)
    if not lock.acquire():
        raise ExportProblem(
            tr("Another copy of Wattlight is recording."),
            tr("Quit the tray (or 'wattlight meter') first."),
            "recording",
        )
    try:
        yield
    finally:
        lock.release()
