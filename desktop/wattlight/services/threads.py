"""Every thread of the program: started by name, watched, begun again after a fault, waited for at the end."""

import logging
import threading
import time
from collections.abc import Callable

from wattlight.i18n import tr

LONGEST_PAUSE_S = 60.0
STEADY_S = 120.0
"""A part that has run for so long has recovered: its next fault is a first one."""

Told = Callable[[str, str], None]
"""Receives (name of the part, sentence)."""


class Threads:
    """Parts of the program that each have a thread.

    What a part raises is caught and said once, and the part is begun again, each time a little later (1 s to
    a minute). From its fault until it runs again it is :attr:`down`.
    """

    def __init__(
        self,
        told: Told = lambda _name, _text: None,
        changed: Callable[[tuple[str, ...]], None] = lambda _down: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = told
        self._changed = changed
        self.clock = clock
        self._lock = threading.Lock()
        self._parts: list[Part] = []
        self._down: tuple[str, ...] = ()

    @property
    def down(self) -> tuple[str, ...]:
        """Names of the parts that do not run now, because of a fault."""
        return self._down

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the threads there are."""
        with self._lock:
            return tuple(part.name for part in self._parts if part.is_alive())

    def listen(self, told: Told, changed: Callable[[tuple[str, ...]], None]) -> None:
        """Tell faults in words, and which parts are down, on the thread of the part."""
        self._told, self._changed = told, changed

    def start(self, name: str, run: Callable[[], object]) -> threading.Thread:
        """Begin a part; it ends when ``run`` returns. To join it says that it need not be begun again."""
        part = Part(self, name, run)
        with self._lock:
            self._parts = [known for known in self._parts if known.is_alive()]
            self._parts.append(part)
            part.start()
        return part

    def close(self, timeout_s: float) -> tuple[str, ...]:
        """Wait for the threads that were told to end; the names of those that did not."""
        end = self.clock() + timeout_s
        with self._lock:
            parts = tuple(self._parts)
        for part in parts:
            if part is not threading.current_thread():
                part.join(max(0.0, end - self.clock()))
        return self.running

    def failed(self, part: "Part", error: BaseException) -> None:
        """For the part: it is down."""
        logging.getLogger("wattlight").error("%s failed", part.name, exc_info=error)
        self._set(part.name, True)
        text = tr(
            "A part of Wattlight failed: {part} ({value}). It is begun again; the log says more.",
            part=part_name(part.name),
            value=type(error).__name__,
        )
        self._told(part.name, text)

    def begun(self, part: "Part") -> None:
        """For the part: it runs again."""
        self._set(part.name, False)

    def _set(self, name: str, down: bool) -> None:
        with self._lock:
            others = tuple(known for known in self._down if known != name)
            before, self._down = self._down, (*others, name) if down else others
            changed = before != self._down
        if changed:
            self._changed(self._down)


class Part(threading.Thread):
    """The thread of one part, which begins it again."""

    def __init__(self, threads: Threads, name: str, run: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._threads = threads
        self._work = run
        self._leaving = threading.Event()

    def join(self, timeout: float | None = None) -> None:
        self._leaving.set()
        super().join(timeout)

    def run(self) -> None:
        faults = 0
        while True:
            begun_s = self._threads.clock()
            try:
                self._work()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the others go on and it is begun again
                faults = 1 if self._threads.clock() - begun_s >= STEADY_S else faults + 1
                self._guarded(lambda error=error: self._threads.failed(self, error))  # type: ignore[misc]
                left = self._leaving.wait(min(LONGEST_PAUSE_S, 2.0 ** min(faults - 1, 10)))
                self._guarded(lambda: self._threads.begun(self))
                if not left:
                    continue
            return

    def _guarded(self, tell: Callable[[], object]) -> None:
        try:
            tell()
        except Exception:
            logging.getLogger("wattlight").exception("a fault could not be told")


def part_name(name: str) -> str:
    """What the thread ``name`` does, in words."""
    words = {
        "sampler": tr("reading the sensors"),
        "probes": tr("reading the sensors"),
        "recorder": tr("recording"),
        "resident-watch": tr("asking the model server"),
        "wattlight-server": tr("asking the model server"),
        "wattlight-extras": tr("working out fits and costs"),
        "wattlight-tokens": tr("counting tokens"),
        "wattlight-pass-through": tr("the relay that counts tokens"),
        "wattlight-managed": tr("keeping the model server running"),
        "wattlight-application": tr("carrying out what is clicked"),
        "wattlight-meter": tr("metering"),
        "wattlight-models": tr("loading and unloading models"),
        "wattlight-pulls": tr("downloading models"),
        "wattlight-download": tr("downloading models"),
        "wattlight-setup": tr("installing the model server"),
        "wattlight-permission": tr("opening and closing the processor's energy counter"),
        "wattlight-setup-errands": tr("setting up"),
        "wattlight-answer": tr("asking a model"),
        "wattlight-prices": tr("fetching electricity prices"),
        "wattlight-plug": tr("reading the wall plug"),
        "wattlight-publishing": tr("turning figures for other programs on and off"),
        "wattlight-prometheus": tr("the page of figures for Prometheus"),
        "wattlight-far": tr("asking the meters of other computers"),
        "wattlight-far-meter": tr("answering another Wattlight"),
        "wattlight-hosts": tr("adding other computers"),
        "wattlight-home-assistant": tr("figures for Home Assistant"),
        "wattlight-update": tr("looking for a newer Wattlight"),
    }
    return words.get(name.split(" ", maxsplit=1)[0], name)
