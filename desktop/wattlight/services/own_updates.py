"""Whether there is a newer Wattlight: looked up once a day where that is switched on, never fetched."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from wattlight.domain.command import Command
from wattlight.domain.state import OwnUpdate, Package
from wattlight.domain.values import UNREADABLE, Problem, clean_text, read_json
from wattlight.i18n import tr
from wattlight.paths import asset_bytes, read_small, write_whole
from wattlight.web import Limits, WireFault, split_url

from .current import CurrentSettings
from .factory import ServiceFactory
from .hub import StateHub
from .models import SerialExecutor

LIMITS = Limits(connect_s=5.0, idle_s=10.0, total_s=20.0, body_bytes=256 << 10)
EVERY = timedelta(days=1)
LOOK_S = 300.0
MOST_CHANGES, MOST_RELEASES = 12, 200
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")
"""A release; a test version has letters and is offered to nobody."""


class UpdateProblem(Problem):
    """Nothing is known of newer versions; what was known before stays."""

    code = "own_update"


@dataclass(frozen=True, slots=True)
class OwnRelease:
    """A version of the feed. ``page`` tells of it, "" where none is named."""

    version: str
    day: date | None = None
    changes: tuple[str, ...] = ()
    page: str = ""

    @property
    def number(self) -> tuple[int, ...]:
        return _number(self.version)


def _number(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:  # 1.3 and 1.3.0 are one
        parts.pop()
    return tuple(parts)


def feed_address() -> str:
    """The one address that is asked, as whoever made the package wrote it; "" where none can be asked."""
    try:
        address = read_json(asset_bytes("releases/feed.json"))["address"]
    except UNREADABLE:
        return ""
    return address if isinstance(address, str) and _may_be_asked(address) else ""


def _may_be_asked(address: str) -> bool:
    try:
        endpoint, _ = split_url(address)
    except WireFault:
        return False
    return endpoint.scheme == "https" or endpoint.is_loopback


def parse_releases(text: str) -> tuple[OwnRelease, ...]:
    """What a feed tells, the newest first; what is no release of ours is left out.

    Raises:
        UpdateProblem: it is no such feed at all.
    """
    try:
        listed = read_json(text)["releases"]
        found = [_release(item) for item in listed[:MOST_RELEASES]]
    except UNREADABLE as error:
        raise UpdateProblem(tr("What the address answers is no list of versions.")) from error
    return tuple(sorted((item for item in found if item), key=lambda item: item.number, reverse=True))


def _release(item: object) -> OwnRelease | None:
    if not isinstance(item, dict):
        return None
    version, page, changes = (item.get(name) for name in ("version", "page", "changes"))
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        return None
    lines = [line for line in changes if isinstance(line, str)] if isinstance(changes, list) else []
    day = None
    with suppress(TypeError, ValueError):
        day = date.fromisoformat(str(item.get("date")))
    safe = isinstance(page, str) and page.startswith("https://")
    told = tuple(clean_text(line, 200) for line in lines[:MOST_CHANGES])
    return OwnRelease(version, day, told, clean_text(str(page), 200) if safe else "")


def newer_than(running: str, releases: tuple[OwnRelease, ...]) -> OwnRelease | None:
    """The newest release where it is newer than ``running``, with the changes of all since then."""
    if not _VERSION.fullmatch(running):
        return None
    since = [item for item in releases if item.number > _number(running)]
    if not since:
        return None
    changes = tuple(dict.fromkeys(line for item in since for line in item.changes))[:MOST_CHANGES]
    return replace(since[0], changes=changes)


class OwnUpdates:
    """Asks on a thread of its own; what was answered is kept in a file, so that a restart asks nothing."""

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        address: str,
        running: str,
        package: Package,
    ) -> None:
        """``running`` is this program's version, ``package`` how it was installed."""
        self._factory, self._settings, self._hub = factory, settings, hub
        self._file = factory.places.cache / "own-versions.json"
        self._address, self._running = address, running
        self._executor = SerialExecutor("wattlight-update", factory.threads.start)
        self._busy = False
        self._begun = False
        self._checked: datetime | None = None
        self._asked_at: datetime | None = None
        self._told = ""
        known = OwnUpdate(address, package=package)
        hub.update(lambda state: replace(state, update=known))

    def stop(self) -> bool:
        """End; False when a look is still under way."""
        return self._executor.close(1.0)

    def look(self, _command: Command) -> None:
        """Ask now, if it is switched on."""
        if self._address and self._settings.value.look_for_updates:
            self._begin()

    def beat(self) -> None:
        """With each sample: look every few minutes whether a look is due."""
        now = self._factory.now()
        if not self._address or not self._settings.value.look_for_updates or self._busy:
            return
        if self._checked is not None and abs((now - self._checked).total_seconds()) < LOOK_S:
            return
        self._checked = now
        if not self._begun:
            self._begun = True
            self._remember()
        if self._asked_at is None or now - self._asked_at >= EVERY or now < self._asked_at:
            self._begin()

    def _begin(self) -> None:
        if not self._busy:
            self._busy = True
            self._executor.submit(self._look)

    def _remember(self) -> None:
        """What was answered before the start; a file that cannot be read is none."""
        try:
            kept = read_json(read_small(self._file, LIMITS.body_bytes))
            asked_at, told, answer = datetime.fromisoformat(kept["asked_at"]), kept["told"], kept["answer"]
            releases = parse_releases(answer) if answer else ()
        except (*UNREADABLE, Problem):
            return
        if asked_at.tzinfo is not None:
            self._asked_at, self._told = asked_at, str(told)
            self._show(newer_than(self._running, releases))

    def _look(self) -> None:
        self._asked_at = self._factory.now()
        answer = ""
        try:
            answer = self._ask()
            self._show(newer_than(self._running, parse_releases(answer)))
        except Problem as problem:
            answer = ""
            said = f"{problem.message} {problem.next_step}".strip()
            self._change(lambda old: replace(old, said=said, looked_at=self._asked_at))
        finally:
            self._keep(answer)
            self._busy = False

    def _ask(self) -> str:
        try:
            with self._factory.own_updates_web().get(self._address, LIMITS) as answer:
                if answer.status != 200:
                    raise UpdateProblem(
                        tr("The address answered with status {status}.", status=answer.status),
                        tr("Wattlight asks again tomorrow."),
                    )
                return answer.body().decode("utf-8", "replace")
        except WireFault as fault:
            raise UpdateProblem(
                tr("The address could not be reached."), tr("Wattlight asks again tomorrow.")
            ) from fault

    def _show(self, newest: OwnRelease | None) -> None:
        found = OwnRelease("") if newest is None else newest
        self._change(
            lambda old: replace(
                old,
                version=found.version,
                day=found.day,
                changes=found.changes,
                page=found.page,
                looked_at=self._asked_at,
                said="",
            )
        )
        if newest is not None and newest.version != self._told:
            self._told = newest.version
            text = tr("Wattlight {version} is available. Settings tell what is new.", version=newest.version)
            self._hub.notify("update", text, self._factory.now(), "info", urgent=True)

    def _keep(self, answer: str) -> None:
        asked_at = "" if self._asked_at is None else self._asked_at.isoformat()
        kept = {"asked_at": asked_at, "told": self._told, "answer": answer}
        with suppress(OSError):  # the worst is another look after the next start
            write_whole(self._file, json.dumps(kept).encode())

    def _change(self, change: Callable[[OwnUpdate], OwnUpdate]) -> None:
        self._hub.update(lambda state: replace(state, update=change(state.update)))
