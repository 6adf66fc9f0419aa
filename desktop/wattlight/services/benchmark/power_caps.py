"""Runs a model at falling power limits of its card; the limit is put back whatever happens."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import UNREADABLE
from wattlight.i18n import tr, watts
from wattlight.paths import Places, read_small, write_whole
from wattlight.probes import CardLimit, PowerLimitProblem
from wattlight.system import process_runs

SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)
"""Limits that are tried, as shares of the card's own."""
STEP_MW = 5_000
MOST_SLOWER = 0.03
"""A limit is advised that costs no more of the speed of answers than this."""
LEAST_SAVING = 0.05
"""And that saves at least so much of a token's energy; less is within what runs differ by."""
NOTE = "wattlight-power-limit.json"
_RUN = Path("/run")
"""Emptied at each start of the computer, as the limits are."""


@dataclass(frozen=True, slots=True)
class CapRun:
    """One limit in watts and what the model did with it."""

    limit_w: float
    speed: MeasuredSpeed


@dataclass(frozen=True, slots=True)
class Sweep:
    """Runs from the card's own limit down; ``advised`` is the one worth setting, None where none is."""

    device: str
    runs: tuple[CapRun, ...]
    advised: CapRun | None = None

    def slower(self, run: CapRun) -> float:
        """What a limit costs, as a share of the speed at the card's own."""
        return 1 - run.speed.output_tokens_per_s / self.runs[0].speed.output_tokens_per_s

    def saved(self, run: CapRun) -> float | None:
        """What it saves, as a share of the energy of a token; None where that was not measured."""
        first, now = self.runs[0].speed.joules_per_token, run.speed.joules_per_token
        return None if not first or now is None else 1 - now / first


def sweep(
    card: CardLimit, measure: Callable[[], MeasuredSpeed], note: Path, told: Callable[[CapRun], None]
) -> Sweep:
    """Measure at each limit the card takes, the highest first. ``told`` hears of each run.

    Raises:
        Problem: the limit cannot be set, or a run failed; the limit is as it was before.
    """
    runs = []
    with kept_limit(card, note):
        for limit_mw in limits_to_try(card):
            card.set(limit_mw)
            runs.append(CapRun(limit_mw / 1000, measure()))
            told(runs[-1])
    return advised(Sweep(card.name, tuple(runs)))


def limits_to_try(card: CardLimit) -> list[int]:
    """The card's own limit, and shares of it as far down as it takes; whole steps of five watts."""
    wanted = (round(card.default_mw * share / STEP_MW) * STEP_MW for share in SHARES)
    own = min(card.default_mw, card.highest_mw)
    return [own, *sorted({mw for mw in wanted if card.lowest_mw <= mw < own}, reverse=True)]


def advised(made: Sweep) -> Sweep:
    """The limit that saves most while the answers stay nearly as fast."""
    worth = [
        (saved, run)
        for run in made.runs[1:]
        if (saved := made.saved(run)) is not None
        and saved >= LEAST_SAVING
        and made.slower(run) <= MOST_SLOWER
    ]
    best = max(worth, key=lambda item: item[0])[1] if worth else None
    return Sweep(made.device, made.runs, best)


@contextlib.contextmanager
def kept_limit(card: CardLimit, note: Path) -> Iterator[None]:
    """The card's limit is the one of now after this block: after an error, Ctrl+C, SIGTERM and SIGHUP too.

    A note is written before; where the process is killed, :func:`restore` puts the limit back from it.
    """
    kept = {"uuid": card.uuid, "name": card.name, "limit_mw": card.limit_mw, "pid": os.getpid()}
    try:
        write_whole(note, json.dumps(kept).encode())
        note.chmod(0o644)
    except OSError as error:
        raise PowerLimitProblem(
            tr("The limit of now could not be noted, so it was not changed: {why}.", why=str(error.strerror)),
            tr("Make room on the disk and try again."),
        ) from error
    with _ended_in_order():
        try:
            yield
        finally:
            card.set(card.limit_mw)
            note.unlink(missing_ok=True)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Signals that would end the process become exceptions, so that the block is left in order."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    names = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread: there no handler can be set
        before = {name: signal.signal(name, leave) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def note_file(places: Places, environ: Mapping[str, str]) -> Path:
    """Where the note lies: an administrator's among what is gone with the next start of the computer."""
    as_root = sys.platform == "linux" and os.geteuid() == 0 and "WATTLIGHT_HOME" not in environ
    return _RUN / NOTE if as_root else places.state / NOTE


Cards = Callable[[], contextlib.AbstractContextManager[list[CardLimit]]]


def restore(cards: Cards, files: Iterable[Path]) -> str:
    """Put back limits that a killed run has left; a sentence about it, "" where nothing was left.

    ``cards`` is asked only where a note lies.
    """
    said = []
    for file in files:
        left = _read(file)
        if left is None or process_runs(left["pid"]):
            continue
        name, limit_mw = left["name"], left["limit_mw"]
        try:
            with cards() as found:
                for card in found:
                    if card.uuid == left["uuid"] and card.limit_mw != limit_mw:
                        card.set(limit_mw)
            file.unlink(missing_ok=True)
        except (PowerLimitProblem, OSError):
            said.append(
                tr(
                    "A sweep of power limits was killed and left {name} limited. To put it back, run: "
                    "sudo nvidia-smi -i {uuid} -pl {watts}",
                    name=name,
                    uuid=left["uuid"],
                    watts=limit_mw // 1000,
                )
            )
        else:
            power = watts(limit_mw / 1000)
            text = tr("The power limit of {name} is {power} again, as before a sweep that was killed.")
            said.append(text.format(name=name, power=power))
    return " ".join(said)


def notes(places: Places) -> tuple[Path, ...]:
    """Where a note may lie."""
    return places.state / NOTE, _RUN / NOTE


def _read(file: Path) -> dict[str, Any] | None:
    try:
        left = json.loads(read_small(file, 4096))
        sound = isinstance(left["uuid"], str) and left["uuid"].replace("-", "").isalnum()
        limit, pid = left["limit_mw"], left["pid"]
        if sound and isinstance(limit, int) and 0 < limit < 5_000_000 and isinstance(pid, int) and pid > 0:
            return {"uuid": left["uuid"], "name": str(left["name"])[:60], "limit_mw": limit, "pid": pid}
    except UNREADABLE:
        pass
    return None
