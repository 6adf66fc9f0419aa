"""``wattlight pull``: download a model."""

import argparse
from dataclasses import replace
from datetime import datetime
from threading import Event
from time import monotonic, sleep

from wattlight.catalog.download import read_place
from wattlight.catalog.registry import read_address
from wattlight.domain.pulls import PullState, QueuedPull, Waiting
from wattlight.domain.servers import Can
from wattlight.domain.values import Problem
from wattlight.i18n import clock_time, duration, gb, number, percent, tr
from wattlight.runtime import ModelServer, is_cloud_name, read_name
from wattlight.services.answers import DOES_NOT_FIT
from wattlight.services.models import damaged_layers, files_are_seen, remove_damaged
from wattlight.web import RateLimit

from .options import add_host_option, require_yes, typed
from .output import Call, Document, ProgressLine, pick
from .pull_queue import act, add_queue_options, hours_of, leave_to_tray, opens_of, tray_cares

INTERRUPTED = 130
LOOK_S = 20.0
"""So often it is looked whether its hours are over."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="name of a model, such as llama3.2:3b")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask (another registry, a cloud, what does not fit)"
    )
    parser.add_argument(
        "--repair", action="store_true", help="first remove files of MODEL that were kept damaged, then pull"
    )
    add_queue_options(parser)
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Download, showing progress; with ``--json`` one line per step, the last with ``done`` true."""
    if args.list:
        return act(args, call)
    if args.model is None:
        raise Problem(tr("No model is named."), tr("Name one, like llama3.2:3b."), "use")
    if args.pause or args.resume or args.cancel or args.first:
        return act(args, call)
    server = call.workshop.server(args.host)
    server.require(Can.PULL)
    _ask_before(args, call, server)
    wished = call.workshop.settings().pulls
    if args.source:
        with typed():
            read_place(args.source)
    pull = QueuedPull(
        args.model,
        limit_bytes_per_s=args.limit or wished.limit_bytes_per_s,
        hours=hours_of(args),
        source=args.source or wished.source,
    )
    if args.queue or (pull.hours and tray_cares(call)):
        if args.host is not None or args.repair:
            text = tr(
                "The tray downloads for the first server of the settings, and repairs nothing by itself."
            )
            raise Problem(text, tr("Leave out --host and --repair."), "use")
        return leave_to_tray(call, pull)
    return download(call, server, pull, args.repair)


def _ask_before(args: argparse.Namespace, call: Call, server: ModelServer) -> None:
    """What is to be known before anything is fetched: another registry, a cloud, and a model too large."""
    name = read_name(args.model)
    known = {"model": name.text, "host": name.registry}
    if name.registry is not None and name.registry.lower() != read_address(name.model).host:
        require_yes(
            args,
            call,
            tr("Fetch {model} from {host}, which is not Ollama's own registry?", **known),
            tr("{model} would be fetched from {host}, which is not Ollama's own registry.", **known),
        )
    if is_cloud_name(name.text):
        text = tr("{model} runs on Ollama's servers: what you type leaves this computer.", **known)
        require_yes(args, call, f"{text} {tr('List it here anyway?')}", text)
    elif not args.yes and server.endpoint.is_loopback:
        workshop = call.workshop
        opinion = workshop.advisor().judge(name.text, workshop.machine_profile())
        if opinion.fit is not None and opinion.fit.verdict.value == DOES_NOT_FIT:
            text = tr("{model} does not fit into the memory of this computer.", **known)
            require_yes(args, call, f"{text} {tr('Download it anyway?')}", text)


def download(call: Call, server: ModelServer, pull: QueuedPull, repair: bool = False) -> int:
    """Fetch a model in its hours, showing how far it is, and check its small files; the exit code."""
    call.workshop.note_registry(pull.model)
    guard = call.workshop.pull_guard()
    folders = call.workshop.model_folders(server.url)
    shower = _Shower(call, pull)
    limit = RateLimit(pull.limit_bytes_per_s)
    try:
        if repair:
            guard.hash_all = True
            remove_damaged(damaged_layers(pull.model, folders, Event()))
        while True:
            shower.wait_for_hours()
            problem = guard.run(server, pull, shower.step, shower.stop, limit)
            if problem is not None or not shower.stop.is_set():
                break
            pull = replace(pull, completed_bytes=shower.last.completed_bytes)
    except KeyboardInterrupt:
        shower.stop.set()
        shower.step(replace(shower.last, cancelled=True, bytes_per_s=None))
        shower.end(None)
        return INTERRUPTED
    if repair and problem is None and not files_are_seen(pull.model, folders):
        shower.notes.append(
            tr("The files of {model} cannot be seen from here, so they were not checked.", model=pull.model)
        )
    return shower.end(problem)


class _Shower:
    """Shows the states of a pull: a record each with ``--json``, else one line that changes."""

    def __init__(self, call: Call, pull: QueuedPull) -> None:
        self._call, self._out, self._pull = call, call.out, pull
        self._line = ProgressLine(not call.as_json and not call.out.quiet)
        self._looked_s = monotonic()
        self.last = PullState(pull.model)
        self.stop = Event()
        """Set when its hours are over; another one while the next ones last."""
        self.notes: list[str] = []

    def wait_for_hours(self) -> None:
        while (opens := self._opens()) is not None:
            now = self._call.workshop.now()
            self.step(replace(self.last, waiting=Waiting.HOURS, waits_until=opens, bytes_per_s=None))
            sleep(max(1.0, min(LOOK_S, (opens - now).total_seconds())))
        self.last, self.stop = replace(self.last, waiting=Waiting.NOT, waits_until=None), Event()

    def step(self, state: PullState) -> None:
        if state.completed_bytes and not state.by_us and self._pull.limit_bytes_per_s and not self.notes:
            self.notes.append(
                tr("The limit did not hold: this server downloads itself and cannot be slowed.")
            )
        self.last = state
        if not self._out.as_json:
            self._line.show(progress_text(state))
        elif state.under_way:
            self._out.record(_record(state, False, None))
        now_s = monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            if self._opens() is not None:
                self.stop.set()

    def end(self, problem: Problem | None) -> int:
        self._line.end()
        note = " ".join(self.notes)
        if self._out.as_json:
            self._out.record(_record(self.last, True, problem) | ({"note": note} if note else {}))
            return 0 if problem is None else 1
        if problem is not None:
            raise problem
        if self.last.cancelled:
            self._out.note(tr("Stopped. What has arrived is kept; pull it again to resume."))
        else:
            self._out.note(tr("{model} is installed.", model=self.last.model))
            if note:
                self._out.note(note)
        return 0

    def _opens(self) -> datetime | None:
        return opens_of(self._call, self._pull.hours)


def progress_text(state: PullState) -> str:
    """One line: how much of how much, how fast, how long still."""
    if state.waits_until is not None:
        return tr("{model}: waits until {time}", model=state.model, time=clock_time(state.waits_until))
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
    layer = state.layer
    if layer is not None and 0 < layer.total_bytes < state.total_bytes:
        share = percent(layer.completed_bytes / layer.total_bytes)
        parts.append(tr("this file {share} of {total}", share=share, total=gb(layer.total_bytes)))
    return "  ".join(parts)


def _record(state: PullState, over: bool, problem: Problem | None) -> Document:
    rate = state.bytes_per_s
    return {
        **pick(state, "model status completed_bytes total_bytes"),
        "bytes_per_s": None if rate is None else round(rate),
        "left_s": None
        if not rate or state.total_bytes is None
        else round((state.total_bytes - state.completed_bytes) / rate),
        "file": None if state.layer is None else pick(state.layer, "name completed_bytes total_bytes"),
        "by_us": state.by_us,
        "waits_until": None if state.waits_until is None else state.waits_until.isoformat(),
        "done": over,
        "cancelled": state.cancelled,
        "error": None
        if problem is None
        else {"code": problem.code, "message": problem.message, "next": problem.next_step},
    }
