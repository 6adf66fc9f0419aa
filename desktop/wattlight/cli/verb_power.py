"""``power``: what the computer draws now, part by part."""

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from wattlight.i18n import tr
from wattlight.probes import Prober
from wattlight.services.calibration import wall_of

from .calibration import add_wall_options, change_wall
from .output import Call
from .power_document import power_document
from .power_text import power_lines, watch_line

FIRST_PAUSE_S = 1.0
"""Between the two looks that turn energy counters into watts."""
SHORTEST_S, LONGEST_S = 0.2, 3600.0


def arguments(parser: ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "--watch",
        action="store_true",
        help="go on until interrupted; with --json one line (NDJSON) each time",
    )
    parser.add_argument(
        "--interval", metavar="S", type=_interval, default=1.0, help="seconds between lines (default 1)"
    )
    add_wall_options(parser)
    parser.add_argument("--count", metavar="N", type=_count, help="with --watch: stop after N lines")


def run(args: Namespace, call: Call) -> int:
    """Look once, or again and again."""
    prober = call.workshop.prober()
    try:
        prober.sample()
        change_wall(args, call, prober)
        if args.watch:
            return _watch(args, call, prober)
        if prober.has_counters():
            time.sleep(FIRST_PAUSE_S)
        sample = prober.sample()
        report = prober.latest()
        wall = wall_of(call.workshop.settings().meter)
        if call.as_json:
            call.out.document(power_document(sample, report, wall))
        else:
            for line in power_lines(sample, report, wall):
                call.out.line(line)
        return 0
    finally:
        prober.close()


def _watch(args: Namespace, call: Call, prober: Prober) -> int:
    """Lines at even distances; one that was missed (a stall, a sleep) is not made up for."""
    due = time.monotonic()
    left = args.count
    wall = wall_of(call.workshop.settings().meter)
    if not call.as_json:
        call.out.line(tr("Measured power; stop with Ctrl+C."))
    while left is None or left > 0:
        due = max(due + args.interval, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        sample = prober.sample()
        if call.as_json:
            call.out.record(power_document(sample, prober.latest(), wall))
        else:
            call.out.line(watch_line(sample))
        left = None if left is None else left - 1
    return 0


def _interval(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SHORTEST_S <= value <= LONGEST_S:
        raise ArgumentTypeError(f"'{text}' is not a number of seconds from {SHORTEST_S} to {LONGEST_S:.0f}")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000:
        raise ArgumentTypeError(f"'{text}' is not a count")
    return int(text)
