"""Carries out what the pages of the first run ask for, and keeps their facts."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from wattlight.domain.state import AnswerState, HostContact, InstallState, PullState, ServerWays, SetupFacts
from wattlight.domain.tokens import TokenUse
from wattlight.domain.values import Problem
from wattlight.services.benchmark import Answers, EnergyTap
from wattlight.services.models import Lane, TaskEnd

from .answering import Answering
from .line_speed import LineTimer


class OwnServer(Protocol):
    """What is needed of the keeper of the server; every method may take a while or wait."""

    def ways(self) -> ServerWays:
        """How to come by a server."""

    def start(self) -> None:
        """Start what is there."""

    def install(self) -> None:
        """Install a managed copy and start it."""

    def cancel_install(self) -> None:
        """Stop that."""

    def go_back(self) -> None:
        """Use the version of our own copy before this one."""

    def restart_with(self, proxy: str) -> None:
        """End and start the server that is ours, with another HTTPS_PROXY."""


@dataclass(frozen=True, slots=True)
class GuideParts:
    """What the guide works with; ``publish`` is called on any thread and must return at once.

    Attributes:
        answers: connects to the server that answers now.
        tap: knows the power of the last minutes.
        on_use: counts the tokens of an answer.
        context: the context length of the settings.
        remember: keeps "start it with Wattlight" and the proxy in the settings.
        contacts: reads which hosts were contacted.
        delete_ledger: deletes what was recorded (raises a Problem).
        notify: shows a sentence.
    """

    server: OwnServer
    answers: Callable[[], Answers]
    tap: EnergyTap
    now: Callable[[], datetime]
    publish: Callable[[SetupFacts], None]
    on_use: Callable[[TokenUse], None]
    context: Callable[[], int]
    remember: Callable[[bool | None, str | None], None]
    contacts: Callable[[], tuple[HostContact, ...]]
    delete_ledger: Callable[[], None]
    notify: Callable[[str, str], None]
    monotonic: Callable[[], float] = time.monotonic


class SetupGuide:
    """Implements :class:`~.setup_controls.SetupControls`."""

    def __init__(self, parts: GuideParts, country: str = "", proxy: str = "") -> None:
        self._parts = parts
        self._facts = SetupFacts(country=country, proxy=proxy)
        self._lock = threading.Lock()
        self._line = LineTimer()
        self._errands = Lane("wattlight-setup-errands")
        self._answering = Answering(
            parts.answers, parts.tap, parts.now, self._answered, parts.on_use, parts.monotonic
        )

    @property
    def facts(self) -> SetupFacts:
        """The newest facts."""
        return self._facts

    def close(self, timeout_s: float = 1.0) -> bool:
        """End what runs; False if it took longer."""
        ended = self._answering.close(timeout_s)
        return self._errands.close(timeout_s) and ended

    def look(self) -> None:
        """Look for ways to a server."""
        self._errand("server", self._look)

    def start_server(self) -> None:
        """Start what is there."""
        self._change(starting=True, server_error="", server_log=())
        self._parts.remember(True, None)
        self._errand("server", self._parts.server.start)

    def install_server(self) -> None:
        """Install a managed copy."""
        ways = self._facts.ways or ServerWays()
        self._change(setup=InstallState(ways.version or ""), server_error="", server_log=())
        # what the vendor's installer brings starts by itself, and an update leaves that wish as it is
        if not ways.by_installer and ways.managed is None:
            self._parts.remember(True, None)
        self._errand("server", self._parts.server.install)

    def cancel_install(self) -> None:
        """Stop installing."""
        self._parts.server.cancel_install()

    def go_back(self) -> None:
        """Use the version before again."""
        version = (self._facts.ways or ServerWays()).previous or ""
        self._change(setup=InstallState(version, "trying"), server_error="", server_log=())
        self._errand("server", self._parts.server.go_back)

    def use_proxy(self, proxy: str) -> None:
        """Restart the server that is ours with a proxy."""
        self._parts.remember(None, proxy)
        self._change(starting=True, server_error="", pull_problem=None)
        self._errand("server", lambda: self._parts.server.restart_with(proxy))

    def try_prompt(self, model: str, prompt: str) -> None:
        """Ask a model."""
        self._answering.ask(model, prompt, self._parts.context() or None)

    def stop_answer(self) -> None:
        """End the answer."""
        self._answering.stop()

    def refresh_privacy(self) -> None:
        """Read the hosts anew."""
        self._errand("privacy", lambda: self._change(contacts=self._parts.contacts()))

    def delete_ledger(self) -> None:
        """Delete what was recorded."""
        self._errand("ledger", self._parts.delete_ledger)

    def server_up(self, ours: bool) -> None:
        """News of the keeper: a server of ours is up, or was stopped."""
        self._change(starting=False, server_is_ours=ours, server_error="", server_log=(), setup=None)
        self.look()

    def server_down(self, problem: Problem) -> None:
        """News of the keeper: it stays down."""
        text = getattr(problem, "server_text", None) or ""
        self._change(
            starting=False,
            server_is_ours=False,
            server_error=str(problem),
            server_log=tuple(str(text).splitlines()[-50:]),
        )

    def setup_changed(self, state: InstallState) -> None:
        """News of the keeper: an installation went on."""
        self._change(setup=state)

    def setup_ended(self, problem: Problem | None) -> None:
        """News of the keeper: an installation ended."""
        known = self._facts.setup or InstallState("")
        if problem is None and known.stage == "opened":
            pass  # the rest happens in the installer; the server is seen when it is there
        elif problem is None:
            self._change(setup=None, starting=not self._facts.server_is_ours)
        elif problem.code == "cancelled":
            self._change(setup=None)
        else:
            self._change(setup=replace(known, stage="failed", error=str(problem)))
        self.look()

    def pulls_changed(self, pulls: tuple[PullState, ...]) -> None:
        """Downloads went on: time the first stretch of them."""
        for pull in pulls:
            if pull.completed_bytes and not pull.done:
                speed = self._line.take(pull, self._parts.monotonic())
                if speed is not None:
                    self._change(line_bytes_per_s=speed)
                return

    def task_ended(self, end: TaskEnd) -> None:
        """A download ended."""
        if end.kind == "pull":
            self._change(pull_problem=None if end.problem is None else end.problem.code)

    def _look(self) -> None:
        self._change(ways=self._parts.server.ways())

    def _answered(self, answer: AnswerState) -> None:
        self._change(answer=answer)

    def _errand(self, kind: str, what: Callable[[], None]) -> None:
        def work() -> None:
            try:
                what()
            except Problem as problem:
                if kind == "server":
                    self.server_down(problem)
                else:
                    self._parts.notify(kind, str(problem))

        self._errands.submit(work)

    def _change(self, **values: object) -> None:
        with self._lock:
            facts = replace(self._facts, **values)  # type: ignore[arg-type]  # names of its own fields
            if facts == self._facts:
                return
            self._facts = facts
            self._parts.publish(facts)
