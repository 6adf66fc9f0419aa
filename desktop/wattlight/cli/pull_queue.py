"""``wattlight pull`` and the queue of downloads: what is in it, and what is done with it."""

import argparse
from dataclasses import replace
from datetime import datetime

from wattlight.domain.pulls import AT_NIGHT, Hours, QueuedPull, read_hours, read_rate
from wattlight.domain.values import LOCAL_HOST, Problem, clean_text
from wattlight.i18n import clock_time, gb, percent, tr
from wattlight.services.model_pulls import opening
from wattlight.services.models import PullBook, each, is_of, moved, with_pull

from .output import Call, Document, pick


class QueueProblem(Problem):
    code = "queue"


def add_queue_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="SPEED", type=speed, help="at most so fast: 5MB/s, 40Mbit/s")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--at-night", action="store_true", help="only when the tariff is cheapest, or 23 to 6")
    when.add_argument("--between", metavar="A-B", type=hours, help="only between these hours: 23:00-06:00")
    parser.add_argument("--source", metavar="PLACE", help="a folder of models or an address that is nearer")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show the downloads that the tray has to do")
    what.add_argument("--queue", action="store_true", help="leave MODEL to the tray")
    what.add_argument("--pause", action="store_true", help="let the tray stop MODEL for now")
    what.add_argument("--resume", action="store_true", help="let the tray go on with MODEL")
    what.add_argument("--cancel", action="store_true", help="take MODEL off the tray's list")
    what.add_argument("--first", action="store_true", help="let the tray download MODEL first")


def speed(text: str) -> int:
    """A type for ``add_argument``: bytes a second."""
    rate = read_rate(text)
    if rate is None:
        raise argparse.ArgumentTypeError("a speed is needed, like 5MB/s or 40Mbit/s, of 10 kB/s or more")
    return rate


def hours(text: str) -> Hours:
    """A type for ``add_argument``: from when to when."""
    found = read_hours(text)
    if found is None:
        raise argparse.ArgumentTypeError("two times are needed, like 23:00-06:00")
    return found


def hours_of(args: argparse.Namespace) -> str:
    return AT_NIGHT if args.at_night else args.between.text() if args.between else ""


def tray_cares(call: Call) -> bool:
    """Whether a program runs that does what is in the queue."""
    lock = call.workshop.queue_lock()
    try:
        free = lock.acquire()
    except Problem:
        return False
    lock.release()
    return not free


def act(args: argparse.Namespace, call: Call) -> int:
    """Do what is asked with the queue, and show it."""
    book = call.workshop.pull_book()
    model = args.model or ""
    if not args.list:
        _change(args, book, model)
        if book.problem is not None:
            raise book.problem
    _show(call, book)
    return 0


def leave_to_tray(call: Call, pull: QueuedPull) -> int:
    """Put it into the queue of the tray that runs."""
    book = call.workshop.pull_book()
    book.change(lambda queue: with_pull(queue, pull))
    if book.problem is not None:
        raise book.problem
    _show(call, book)
    return 0


def _change(args: argparse.Namespace, book: PullBook, model: str) -> None:
    if not any(is_of(entry, model) for entry in book.read()):
        raise QueueProblem(
            tr("{model} is not in the queue of downloads.", model=clean_text(model, 120)),
            tr("'wattlight pull --list' shows what is."),
        )
    if args.pause:
        book.change(lambda queue: each(queue, model, lambda entry: replace(entry, paused=True)))
    elif args.resume:
        book.change(lambda queue: each(queue, model, lambda e: replace(e, paused=False, error="")))
    elif args.first:
        book.change(lambda queue: moved(queue, model, -len(queue)))
    else:
        book.change(lambda queue: tuple(entry for entry in queue if not is_of(entry, model)))


def _show(call: Call, book: PullBook) -> None:
    queue, runs = book.read(), tray_cares(call)
    if call.as_json:
        call.out.document({"tray": runs, "pulls": [_entry(call, entry) for entry in queue]})
        return
    if not queue:
        call.out.line(tr("No download waits."))
        return
    call.out.table(
        [(clean_text(entry.model, 60), _far(entry), _stand(call, entry)) for entry in queue], headed=False
    )
    if not runs:
        call.out.line(tr("Wattlight's tray does not run: start it, and they go on."))


def _entry(call: Call, entry: QueuedPull) -> Document:
    opens = _opens(call, entry)
    return {
        **pick(entry, "model host paused completed_bytes total_bytes limit_bytes_per_s"),
        "hours": entry.hours or None,
        "waits_until": None if opens is None else opens.isoformat(),
        "source": entry.source or None,
        "error": entry.error or None,
    }


def opens_of(call: Call, text: str) -> datetime | None:
    """When hours as they were wished begin next; None: now."""
    if not text:
        return None
    workshop = call.workshop
    return opening(text, workshop.now(), workshop.zone(), workshop.tariff())


def _opens(call: Call, entry: QueuedPull) -> datetime | None:
    return opens_of(call, entry.hours or call.workshop.settings().pulls.hours)


def _far(entry: QueuedPull) -> str:
    if not entry.total_bytes:
        return ""
    share = percent(min(1.0, entry.completed_bytes / entry.total_bytes))
    return tr("{share} of {total}", share=share, total=gb(entry.total_bytes))


def _stand(call: Call, entry: QueuedPull) -> str:
    if entry.error:
        return clean_text(entry.error, 200)
    if entry.paused:
        return tr("paused")
    opens = _opens(call, entry)
    if opens is not None:
        return tr("waits until {time}", time=clock_time(opens, call.workshop.zone()))
    return "" if entry.host == LOCAL_HOST else clean_text(entry.host, 40)
