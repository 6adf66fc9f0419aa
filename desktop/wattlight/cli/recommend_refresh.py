"""``recommend --refresh``: reads manifests again, says what came of it."""

from collections.abc import Callable
from typing import Any

from wattlight.domain.advice import Advice
from wattlight.i18n import gb, short_date, tr, trn
from wattlight.services.refreshing import Refreshed, RefreshReport

from .call import Call, Output


def refreshed(call: Call, names: list[str], advice: Callable[[], Advice]) -> RefreshReport | None:
    """Read the manifests of ``names``, without any those of the models on the list; None for an empty list.

    Raises:
        Problem: a name is not listed, or the registry cannot be reached.
    """
    wanted = names or [item.name for item in advice().recommendations]
    return call.workshop.refresher().refresh(wanted) if wanted else None


def print_refresh(out: Output, report: RefreshReport) -> None:
    """What was read, what had changed, what could not be read."""
    if report.read:
        out.line(
            trn(
                "The registry was asked about {count} model on {date}; its size is exact now.",
                "The registry was asked about {count} models on {date}; their sizes are exact now.",
                len(report.read),
                date=short_date(report.read_on),
            )
        )
    for item in report.read:
        if item.changed:
            out.line("  " + tr("{model} is another file now: {size} (was {was})", **_change(item)))
    for name, problem in report.problems:
        out.line(f"  {name}: {problem.message}")
    if report.stopped:
        out.line("  " + tr("Then it stopped: {problem}", problem=str(report.stopped)))
    out.line()


def refresh_document(report: RefreshReport) -> dict[str, Any]:
    """The ``refresh`` part of the document."""
    return {
        "read_on": report.read_on.isoformat(),
        "models": [
            {
                "model": item.name,
                "download_bytes": item.download_bytes,
                "was_bytes": item.was_bytes,
                "was_exact": item.was_exact,
                "changed": item.changed,
            }
            for item in report.read
        ],
        "problems": [
            {"model": name, "code": problem.code, "sentence": problem.message}
            for name, problem in report.problems
        ],
        "stopped": None if report.stopped is None else report.stopped.message,
    }


def read_again_lines(advice: Advice) -> list[str]:
    """Which figures of the list are from the registry, and of which day."""
    days: dict[str, list[str]] = {}
    for item in advice.recommendations:
        if item.tag.read_on is not None:
            days.setdefault(short_date(item.tag.read_on), []).append(item.name)
    return [
        tr("Sizes read from the registry on {date}: {models}.", date=day, models=", ".join(names))
        for day, names in days.items()
    ]


def _change(item: Refreshed) -> dict[str, str]:
    was = ("" if item.was_exact else "~") + gb(item.was_bytes)
    return {"model": item.name, "size": gb(item.download_bytes), "was": was}
