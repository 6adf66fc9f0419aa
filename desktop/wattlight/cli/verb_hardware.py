"""``hardware``: what this computer has. Also for a recorded tree of files, for development."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from wattlight.domain.machine_file import machine_document
from wattlight.domain.values import Problem, clean_text
from wattlight.probes import HardwareReport, Prober

from .call import Call
from .hardware_document import hardware_document

SECOND_LOOK_S = 0.3
"""Pause before the second look, where power comes from counters (they move every 1-100 ms)."""


class BadTree(Problem):
    """The recorded tree cannot be used."""

    code = "bad_tree"


def arguments(parser: ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print a machine profile (for --machine of other verbs) as JSON",
    )
    parser.add_argument(
        "--sysroot", metavar="DIR", help="developers: look at the recorded /sys, /proc below DIR"
    )
    parser.add_argument("--then", metavar="DIR2", help="developers: the same machine a moment later")
    parser.add_argument(
        "--dt", metavar="SECONDS", type=float, help="developers: time between DIR and DIR2 (default 1)"
    )
    parser.add_argument("--trace-opens", metavar="FILE", help="developers: write each file opened to FILE")


def run(args: Namespace, call: Call) -> int:
    """Look and print."""
    trace: list[str] = []
    try:
        return _look(args, call, trace.append)
    finally:
        if args.trace_opens:
            _write_trace(args.trace_opens, trace)


def _look(args: Namespace, call: Call, trace: Callable[[str], None]) -> int:
    clock = _StepClock() if args.sysroot else None
    root = _folder(args.sysroot) if args.sysroot else None
    then, step_s = _second(args)
    prober = call.workshop.prober(root, trace, clock)
    try:
        report = prober.report()
        if then is not None and clock is not None:
            clock.step(step_s)
            prober.move(then)
            report = prober.report()
        elif root is None and not args.profile and prober.has_counters():
            time.sleep(SECOND_LOOK_S)
            report = prober.report()
        _print(args, call, prober, report)
    finally:
        prober.close()
    return 0


def _print(args: Namespace, call: Call, prober: Prober, report: HardwareReport) -> None:
    if args.profile:
        document = machine_document(prober.profile())
        document.pop("schema", None)
        call.out.document(document)
    elif call.as_json:
        call.out.document(hardware_document(report))
    else:
        from .hardware_text import hardware_lines

        for line in hardware_lines(report):
            call.out.line(line)


def _second(args: Namespace) -> tuple[Path | None, float]:
    if args.then is None:
        return None, 0.0
    if not args.sysroot:
        raise BadTree("--then needs --sysroot.", "Give the first recorded tree with --sysroot.")
    step_s = 1.0 if args.dt is None else args.dt
    if not 0 < step_s < 1e9:
        raise BadTree(
            "--dt is not a time in seconds.", "Give the seconds between the two trees, like --dt 1."
        )
    return _folder(args.then), step_s


def _folder(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        raise BadTree(f"{clean_text(name)} is not a folder.", "Give a folder that holds sys and proc.")
    return folder


def _write_trace(name: str, lines: list[str]) -> None:
    try:
        text = "".join(f"{line}\n" for line in lines)
        Path(name).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadTree(
            f"The trace cannot be written to {clean_text(name)} ({error.strerror}).", "Choose another file."
        ) from error


class _StepClock:
    """Time of a recorded tree: stands still until told."""

    def __init__(self) -> None:
        self._now_s = 1000.0

    def __call__(self) -> float:
        return self._now_s

    def step(self, seconds: float) -> None:
        self._now_s += seconds
