"""``wattlight pull``: download a model."""

import argparse
from dataclasses import replace
from threading import Event

from wattlight.catalog.registry import read_address
from wattlight.domain.pulls import PullState
from wattlight.domain.servers import Can
from wattlight.domain.values import Problem
from wattlight.i18n import duration, gb, number, percent, tr
from wattlight.runtime import ModelServer, read_name
from wattlight.services.models import (
    SMALL_BYTES,
    damage_problem,
    damaged_layers,
    files_are_seen,
    remove_damaged,
    run_pull,
    unlisted,
)

from .options import add_host_option, require_yes
from .output import Call, Document, ProgressLine, pick

INTERRUPTED = 130


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of a model, such as llama3.2:3b")
    parser.add_argument("--yes", action="store_true", help="do not ask about a registry named in MODEL")
    parser.add_argument(
        "--repair", action="store_true", help="first remove files of MODEL that were kept damaged, then pull"
    )
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Download, showing progress; with ``--json`` one line per step, the last with ``done`` true."""
    server = call.workshop.server(args.host)
    server.require(Can.PULL)
    name = read_name(args.model)
    if name.registry is not None and name.registry.lower() != read_address(name.model).host:
        require_yes(
            args,
            call,
            tr(
                "Fetch {model} from {host}, which is not Ollama's own registry?",
                model=name.text,
                host=name.registry,
            ),
            tr(
                "{model} would be fetched from {host}, which is not Ollama's own registry.",
                model=name.text,
                host=name.registry,
            ),
        )
    return download(call, server, args.model, args.repair)


def download(call: Call, server: ModelServer, model: str, repair: bool = False) -> int:
    """Fetch ``model``, showing how far it is, and check its small files; the exit code."""
    call.workshop.note_registry(model)
    folders = call.workshop.model_folders(server.url)
    shower = _Shower(call)
    cancel = Event()
    try:
        if repair:
            remove_damaged(damaged_layers(model, folders, cancel))
        problem: Problem | None = run_pull(server, model, shower.step, cancel)
        if problem is None:
            largest = None if repair else SMALL_BYTES
            damaged = damaged_layers(model, folders, Event(), largest_bytes=largest)
            seen = files_are_seen(model, folders)
            problem = damage_problem(model, damaged) if damaged else unlisted(server, model, seen, Event())
            if repair and not seen and problem is None:
                shower.note = tr(
                    "The files of {model} cannot be seen from here, so they were not checked.", model=model
                )
    except KeyboardInterrupt:
        cancel.set()
        shower.step(replace(shower.last, cancelled=True, bytes_per_s=None))
        shower.end(None)
        return INTERRUPTED
    return shower.end(problem)


class _Shower:
    """Shows the states of a pull: a record each with ``--json``, else one line that changes."""

    def __init__(self, call: Call) -> None:
        self._out = call.out
        self._line = ProgressLine(not call.as_json and not call.out.quiet)
        self.last = PullState("")
        self.note = ""

    def step(self, state: PullState) -> None:
        self.last = state
        if not self._out.as_json:
            self._line.show(progress_text(state))
        elif state.under_way:
            self._out.record(_record(state, False, None))

    def end(self, problem: Problem | None) -> int:
        self._line.end()
        if self._out.as_json:
            self._out.record(_record(self.last, True, problem) | ({"note": self.note} if self.note else {}))
            return 0 if problem is None else 1
        if problem is not None:
            raise problem
        if self.last.cancelled:
            self._out.note(tr("Stopped. What has arrived is kept; pull it again to resume."))
        else:
            self._out.note(tr("{model} is installed.", model=self.last.model))
            if self.note:
                self._out.note(self.note)
        return 0


def progress_text(state: PullState) -> str:
    """One line: how much of how much, how fast, how long still."""
    if not state.total_bytes:
        return f"{state.model}: {state.status}"
    parts = [
        f"{state.model}:",
        percent(state.completed_bytes / state.total_bytes),
        tr("{done} of {total}", done=gb(state.completed_bytes), total=gb(state.total_bytes)),
    ]
    if state.bytes_per_s:
        left = (state.total_bytes - state.completed_bytes) / state.bytes_per_s
        parts.append(
            tr("{rate} MB/s, {time} left", rate=number(state.bytes_per_s / 1e6, 1), time=duration(left))
        )
    elif not state.status.startswith("pulling"):
        parts.append(state.status)
    return "  ".join(parts)


def _record(state: PullState, over: bool, problem: Problem | None) -> Document:
    rate = state.bytes_per_s
    return {
        **pick(state, "model status completed_bytes total_bytes"),
        "bytes_per_s": None if rate is None else round(rate),
        "done": over,
        "cancelled": state.cancelled,
        "error": None
        if problem is None
        else {"code": problem.code, "message": problem.message, "next": problem.next_step},
    }
