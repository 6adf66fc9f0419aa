"""The one place where the state of the running program changes."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from wattlight.domain.state import AppState, HostState, Notice
from wattlight.domain.values import HostId

Listener = Callable[[AppState], None]
Value = TypeVar("Value")

REPEAT_AFTER = timedelta(minutes=10)
"""A dismissed notice of the same kind and text stays away for this long."""
MAX_NOTICES = 4


class InOrder(Generic[Value]):
    """Passes values on in the order in which they were put, never under the lock of whoever puts them.

    :meth:`put` under the lock that orders the values, :meth:`deliver` after releasing it. One thread at a
    time delivers; it delivers for the others too.
    """

    def __init__(self, deliver: Callable[[Value], None]) -> None:
        self._deliver = deliver
        self._waiting: deque[Value] = deque()
        self._lock = threading.Lock()
        self._busy = False

    def put(self, value: Value) -> None:
        self._waiting.append(value)

    def deliver(self) -> None:
        """Pass on what waits, unless another thread (or this one, further up) is doing so."""
        while True:
            with self._lock:
                if self._busy or not self._waiting:
                    return
                self._busy = True
                value = self._waiting.popleft()
            try:
                self._deliver(value)
            finally:
                with self._lock:
                    self._busy = False


class StateHub:
    """Holds the :class:`AppState`; any thread may change it, listeners hear every state in order.

    Each state has a higher number than the one before. A listener is called on a thread that made a change
    and must return at once (the bridge to the window posts an event). An error in a listener is logged and
    does not reach the changer.
    """

    def __init__(self, initial: AppState) -> None:
        self._state = initial
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._dismissed: dict[tuple[str, str], datetime] = {}
        self._news: InOrder[AppState] = InOrder(self._tell)

    @property
    def state(self) -> AppState:
        return self._state

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each change; the returned function ends that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def update(self, change: Callable[[AppState], AppState]) -> None:
        """Replace the state by ``change(state)``; nothing is told when they are equal."""
        with self._lock:
            old = self._state
            new = change(old)
            if new == old:
                return
            self._state = replace(new, number=old.number + 1)
            self._news.put(self._state)
        self._news.deliver()

    def _tell(self, state: AppState) -> None:
        for listener in self._listeners:
            try:
                listener(state)
            except Exception:
                logging.getLogger("wattlight").exception("a listener of the state failed")

    def update_host(self, host: HostId, change: Callable[[HostState], HostState]) -> None:
        """Replace one host of the state; an unknown host is ignored."""
        self.update(
            lambda state: replace(
                state, hosts=tuple(change(item) if item.id == host else item for item in state.hosts)
            )
        )

    def notify(
        self, kind: str, text: str, at: datetime, level: str = "warning", urgent: bool = False
    ) -> None:
        """Show a notice; one per kind, and not again soon after it was dismissed.

        An ``urgent`` one is told by the desktop too while no window is open.
        """
        away = self._dismissed.get((kind, text))
        if away is not None and at - away < REPEAT_AFTER:
            return
        notice = Notice(kind, text, at, level, urgent)

        def change(state: AppState) -> AppState:
            same = next((n for n in state.notices if n.kind == kind), None)
            if same is not None and same.text == text:
                return state
            others = tuple(n for n in state.notices if n.kind != kind)
            return replace(state, notices=(*others, notice)[-MAX_NOTICES:])

        self.update(change)

    def dismiss(self, kind: str, at: datetime) -> None:
        for notice in self._state.notices:
            if notice.kind == kind:
                self._dismissed[kind, notice.text] = at
        self.withdraw(kind)

    def withdraw(self, kind: str) -> None:
        """Take a notice back because its cause is gone."""
        self.update(lambda state: replace(state, notices=tuple(n for n in state.notices if n.kind != kind)))
