"""The hours of a week, prepared: mean power by day and hour, as a picture and as a table."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import WEEKS, WeekHour
from wattlight.i18n import clock_time, day_name, interval, joined, number, tr, watts
from wattlight.services.answers import HOURS

from .scene import Scene
from .words import NO_TABLE, TableView

HOURS_OF_THE_WEEK = Command(Verb.SHOW_HISTORY, text=HOURS)
MONDAY = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class WeekHoursView:
    """Seven days of 24 squares. ``shades`` are shares of the highest hour, None where nothing is known."""

    title: str
    days: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    shades: tuple[float | None, ...] = ()
    spoken: tuple[str, ...] = ()
    scale: str = ""
    """What the strongest shade means."""
    description: str = ""
    empty_text: str = ""
    y_ticks: tuple[tuple[float, str], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.shades


def week_hours_view(scene: Scene) -> WeekHoursView:
    """When the computer draws most: mean power by day of the week and hour."""
    title = tr("Mean power by hour, last {n} weeks", n=number(WEEKS))
    hours = scene.extras.week_hours
    if hours is None:
        return WeekHoursView(title, empty_text=tr("Reading the records…"))
    known = [hour for hour in hours if hour.watts is not None]
    if not known:
        return WeekHoursView(title, empty_text=tr("It fills with the first hours that are recorded."))
    top = max(hour.watts or 0.0 for hour in known) or 1.0
    busiest = hours.index(max(known, key=lambda hour: hour.watts or 0.0))
    days, clock = _days(), tuple(_hour(i) for i in range(24))
    spans = tuple(interval(clock[i], clock[(i + 1) % 24]) for i in range(24))
    spoken = tuple(_hour_said(hour, days[hour.day], spans[hour.hour]) for hour in hours)
    return WeekHoursView(
        title,
        days,
        clock,
        tuple(None if h.watts is None else max(0.0, h.watts) / top for h in hours),
        spoken,
        tr("strongest: {power}", power=watts(top)),
        tr("{title}. Most at {hour}.", title=title, hour=spoken[busiest]),
    )


def _days() -> tuple[str, ...]:
    return tuple(day_name(MONDAY + timedelta(days=i)) for i in range(7))


def _hour(hour: int) -> str:
    return clock_time(datetime(2026, 1, 5, hour, tzinfo=UTC), UTC)


def _hour_said(hour: WeekHour, day: str, span: str) -> str:
    when = joined((day, span))
    if hour.watts is None:
        return joined((when, tr("not recorded")), " · ")
    models = (tr("models {power}", power=watts(hour.models_watts)),) if hour.models_watts else ()
    return joined((when, joined((watts(hour.watts), *models))), " · ")


def week_hours_table(scene: Scene) -> TableView:
    """The same as a table: an hour a row, a day a column; a dash where nothing was recorded."""
    hours = scene.extras.week_hours
    if not hours or all(hour.watts is None for hour in hours):
        return NO_TABLE
    rows = tuple((_hour(i), *(watts(hours[d * 24 + i].watts) for d in range(7))) for i in range(24))
    return TableView((tr("Hour"), *_days()), rows)
