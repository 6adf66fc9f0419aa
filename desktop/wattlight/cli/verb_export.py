"""``wattlight export``: the ledger as CSV or JSON, backup, restore, purge."""

import argparse
import contextlib
import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from wattlight.domain.carbon import CarbonFactor
from wattlight.domain.cost import Bucket
from wattlight.domain.tariff import PriceLookup, Tariff, cost_micro
from wattlight.domain.values import Problem, clean_text, iso_utc
from wattlight.i18n import gb, number, tr, trn
from wattlight.paths import replacing
from wattlight.store import LedgerReader, MeterLock, back_up, open_ledger, restore

from .carbon import chosen_factor
from .options import Span, add_span_options, span_of
from .output import SCHEMA, Call, ProgressLine, refuse_own

COLUMNS = (
    "start_utc", "length_s", "device", "model", "state", "energy_mj", "observed_s", "quality", "tokens_in",
    "tokens_out", "price_per_kwh", "cost_micro", "currency", "co2_g",
)  # fmt: skip
STEP_DAYS = 7


class Stream(Protocol):
    """Where rows go: a file, or the output of the program."""

    def write(self, text: str, /) -> object:
        """Write ``text`` as it is."""


Row = tuple[str | int | float | None, ...]


class ExportProblem(Problem):
    """Nothing was written."""

    code = "export"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_span_options(parser)
    parser.add_argument(
        "--format", choices=("csv", "json"), help="form of the rows (default: csv, json with --json)"
    )
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    whole = parser.add_mutually_exclusive_group()
    whole.add_argument("--backup", metavar="FILE", help="copy the whole ledger into one file")
    whole.add_argument("--restore", metavar="FILE", help="put a backup in the ledger's place")
    whole.add_argument("--purge", action="store_true", help="delete everything that was recorded")
    parser.add_argument("--yes", action="store_true", help="with --purge: really do it")


def run(args: argparse.Namespace, call: Call) -> None:
    if args.backup is not None:
        _back_up(args, call)
    elif args.restore is not None:
        _restore(args, call)
    elif args.purge:
        _purge(args, call)
    else:
        _rows(args, call)


@lru_cache(maxsize=1024)
def neutral(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula.

    Cells that begin with ``= + - @``, a tab or a line end get an apostrophe in front, as OWASP advises.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def _rows(args: argparse.Namespace, call: Call) -> None:
    tariff = call.workshop.tariff()
    span = span_of(args, call.workshop.zone(), call.workshop.now())
    form = args.format or ("json" if call.as_json and args.output is None else "csv")
    progress = ProgressLine(args.output is not None and not call.as_json)
    with call.workshop.ledger() as reader, _target(args, call) as stream:
        priced = _priced(_buckets(reader, span, progress), tariff, span)
        rows = _with_carbon(priced, chosen_factor(call))
        count = _write_json(stream, rows, span) if form == "json" else _write_csv(stream, rows)
    if args.output is not None:
        text = trn(
            "{n} row written to {file}", "{n} rows written to {file}", count,
            n=number(count), file=clean_text(args.output),
        )  # fmt: skip
        call.answer({"file": args.output, "rows": count}, text)


def _write_csv(stream: Stream, rows: Iterable[Row]) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for start, length, device, model, *rest in rows:
        # only names come from outside; numbers, times and words of our own need no care
        name = None if model is None else neutral(str(model))
        writer.writerow((start, length, neutral(str(device)), name, *rest))
        count += 1
    return count


def _write_json(stream: Stream, rows: Iterable[Row], span: Span) -> int:
    head = {"schema": SCHEMA, "from": iso_utc(span.start_us), "to": iso_utc(span.end_us)}
    stream.write(json.dumps(head)[:-1] + ', "rows": [')
    count = 0
    for count, row in enumerate(rows, start=1):
        stream.write((",\n" if count > 1 else "\n") + json.dumps(dict(zip(COLUMNS, row, strict=True))))
    stream.write("\n]}\n")
    return count


def _buckets(reader: LedgerReader, span: Span, progress: ProgressLine) -> Iterator[Bucket]:
    step_us = STEP_DAYS * 86_400_000_000
    start_us = span.start_us
    known = reader.span()
    if known is not None:  # nothing lies outside of what was recorded
        start_us = max(start_us, known[0] - known[0] % 900_000_000)
    while start_us < span.end_us:
        yield from reader.buckets(start_us, min(start_us + step_us, span.end_us))
        start_us += step_us
        done, whole = start_us - span.start_us, span.end_us - span.start_us
        progress.show(f"{min(100, 100 * done // whole):3d} %")
    progress.end()


def _priced(buckets: Iterable[Bucket], tariff: Tariff | None, span: Span) -> Iterator[Row]:
    """One row for each bucket and price; sums of energy are those of the ledger."""
    if tariff is None:
        for bucket in buckets:
            yield _row(bucket, bucket.energy_mj)
        return
    lookup = PriceLookup(tariff, span.start_us, max(span.end_us, span.start_us + 1))
    for bucket in buckets:
        end_us = min(bucket.start_us + bucket.length_us, span.end_us)
        parts = lookup.split(bucket.energy_mj, bucket.start_us, end_us)
        whole = bucket
        for piece, energy_mj in parts:
            price = piece.price_per_kwh
            if price is None:
                yield _row(whole, energy_mj)
            else:
                yield _row(whole, energy_mj, price, cost_micro(((price, energy_mj),)), tariff.currency)
            if len(parts) > 1:  # time and tokens stand with the first part only
                whole = replace(bucket, observed_ms=0, tokens_in=0, tokens_out=0)


def _with_carbon(rows: Iterable[Row], factor: CarbonFactor | None) -> Iterator[Row]:
    energy = COLUMNS.index("energy_mj")
    for row in rows:
        yield *row, None if factor is None else round(factor.grams(int(row[energy] or 0)), 6)


def _row(
    bucket: Bucket,
    energy_mj: int,
    price: Decimal | None = None,
    micro: int | None = None,
    currency: str | None = None,
) -> Row:
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
        None if price is None else format(price, "f"),
        micro,
        currency,
    )


_stamp = lru_cache(maxsize=64)(iso_utc)


@contextlib.contextmanager
def _target(args: argparse.Namespace, call: Call) -> Iterator[Stream]:
    if args.output is None:
        yield call.out
        return
    file = Path(args.output)
    _free(args.output, args.force, call)
    try:
        with replacing(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> ExportProblem:
    return ExportProblem(
        tr("{file} cannot be written ({reason}).", file=clean_text(str(file)), reason=error.strerror),
        tr("Choose another place."),
    )


def _free(name: str, force: bool, call: Call) -> None:
    refuse_own(name, call)
    if Path(name).exists() and not force:
        raise ExportProblem(
            tr("{file} exists.", file=clean_text(name)),
            tr("Choose another name, or add --force to replace it."),
            "exists",
        )


def _back_up(args: argparse.Namespace, call: Call) -> None:
    _free(args.backup, args.force, call)
    try:
        size = back_up(call.workshop.places.ledger_file, Path(args.backup))
    except OSError as error:
        raise _unwritable(Path(args.backup), error) from error
    text = tr("The ledger ({size}) is copied to {file}", size=gb(size, 3), file=clean_text(args.backup))
    call.answer({"file": args.backup, "bytes": size}, text)


def _restore(args: argparse.Namespace, call: Call) -> None:
    places = call.workshop.places
    with _alone(call):
        replaced = restore(Path(args.restore), places.ledger_file)
    shown = None if replaced is None else str(replaced)
    lines = [tr("The ledger is now {file}.", file=clean_text(args.restore))]
    if shown is not None:
        lines.append(tr("The one before is kept as {file}", file=shown))
    call.answer({"restored": args.restore, "replaced": shown}, *lines)


def _purge(args: argparse.Namespace, call: Call) -> None:
    if not args.yes:
        raise ExportProblem(
            tr("This would delete everything that was recorded, for good."),
            tr("Make a backup if you want one, then add --yes."),
            "confirm",
        )
    file = call.workshop.places.ledger_file
    with _alone(call):
        if file.exists():
            with contextlib.closing(open_ledger(file, call.workshop.now()).writer) as writer:
                writer.purge(call.workshop.now())
        if call.workshop.places.jobs_file.exists():
            call.workshop.jobs().forget_tokens()
    call.answer({"purged": True}, tr("Everything that was recorded is deleted."))


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
