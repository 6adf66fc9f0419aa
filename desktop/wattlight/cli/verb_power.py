"""``power``: what the computer draws now, part by part."""

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from wattlight.domain.energy import SHARE_ERROR, ByProgram
from wattlight.domain.power import LearnedFigure, MachineSample, MachineTotal, without_estimates
from wattlight.domain.values import DeviceSample, Problem, clean_text, is_model_server, iso_utc
from wattlight.domain.wall import PLUG, Wall
from wattlight.i18n import clock_time, joined, percent, tr, watts
from wattlight.probes import Prober
from wattlight.services.calibration import wall_line, wall_of
from wattlight.services.learned import LearnedWatts
from wattlight.services.programs import programs_of
from wattlight.viewmodels.figures import not_in_it
from wattlight.viewmodels.programs import program_lines, shares_text
from wattlight.viewmodels.whole import estimate_basis, exact_way, range_watts
from wattlight.viewmodels.words import quality_text, scope_text

from .calibration import add_wall_options, change_wall
from .options import whole
from .output import Call, Document, aligned, pick, plain, wrapped

DIGITS = 3
"""After the point, of watts in the document."""


def power_document(sample: MachineSample, wall: Wall | None = None) -> Document:
    """One tick. The ranges of what cannot be measured are in no sum."""
    total = sample.total
    plug = (wall or Wall()).figure(total, sample.learned)
    learned = sample.learned
    return {
        "at": sample.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "on_battery": sample.on_battery,
        "parts": [_part(device, total) for device in sample.devices],
        "total": {
            **pick(total, "measured_w error_w counted contained", DIGITS),
            "not_measured": list(total.unknown),
            "not_covered": list(total.uncovered),
            "whole_computer": total.whole,
            "wall_w": plain(plug.power_w if plug else None, DIGITS),
            "wall_error_w": plain(plug.error_w if plug else None, DIGITS),
            "wall_basis": plug.basis.value if plug else None,
            "learned": None if learned is None else _learned(learned),
            "estimate_w": plain(sample.estimate_w, 1),
        },
    }


def _learned(learned: LearnedFigure) -> Document:
    return {
        **pick(learned, "power_w error_w rest_w minutes counter at_mains screens", DIGITS),
        "latest": iso_utc(learned.last_us // 1_000_000 * 1_000_000),
    }


def _part(device: DeviceSample, total: MachineTotal) -> Document:
    power = device.power
    return {
        **pick(device, "id name kind asleep contained_in limit_w", DIGITS),
        "vendor": device.device.vendor,
        "power_w": plain(power.value, DIGITS),
        **pick(power, "scope quality reason"),
        "source": power.source or None,
        "error": None if power.value is None else power.error_fraction,
        "counted": device.id in total.counted,
        "estimate_w": plain(device.estimate_w, 1),
        "utilization_pct": device.load.value,
        "temperature_c": device.temperature_c,
    }


def power_lines(sample: MachineSample, wall: Wall | None = None, room: int | None = None) -> list[str]:
    """The table: part, watts, what they cover, how sure, why not; then the sum and what it leaves out."""
    total = sample.total
    rows = [_row(device, total) for device in sample.devices]
    if not rows:
        rows = [(tr("nothing"), "", tr("no power sensor was found"))]
    lines = aligned(rows, {1}, room, headed=False)
    lines += ["", *_sum(total)]
    plug = wall_line(sample, wall or Wall())
    if not plug and sample.estimate_w is not None and total.measured_w is None:
        plug = tr(
            "Whole computer: {range}, estimated {basis}; to make it exact, {way}.",
            range=range_watts(sample.estimate_w),
            basis=estimate_basis(),
            way=exact_way(sample),
        )
    return [*lines, plug] if plug else lines


def watch_line(sample: MachineSample) -> str:
    """One line a tick for ``--watch``: the time, the sum, the parts."""
    total = sample.total
    names = {device.id: device for device in sample.devices}
    parts = [f"{names[key].name} {watts(names[key].power_w)}" for key in total.counted]
    parts += [tr("{name} asleep", name=d.name) for d in sample.devices if d.asleep]
    if total.measured_w is None:
        parts.insert(0, tr("nothing measured"))
    if sample.learned is not None:
        parts.append(tr("whole computer about {power}, learned", power=watts(sample.learned.power_w)))
    return f"{clock_time(sample.at)}  {watts(total.measured_w):>8}  {joined(parts)}".rstrip()


def _row(device: DeviceSample, total: MachineTotal) -> tuple[str, str, str]:
    power = device.power
    if power.value is None:
        reason = tr("asleep") if device.asleep else tr(power.reason) or tr("not measured")
        if device.estimate_w:
            low, high = (watts(edge) for edge in device.estimate_w)
            reason = tr("{reason}; estimated {low} to {high}", reason=reason, low=low, high=high)
        return (tr(device.name), watts(None), reason)
    how, error = quality_text(power.quality), power.error_fraction
    scope = "" if device.id == PLUG else scope_text(power.scope)  # its name says what hangs on it
    said = [scope, f"{how} ±{percent(error)}" if how and error else how]
    if device.id in total.contained:
        said.append(tr("included in another part"))
    return (tr(device.name), watts(power.value), joined(word for word in said if word))


def _sum(total: MachineTotal) -> list[str]:
    if total.measured_w is None:
        lines = [tr("No part of this computer's power is measured.")]
    else:
        spread = tr(" ± {error}", error=watts(total.error_w)) if total.error_w else ""
        power = watts(total.measured_w) + spread
        whole = tr("Whole computer: {power}", power=power) if total.whole else ""
        if PLUG in total.counted:
            whole = tr("At the wall: {power}", power=power)
        lines = [whole or tr("Measured parts: {power}", power=power)]
    missing = [*total.unknown, *total.uncovered]
    if missing:
        lines.append(not_in_it(missing))
    return lines


def programs_document(shares: ByProgram) -> Document:
    """Watts by program; they and the three others sum to what is measured."""
    return {
        "by": [
            {
                "name": clean_text(name, 60),
                "power_w": plain(mw / 1000, DIGITS),
                "model_server": is_model_server(name),
            }
            for name, mw in sorted(shares.programs.items(), key=lambda item: (-item[1], item[0]))
        ],
        "at_rest_w": plain(shares.idle / 1000, DIGITS),
        "rest_w": plain(shares.rest / 1000, DIGITS),
        "not_divided_w": plain(shares.undivided / 1000, DIGITS),
        "share_error": SHARE_ERROR,
    }


def programs_lines(shares: ByProgram, room: int | None = None) -> list[str]:
    """The table, and what the shares rest on."""
    rows = [(line.name, watts(line.now_mw / 1000)) for line in program_lines(shares)]
    said = [shares_text()]
    if shares.undivided:
        said.append(
            tr("Where no idle level is known yet nothing is divided: the tray learns it in quiet minutes.")
        )
    return [
        *aligned(rows, {1}, room, headed=False),
        "",
        *(part for text in said for part in wrapped(text, room)),
    ]


FIRST_PAUSE_S = 1.0
"""Between the two looks that turn energy counters into watts."""
SHORTEST_S, LONGEST_S = 0.2, 3600.0


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        action="store_true",
        help="go on until interrupted; with --json one line (NDJSON) each time",
    )
    parser.add_argument(
        "--interval", metavar="S", type=_interval, default=1.0, help="seconds between lines (default 1)"
    )
    parser.add_argument(
        "--by",
        choices=["program"],
        help="which programs of this account draw it, by their use of the --interval before",
    )
    add_wall_options(parser)
    parser.add_argument(
        "--count", metavar="N", type=whole(1, 999_999), help="with --watch: stop after N lines"
    )


def run(args: Namespace, call: Call) -> None:
    if args.count is not None and not args.watch:
        raise Problem(
            tr("--count works only together with --watch."), tr("Give both, or neither."), "wrong_use"
        )
    if args.by and args.watch:
        raise Problem(
            tr("--by program is one look and cannot be watched."), tr("Leave out --watch."), "wrong_use"
        )
    prober = call.workshop.prober()
    try:
        prober.sample()
        if args.by:
            _by_program(args, call, prober)
            return
        change_wall(args, call, prober)
        if args.watch:
            _watch(args, call, prober)
            return
        if prober.has_counters():
            time.sleep(FIRST_PAUSE_S)
        sample = LearnedWatts(call.workshop.places.learned_file).look(prober.sample())
        meter = call.workshop.settings().meter
        sample, wall = sample if meter.estimates else without_estimates(sample), wall_of(meter)
        if call.as_json:
            call.out.document(power_document(sample, wall))
        else:
            call.out.lines(power_lines(sample, wall, call.out.room))
    finally:
        prober.close()


def _by_program(args: Namespace, call: Call, prober: Prober) -> None:
    times = call.workshop.program_times()
    times.look()
    begun = time.monotonic()
    time.sleep(args.interval)
    sample, use = prober.sample(), times.look()
    if use is None:
        raise Problem(
            tr("This system does not tell which programs use the processor."),
            tr("'wattlight power' shows the parts."),
            "no_programs",
        )
    with call.workshop.ledger() as ledger:
        levels = ledger.levels()
    shares = programs_of(sample, use, levels, time.monotonic() - begun)
    if call.as_json:
        document = power_document(sample, wall_of(call.workshop.settings().meter))
        call.out.document({**document, "programs": programs_document(shares)})
    elif sample.total.measured_w is None:
        call.out.lines(power_lines(sample, None, call.out.room))
    else:
        call.out.lines(programs_lines(shares, call.out.room))


def _watch(args: Namespace, call: Call, prober: Prober) -> None:
    """Lines at even distances; one that was missed (a stall, a sleep) is not made up for."""
    due = time.monotonic()
    left = args.count
    wall = wall_of(call.workshop.settings().meter)
    learned = LearnedWatts(call.workshop.places.learned_file)
    if not call.as_json:
        call.out.line(tr("Measured power; stop with Ctrl+C."))
    while left is None or left > 0:
        due = max(due + args.interval, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        sample = learned.look(prober.sample())
        if call.as_json:
            call.out.record(power_document(sample, wall))
        else:
            call.out.line(watch_line(sample))
        left = None if left is None else left - 1


def _interval(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SHORTEST_S <= value <= LONGEST_S:
        raise ArgumentTypeError(f"'{text}' is not a number of seconds from {SHORTEST_S} to {LONGEST_S:.0f}")
    return value
