"""Asks a server what it is and has, often while somebody looks, seldom while nobody does."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from wattlight import StartThread, start_thread
from wattlight.domain.servers import ServerPart
from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.services.current import Servers
from wattlight.web import Bell

SHOWN_S = 1.0
FAR_SHOWN_S = 1.9
"""The same for another computer: with the 3 s that an answer may take, a dead one is noticed within 5 s."""
MOST_HOSTS = 10
"""With more of them each is asked so much less often."""
HIDDEN_S = 15.0
GLANCE_S = 2.5
"""After so long of a longer pause the end of the open connection, and so of the server, ends it too; not
sooner, since some servers close each."""
FULL_SHOWN_S = 10.0
"""The list of installed models is asked for so often while shown; loaded models at every beat."""
FAR_FULL_SHOWN_S = 30.0
FULL_HIDDEN_S = 300.0
LONGEST_PAUSE_S = 30.0
_SELDOM = (ServerPart.INSTALLED, ServerPart.VERSION)


class ServerWatch:
    """A thread that publishes :class:`ServerState`. ``publish`` is called on it and must return soon.
    While the server does not answer the pauses double from 1 s to 30 s; :meth:`refresh` asks at once.
    """

    def __init__(
        self,
        servers: Servers,
        host: HostId,
        publish: Callable[[HostId, ServerState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._servers = servers
        self._host = host
        self._shown_s, self._full_shown_s = SHOWN_S, FULL_SHOWN_S
        self._publish = publish
        self._clock = clock
        self._state: ServerState | None = None
        self._asked_at: dict[ServerPart, float] = {}
        self._failures = 0
        self._together = False
        """Watches over other computers look at the same moments, which costs less than each at its own."""
        self._shown = False
        self._refresh = False
        self._wake = Bell()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = self._start("wattlight-server", self._run)

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End, within a second even while the server hangs; True when the thread has ended."""
        self._stopping.set()
        self._wake.ring()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def set_shown(self, shown: bool) -> None:
        """Somebody looks (a window or menu is open), or nobody does."""
        if shown and not self._shown:
            self._failures = 0
            self._wake.ring()
        self._shown = shown

    def share(self, hosts: int) -> None:
        """The watch is over another computer, one of ``hosts``: together they are asked so often."""
        self._together = True
        times = max(1.0, hosts / MOST_HOSTS)
        self._shown_s, self._full_shown_s = FAR_SHOWN_S * times, FAR_FULL_SHOWN_S * times

    def refresh(self) -> None:
        """Ask for everything now, because something was just done."""
        self._refresh = True
        self._failures = 0
        self._wake.ring()

    def step(self) -> float:
        """Ask once, publish, and return how many seconds to wait before the next time."""
        asked, self._refresh = self._refresh, False
        part = ServerPart.ALL if asked else self._due()
        state = self._servers.state(self._host, self._state, part=part, cancel=self._stopping)
        if self._stopping.is_set():
            return 0.0
        ready = state.status is ServerStatus.READY
        if ready:
            all_of_it = (
                part is ServerPart.ALL or self._state is None or self._state.status is not state.status
            )
            self._asked_at |= dict.fromkeys(_SELDOM if all_of_it else (part,), self._clock())
        self._failures = 0 if ready else self._failures + 1
        self._state = state
        self._publish(self._host, state)
        return self._pause()

    def _due(self) -> ServerPart:
        """One question a look: what is asked for seldom takes the place of the loaded models once."""
        if not self._asked_at or self._failures:
            return ServerPart.ALL
        every = self._full_shown_s if self._shown else FULL_HIDDEN_S
        now = self._clock()
        return next((part for part in _SELDOM if now - self._asked_at[part] >= every), ServerPart.LOADED)

    def _pause(self) -> float:
        beat = self._shown_s if self._shown else HIDDEN_S
        if not self._failures:
            return beat - self._clock() % beat if self._together else beat
        return max(beat, min(LONGEST_PAUSE_S, 2.0 ** (self._failures - 1)))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause = self.step()
            except Exception:
                logging.getLogger("wattlight").exception("the watch over the server failed")
                pause = LONGEST_PAUSE_S
            if not self._stopping.is_set():
                self._rest(pause)

    def _rest(self, pause_s: float) -> None:
        """Until the next time; sooner when somebody calls, or the server closed the connection."""
        if self._wake.wait(min(GLANCE_S, pause_s)) or pause_s <= GLANCE_S:
            return
        server = self._servers.get(self._host)
        if server is not None:
            server.wait_left(self._wake, pause_s - GLANCE_S)
        else:
            self._wake.wait(pause_s - GLANCE_S)


class ServerWatches:
    """The watch over the server of each host; those of other computers share how often they are asked."""

    def __init__(
        self,
        servers: Servers,
        publish: Callable[[HostId, ServerState], None],
        start: StartThread = start_thread,
    ) -> None:
        self._servers, self._publish, self._start = servers, publish, start
        self._shown = False
        self._watches: dict[HostId, ServerWatch] = {}
        self._make()

    def follow(self) -> None:
        """Servers came or went: a watch for each there is now."""
        for host in set(self._watches) - set(self._servers):
            self._watches.pop(host).stop(0.0)
        for watch in self._make():
            watch.start()

    def _make(self) -> list[ServerWatch]:
        made = []
        for host in set(self._servers) - set(self._watches):
            watch = self._watches[host] = ServerWatch(self._servers, host, self._publish, start=self._start)
            watch.set_shown(self._shown)
            made.append(watch)
        for host, watch in self._watches.items():
            if host != LOCAL_HOST:
                watch.share(len(self._watches))
        return made

    def start(self) -> None:
        for watch in self._watches.values():
            watch.start()

    def stop(self) -> bool:
        """End all of them, together within a second."""
        watches = tuple(self._watches.values())
        for watch in watches:
            watch.stop(0.0)
        in_time = True
        for watch in watches:
            in_time = watch.stop() and in_time
        return in_time

    def refresh(self, host: HostId | None = None) -> None:
        """Ask the server of ``host`` for everything now; None: all of them."""
        for known, watch in tuple(self._watches.items()):
            if host in {None, known}:
                watch.refresh()

    def set_shown(self, shown: bool) -> None:
        self._shown = shown
        for watch in tuple(self._watches.values()):
            watch.set_shown(shown)


Job = Callable[[], None]


class SerialExecutor:
    """Runs jobs in order. A job must end soon after its own cancel event is set; one that raises is told by
    whoever watches the thread, and those behind it are done."""

    def __init__(self, name: str, start: StartThread = start_thread) -> None:
        self._name = name
        self._start = start
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, job: Job) -> bool:
        """Run ``job`` after those before it; False when the lane is closed."""
        with self._lock:
            if self._closed:
                return False
            self._jobs.append(job)
            if self._thread is None:
                self._thread = self._start(self._name, self._work)
            return True

    def close(self, timeout_s: float, finish: bool = False) -> bool:
        """Forget what waits (``finish``: do it first) and wait for what runs; False when that took longer."""
        with self._lock:
            self._closed = True
            if not finish:
                self._jobs.clear()
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs.popleft()
            job()
