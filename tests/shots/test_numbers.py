"""The pictured numbers agree with each other: energy with floor and hours, the price of a million tokens with
watts and tokens a second, bars with their sums, memory with its parts. Read from the texts that are drawn.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from data import november
from fakes.november_day import LOADED, TARIFF_FILE, Evening, evening
from wattlight.i18n import activate
from wattlight.viewmodels.cost import CostView, cost_view
from wattlight.viewmodels.machine import machine_view
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.small_window import small_window_view

NUMBER = re.compile(r"\d[\d.,\u202f\u00a0]*\d|\d")
ROUNDED = 0.5
"""What a drawn figure may be off, in units of its last digit."""


class Pictured:
    """The texts of an evening in one language."""

    def __init__(self, language: str, drawn: Evening) -> None:
        activate(language)
        self.language, self.trace, self.scene = language, drawn.trace, drawn.scene
        self.now, self.cost = now_view(drawn.scene), cost_view(drawn.scene)
        self.machine, self.small = machine_view(drawn.scene), small_window_view(drawn.scene)
        self.models = models_view(drawn.scene, Filters(), LOADED)

    def numbers(self, text: str) -> list[Decimal]:
        """Every number in a text of this language."""
        point, group = (".", ",") if self.language == "en" else (",", ".")
        found = (n.replace("\u202f", "").replace("\u00a0", "") for n in NUMBER.findall(text))
        return [Decimal(n.replace(group, "").replace(point, ".")) for n in found]

    def number(self, text: str) -> Decimal:
        return self.numbers(text)[0]


def off(*values: Decimal) -> float:
    """How far a sum of figures may be from the figure of the sum: half a last digit of each."""
    return sum(ROUNDED * float(Decimal(1).scaleb(int(v.as_tuple().exponent))) for v in values) + 1e-9


@pytest.fixture(scope="module", params=["en", "de"])
def pictured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pictured]:
    activate(request.param)
    yield Pictured(request.param, evening(tmp_path_factory.mktemp("evening")))
    activate("en")  # for the tests that come after


def rows_of(trace: str, device: str) -> list[list[str]]:
    return [row for line in trace.splitlines()[1:] if (row := line.split(","))[1] == device]


def hours_on(trace: str, device: str, model: str | None = None) -> float:
    """Hours between rows of a device, with ``model`` on it ("": none, None: all); nights are none."""
    seconds = 0.0
    for before, row in pairwise(rows_of(trace, device)):
        if (model is None or before[4] == model) and int(row[3]) >= int(before[3]):
            span = datetime.fromisoformat(row[0]) - datetime.fromisoformat(before[0])
            seconds += span.total_seconds()
    return seconds / 3600


def table(view: CostView) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in view.table.rows}


def test_energy_is_at_least_the_floor_for_the_hours(pictured: Pictured) -> None:
    """A model takes what its idle draw amounts to, and no more than its draw at work would; the computer
    itself what it draws without a model."""
    rows = table(pictured.cost)
    for model in (november.QWEN, november.GPT):
        kwh = float(pictured.number(rows[model][0]))
        hours, habit = hours_on(pictured.trace, november.GPU, model), november.HABITS[model]
        assert hours > 10
        assert habit.parked_w * hours / 1000 * 0.95 <= kwh <= habit.active_w * hours / 1000
    (itself,) = [row for name, row in rows.items() if name not in november.HABITS]
    free, all_hours = hours_on(pictured.trace, november.GPU, ""), hours_on(pictured.trace, november.CPU)
    floor = (november.BASE_W * free + november.CPU_W * all_hours) / 1000
    most = floor + (november.CPU_BUSY_W - november.CPU_W) * all_hours / 1000
    assert floor * 0.9 <= float(pictured.number(itself[0])) <= most


def test_a_million_tokens_cost_what_watts_and_speed_say(pictured: Pictured) -> None:
    """Watts / tokens a second / 3.6 is kWh for a million tokens; the tariff has the price of one."""
    prices = [float(p) for p in re.findall(r'"price_per_kwh": "([\d.]+)"', TARIFF_FILE.read_text())]
    note = pictured.cost.table_note
    for model in (november.QWEN, november.GPT):
        habit = november.HABITS[model]
        alone = pictured.numbers(note[note.index(model) + len(model) :])[0]
        kwh = habit.active_w / habit.tokens_per_s / 3.6
        low, high = min(prices) * kwh, max(prices) * kwh
        assert low * 0.9 <= float(alone) <= high * 1.15, (model, low, alone, high)
        whole = pictured.number(table(pictured.cost)[model][3])
        assert whole >= alone, "the time it is only loaded comes on top"
        cost, tokens = (
            pictured.number(table(pictured.cost)[model][1]),
            pictured.number(table(pictured.cost)[model][2]),
        )
        least, most = ((cost + s * Decimal("0.005")) / (tokens - s * Decimal("0.05")) for s in (-1, 1))
        assert least - Decimal("0.01") <= whole <= most + Decimal("0.01")


def test_bars_and_rows_add_up_to_the_month(pictured: Pictured) -> None:
    month = pictured.number(pictured.cost.month.value)
    assert pictured.number(pictured.now.month.value) == month
    rows = [pictured.number(table(pictured.cost)[m][1]) for m in (november.QWEN, november.GPT)]
    assert abs(float(sum(rows) - month)) <= off(*rows, month)
    costs = pictured.scene.extras.costs
    assert costs is not None
    top = max(pictured.number(text) for _, text in pictured.cost.days.y_ticks)
    drawn = sum(bar.working + bar.parked for bar in pictured.cost.days.bars) * float(top)
    assert drawn == pytest.approx(float(month), abs=off(month))


def test_devices_add_up_to_the_draw(pictured: Pictured) -> None:
    power = pictured.number(pictured.now.power.value)
    assert pictured.number(pictured.small.power.value) == power
    legend = [pictured.number(series.now_text) for series in pictured.now.chart.series]
    cards = [pictured.number(card.power.value) for card in pictured.machine.cards]
    assert sorted(legend) == sorted(cards)
    assert abs(float(sum(cards) - power)) <= off(*cards, power)


def test_the_bar_of_the_memory_adds_up_to_the_card(pictured: Pictured) -> None:
    bar = pictured.now.memory
    assert bar is not None
    parts = [pictured.number(segment.amount) for segment in bar.segments]
    free, total = pictured.numbers(bar.summary)[:2]
    assert abs(float(sum(parts) + free - total)) <= off(*parts, free)
    shares = sum(segment.fraction for segment in bar.segments)
    assert shares == pytest.approx(float(sum(parts) / total), abs=off(*parts) / float(total) + 0.002)
    card = next(c for c in pictured.machine.cards if c.memory is not None)
    assert card.memory is not None
    used = [pictured.number(segment.amount) for segment in card.memory.segments]
    assert tuple(pictured.numbers(card.memory.summary)[:2]) == (free, total)
    assert abs(float(sum(used) - sum(parts))) <= off(*used, *parts)


def test_the_same_figure_is_the_same_on_every_page(pictured: Pictured) -> None:
    today = pictured.number(pictured.now.today.value)
    assert pictured.number(pictured.small.cost.value) == pictured.number(pictured.cost.today.value) == today
    (row,) = [r for r in pictured.models.rows if r.name == LOADED]
    assert row.speed.startswith("118") and "118" in pictured.now.running[0].facts
    assert pictured.number(row.cost) == pictured.number(table(pictured.cost)[LOADED][3])
