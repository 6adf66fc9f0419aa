"""The page Cost: today, the month, what idle loaded models cost; days as bars; a table by model."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from wattlight.domain.carbon import carbon_text, factor_of
from wattlight.domain.command import Command, Verb
from wattlight.domain.tariff import MICRO, MJ_PER_KWH
from wattlight.domain.values import clean_text
from wattlight.i18n import (
    day_and_month,
    joined,
    kwh,
    money,
    month_name,
    number,
    percent,
    short_date,
    tr,
)
from wattlight.services.costs import LastWeek, ModelMonth
from wattlight.services.metering import DaySum

from .activity import NoticeView, notice_views
from .chart import nice_step
from .figures import (
    FigureView,
    amount_text,
    counted_text,
    figure,
    idle_text,
    machine_without,
    models_figure,
    no_sensor,
    no_sensor_text,
    observed_text,
    per_million_text,
    tokens_meaning,
    undecided_text,
    working_text,
)
from .now import month_figure
from .price_feed import cheapest_line
from .savings import COARSE, currency_of, savings
from .scene import Scene
from .words import DASH, NO_TABLE, Action, TableView


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day: heights as shares of the axis, and the sentence of its tooltip."""

    label: str
    parked: float
    working: float
    computer: float
    spoken: str


@dataclass(frozen=True, slots=True)
class DaysChartView:
    title: str
    bars: tuple[DayBar, ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    budget: tuple[float, str] | None = None
    description: str = ""
    empty_text: str = ""

    @property
    def empty(self) -> bool:
        return not self.bars


@dataclass(frozen=True, slots=True)
class CostView:
    today: FigureView
    month: FigureView
    idle: FigureView
    days: DaysChartView
    table: TableView
    table_empty: str
    table_note: str
    toggle_text: str
    price_question: Action | None
    notices: tuple[NoticeView, ...]
    savings: tuple[str, ...] = ()
    cheapest: str = ""
    """The cheapest hours of today, where the price changes in the day."""
    carbon: str = ""
    """CO2 of the month beside its energy, where the person wants it told."""
    days_table: TableView = NO_TABLE
    """The bars as a table, for who reads rather than looks."""


def cost_view(scene: Scene, with_computer: bool = False) -> CostView:
    """The page for a state; ``with_computer`` adds the computer itself to the bars."""
    table = _table(scene)
    ask = scene.state.price_known
    return CostView(
        _today(scene),
        month_figure(scene),
        _idle(scene),
        days_chart(scene, with_computer),
        table,
        "" if table.rows else tr("The table fills with the first model that works."),
        _table_note(scene),
        tr("Models only") if with_computer else tr("With the computer"),
        None if ask else Action(tr("Set your electricity price"), Command(Verb.ASK_PRICE), primary=True),
        notice_views(scene),
        savings(scene),
        cheapest_line(scene),
        _carbon(scene),
        _days_table(scene, with_computer),
    )


def _carbon(scene: Scene) -> str:
    wanted, month = scene.settings.carbon, scene.host.month
    factor = factor_of(scene.extras.carbon, wanted.country, wanted.own_g_per_kwh)
    if factor is None or month is None or not month.energy_mj:
        return ""
    return tr("{month}: {line}", month=month_name(scene.today), line=carbon_text(factor, month.energy_mj))


def _today(scene: Scene) -> FigureView:
    today = scene.host.today
    view = models_figure(scene.host, today, tr("Models today"), with_machine=False)
    week = scene.extras.costs.last_week if scene.extras.costs else LastWeek()
    last = None if week.amount is None else week.amount.cost_micro
    parts = [view.note] if view.note else []
    if last is not None and today is not None and today.currency:
        parts.append(tr("{amount} last week by this hour", amount=money(last, today.currency, COARSE)))
    elif today is not None and today.quality is not None and observed_text(today):
        parts.append(observed_text(today))
    budget = scene.settings.meter.daily_budget_micro
    if budget and today is not None and today.models.cost_micro is not None and not today.models_unknown:
        parts.append(tr("{share} of the budget", share=percent(today.models.cost_micro / budget)))
    reason = week.reason if last is None and today is not None else ""
    hint = " ".join(part for part in (view.hint, reason) if part)
    return FigureView(view.label, view.value, view.before, view.after, " · ".join(parts), hint)


def _idle(scene: Scene) -> FigureView:
    label = tr("Kept loaded while idle")
    hint = tr("What models drew while they were loaded but nobody asked them anything.")
    month, costs = scene.host.month, scene.extras.costs
    if month is None or month.quality is None:
        note = tr("Needs a power sensor.") if no_sensor(scene.host.sample) else tr("Nothing recorded yet.")
        return FigureView(label, DASH, note=note, hint=hint)
    if month.models_unknown:
        return FigureView(label, DASH, note=idle_text(month), hint=undecided_text(month))
    text = amount_text(month.parked, month.currency)
    note = tr("this month")
    if costs is not None and costs.parked_saving_micro and month.currency:
        saved = money(costs.parked_saving_micro, month.currency)
        note = tr("a keep-alive of 5 minutes would save {amount} a month", amount=saved)
    return figure(label, text, note, hint)


def days_chart(scene: Scene, with_computer: bool) -> DaysChartView:
    """Days of the month, stacked: loaded idle, working, and the computer on request."""
    today = scene.today
    days = _days_of_month(scene)
    money_known = currency_of(scene) is not None and any(d.working.cost_micro is not None for d in days)
    what = tr("Cost of models per day, {month}") if money_known else tr("Energy of models per day, {month}")
    if with_computer:
        what = (
            tr("Cost of models and computer per day, {month}")
            if money_known
            else tr("Energy of models and computer per day, {month}")
        )
    title = what.format(month=month_name(today))
    if not days:
        sample, later = scene.host.sample, tr("Costs appear after the first hour of use.")
        return DaysChartView(title, empty_text=no_sensor_text(sample) if no_sensor(sample) else later)
    return _days(scene, days, today=today, title=title, money_known=money_known, with_computer=with_computer)


def _days(
    scene: Scene, days: list[DaySum], *, today: date, title: str, money_known: bool, with_computer: bool
) -> DaysChartView:
    currency = currency_of(scene) if money_known else None
    amounts = {d.day.day: _amounts(d, money_known, with_computer) for d in days}
    budget = scene.settings.meter.daily_budget_micro
    limit = budget / MICRO if budget and money_known else None
    top = max(sum(a) for a in amounts.values())
    step = nice_step(max(top, limit or 0.0, 0.001) * 1.02 / 5)
    count = max(1, -(-max(top, limit or 0.0) * 1.02 // step))
    scale = step * count
    ticks = tuple((i / count, _axis(i * step, step, currency)) for i in range(int(count) + 1))
    bars = []
    for n in range(1, monthrange(today.year, today.month)[1] + 1):
        parked, working, computer = (value / scale for value in amounts.get(n, (0.0, 0.0, 0.0)))
        spoken = _spoken(n, today, amounts.get(n), currency)
        bars.append(DayBar(number(n), parked, working, computer, spoken))
    line = (limit / scale, tr("daily budget {amount}", amount=money(budget, currency))) if limit else None
    description = joined((title, joined((b.spoken for b in bars if b.spoken), "; ")), ". ")
    return DaysChartView(title, tuple(bars), ticks, line, description)


def _days_of_month(scene: Scene) -> list[DaySum]:
    today, costs = scene.today, scene.extras.costs
    days = costs.days if costs is not None else ()
    return [d for d in days if (d.day.year, d.day.month) == (today.year, today.month)]


def _days_table(scene: Scene, with_computer: bool) -> TableView:
    currency = currency_of(scene)
    headings = (tr("Day"), tr("Working"), tr("Loaded, idle"), tr("Computer itself"))
    rows = []
    for day in sorted(_days_of_month(scene), key=lambda d: d.day, reverse=True):
        texts = (amount_text(amount, currency) for amount in (day.working, day.parked, day.computer))
        rows.append((day_and_month(day.day), *texts))
    shown = 4 if with_computer else 3
    return TableView(headings[:shown], tuple(row[:shown] for row in rows))


def _amounts(day: DaySum, money_known: bool, with_computer: bool) -> tuple[float, float, float]:
    """(parked, working, computer) in currency units or kWh; what is negative or unknown has no height."""
    parts = (day.parked, day.working, day.computer)
    if money_known:
        values = [max(0.0, (part.cost_micro or 0) / MICRO) for part in parts]
    else:
        values = [max(0.0, part.energy_mj / MJ_PER_KWH) for part in parts]
    return values[0], values[1], values[2] if with_computer else 0.0


def _axis(value: float, step: float, currency: str | None) -> str:
    if currency is not None:
        return money(round(value * MICRO), currency)
    return f"{number(value, 0 if step >= 1 else 2)} kWh"


def _spoken(day: int, today: date, amounts: tuple[float, float, float] | None, currency: str | None) -> str:
    if amounts is None:
        return ""
    parked, working, computer = (_exact(v, currency) for v in amounts)
    when = short_date(today.replace(day=day))
    if amounts[2]:
        return tr(
            "{day}: working {a}, loaded idle {b}, computer {c}", day=when, a=working, b=parked, c=computer
        )
    return tr("{day}: working {a}, loaded idle {b}", day=when, a=working, b=parked)


def _exact(value: float, currency: str | None) -> str:
    if currency is None:
        return kwh(round(value * MJ_PER_KWH))
    return money(round(value * MICRO), currency)


def _table(scene: Scene) -> TableView:
    """By model; a column that would hold dashes only is left out."""
    month = scene.host.month
    if month is None or not (month.by_model or month.undecided.energy_mj):
        return NO_TABLE
    known = {m.model: m for m in scene.extras.costs.models} if scene.extras.costs else {}
    currency = month.currency
    rows = [
        (
            clean_text(line.key, 80) or tr("model without a name"),
            kwh(line.energy_mj),
            money(line.cost_micro, currency, line.error_fraction),
            *_per_model(known.get(line.key), currency),
        )
        for line in month.by_model
    ]
    apart = [(tr("computer without models, measured parts"), machine_without(month))]
    if month.undecided.energy_mj > 0:
        apart.insert(0, (tr("with a model loaded, not divided"), month.undecided))
    for name, amount in apart:
        cost = money(amount.cost_micro, currency, amount.error_fraction)
        rows.append((name, kwh(amount.energy_mj), cost, DASH, DASH, DASH))
    headings = (
        month_name(scene.today),
        tr("Energy"),
        tr("Cost"),
        tr("Tokens out"),
        tr("per 1M tokens"),
        tr("same weights hosted"),
    )
    kept = [i for i in range(len(headings)) if i < 2 or any(row[i] != DASH for row in rows)]
    return TableView(
        tuple(headings[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in rows),
        frozenset(range(len(rows) - len(apart), len(rows))),
    )


def _table_note(scene: Scene) -> str:
    """What the prices of tokens mean, and how much of a model's work they rest on."""
    models = scene.extras.costs.models if scene.extras.costs else ()
    told = [m for m in models if m.tokens.whole is not None]
    lines = [undecided_text(scene.host.month)]
    if told:
        currency = scene.host.month.currency if scene.host.month else None
        lines.append(tokens_meaning())
        lines.append(working_text({m.model: m.tokens for m in told}, currency))
    lines += [counted_text(m.model, m.tokens) for m in told if m.tokens.upper_bound]
    return "\n".join(line for line in lines if line)


def _per_model(known: ModelMonth | None, currency: str | None) -> tuple[str, str, str]:
    if known is None:
        return DASH, DASH, DASH
    tokens = known.tokens
    out = _millions(tokens.output_tokens) if tokens.output_tokens else DASH
    hosted = money(known.hosted_per_million_micro, currency)
    if known.hosted_on is not None and hosted != DASH:
        hosted = tr("{price} ({date})", price=hosted, date=short_date(known.hosted_on))
    return out, per_million_text(tokens, tokens.whole, currency), hosted


def _millions(tokens: int) -> str:
    if tokens >= MICRO:
        return tr("{n} M", n=number(tokens / MICRO, 1))
    return number(tokens)
