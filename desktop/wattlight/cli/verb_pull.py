"""``wattlight pull``: download a model."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from threading import Event

from wattlight.catalog.installed import models_folders
from wattlight.catalog.registry import read_address
from wattlight.domain.state import PullState
from wattlight.domain.values import Problem
from wattlight.i18n import duration, gb, number, percent, tr
from wattlight.runtime import parse_endpoint, read_name
from wattlight.services.models import SMALL_BYTES, damage_problem, damaged_layers, remove_damaged, run_pull

from .options import add_host_option, require_yes, server_of
from .output import Call, Document, ProgressLine

INTERRUPTED = 130


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="name of a model, such as llama3.2:3b")
    parser.add_argument("--yes", action="store_true", help="do not ask about a registry named in MODEL")
    parser.add_argument(
        "--repair", action="store_true", help="first remove files of MODEL that were kept damaged, then pull"
    )
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Download, showing progress; with ``--json`` one line per step, the last with ``done`` true."""
    server = server_of(args, call)
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
    _note_contact(call, name.text)
    folders = models_folders(call.workshop.environ) if parse_endpoint(server.url).is_loopback else ()
    shower = _Records(call) if call.as_json else _Lines(call)
    cancel = Event()
    try:
        if args.repair:
            remove_damaged(damaged_layers(args.model, folders, cancel))
        problem: Problem | None = run_pull(server, args.model, shower.step, cancel)
        if problem is None:
            problem = _damage(args.model, folders, None if args.repair else SMALL_BYTES)
    except KeyboardInterrupt:
        cancel.set()
        shower.step(replace(shower.last, cancelled=True, bytes_per_s=None))
        shower.end(None)
        return INTERRUPTED
    return shower.end(problem)


def _note_contact(call: Call, model: str) -> None:
    """Put the registry on the list of hosts contacted; a list that cannot be written stops no download."""
    try:
        host = read_address(model).host
        call.workshop.jobs().note_contact(host, "model", call.workshop.now())
    except Problem as problem:
        logging.getLogger("wattlight").warning("a contact is not noted: %s", problem)


def _damage(model: str, folders: tuple[Path, ...], largest_bytes: int | None) -> Problem | None:
    damaged = damaged_layers(model, folders, Event(), largest_bytes=largest_bytes)
    return damage_problem(model, damaged) if damaged else None


class _Shower:
    """Shows the states of a pull."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.last = PullState("")

    def step(self, state: PullState) -> None:
        """A new state."""
        self.last = state

    def end(self, problem: Problem | None) -> int:
        """The end; returns the exit code."""
        raise NotImplementedError


class _Records(_Shower):
    def step(self, state: PullState) -> None:
        super().step(state)
        if state.under_way:
            self.call.out.record(_record(state, False, None))

    def end(self, problem: Problem | None) -> int:
        self.call.out.record(_record(self.last, True, problem))
        return 0 if problem is None else 1


class _Lines(_Shower):
    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._line = ProgressLine()

    def step(self, state: PullState) -> None:
        super().step(state)
        self._line.show(progress_text(state))

    def end(self, problem: Problem | None) -> int:
        self._line.end()
        if problem is not None:
            raise problem
        if self.last.cancelled:
            self.call.out.line(tr("Stopped. What has arrived is kept; pull it again to resume."))
        else:
            self.call.out.line(tr("{model} is installed.", model=self.last.model))
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
        "model": state.model,
        "status": state.status,
        "completed_bytes": state.completed_bytes,
        "total_bytes": state.total_bytes,
        "bytes_per_s": None if rate is None else round(rate),
        "done": over,
        "cancelled": state.cancelled,
        "error": None
        if problem is None
        else {"code": problem.code, "message": problem.message, "next": problem.next_step},
    }
