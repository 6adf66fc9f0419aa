"""The rotating log: errors of our own, never prompts, never tokens."""

import faulthandler
import logging
import logging.handlers
import re
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType

from wattlight.domain import without_userinfo
from wattlight.paths import make_folder

MAX_BYTES = 1_000_000
KEPT_FILES = 5
LINES_PER_MINUTE = 300
"""More than this is a flood; the rest of the minute is not written."""

_SECRETS = re.compile(
    r"(?i)(authorization\W+(?:bearer|basic)?|bearer|api[_-]?key|token|password)([\"'=:\s]+)[^\s\"',]+"
)


class _Redacted(logging.Formatter):
    """Lines without secrets, those of a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return without_userinfo(_SECRETS.sub(r"\1\2[removed]", super().format(record)))


class _Calm(logging.Filter):
    """Stops floods."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: deque[float] = deque()

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        while self._recent and now - self._recent[0] > 60:
            self._recent.popleft()
        if len(self._recent) >= LINES_PER_MINUTE:
            return False
        self._recent.append(now)
        return True


def open_log(file: Path) -> logging.Logger:
    """The program's log in ``file`` (mode 0600, five files of 1 MB), with crashes and uncaught errors in it.

    A folder that is not writable leaves the log on the standard error stream.
    """
    log = logging.getLogger("wattlight")
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.addHandler(_handler(file))
    sys.excepthook = lambda kind, error, trace: _uncaught(log, "main", kind, error, trace)
    threading.excepthook = lambda args: _uncaught(
        log,
        args.thread.name if args.thread else "thread",
        args.exc_type,
        args.exc_value,
        args.exc_traceback,
    )
    return log


def _handler(file: Path) -> logging.Handler:
    handler: logging.Handler
    try:
        make_folder(file.parent)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=MAX_BYTES, backupCount=KEPT_FILES - 1, encoding="utf-8", errors="backslashreplace"
        )
        file.chmod(0o600)
        crash = file.with_suffix(".crash").open("a", encoding="utf-8")
        file.with_suffix(".crash").chmod(0o600)
        faulthandler.enable(crash)
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(threadName)s %(message)s"))
    handler.addFilter(_Calm())
    return handler


def _uncaught(
    log: logging.Logger,
    where: str,
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    log.error("uncaught in %s", where, exc_info=(kind, error, trace))
