"""Every number in the pictures of the README follows from the trace: the texts that are drawn, beside what
``wattlight replay`` makes of the same trace, and beside a second, plain way of counting.
"""

import hashlib
import io
import json
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

from data import month_trace, november
from fakes.november_day import LOADED, TARIFF_FILE, Evening, evening
from wattlight.cli.main import run
from wattlight.domain.command import Command, Verb
from wattlight.i18n import activate, kwh, money
from wattlight.services.factory import ServiceFactory
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.small_window import small_window_view
from wattlight.viewmodels.tray import headline

pytestmark = [pytest.mark.qt, pytest.mark.timeout(180)]

PICTURES = Path(__file__).resolve().parents[2] / "desktop" / "pictures"
COUNTER_ERROR = 0.1
MOST_BYTES = 200_000
NAMES = {
    "now-light",
    "now-dark",
    "models-light",
    "cost-light",
    "cost-dark",
    "machine-dark",
    "small-light",
    "small-dark",
    "menu",
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """The evening of the pictures, recorded once."""
    activate("en")
    return evening(tmp_path_factory.mktemp("november"))


def replayed(folder: Path, trace: str, by: str) -> dict[str, Any]:
    """What the command line answers."""
    file = folder / "trace.csv"
    file.write_text(trace, encoding="utf-8")
    said = io.StringIO()
    asked = ["replay", str(file), "--tariff", str(TARIFF_FILE), "--by", by, "--json"]
    assert run(asked, ServiceFactory({"WATTLIGHT_HOME": str(folder)}), said) == 0
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


def lines(answer: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """(energy, money) of each line."""
    return {line["key"]: (line["energy_mj"], line["cost_micro"]) for line in answer["breakdown"]}


def of_today(trace: str) -> str:
    """The rows of the last day; the computer was off at midnight, so that no interval is cut."""
    heading, *rows = trace.splitlines()
    return "\n".join([heading, *(row for row in rows if row.startswith("2026-11-23T"))]) + "\n"


def models(answer: dict[str, Any]) -> tuple[int, int]:
    """Energy and money of all models together."""
    mine = [value for key, value in lines(answer).items() if key != "base"]
    return sum(e for e, _ in mine), sum(c for _, c in mine)


def shown(figure: Any) -> str:
    """A figure as it is drawn."""
    return f"{figure.before}{figure.value}{figure.after}"


def test_the_trace_is_the_one_the_pictures_were_drawn_from() -> None:
    assert hashlib.sha256(november.trace().encode()).hexdigest() == TRACE_SHA256


def test_today_and_the_month_are_what_replay_says(drawn: Evening, tmp_path: Path) -> None:
    month, today = (
        replayed(tmp_path, drawn.trace, "model"),
        replayed(tmp_path, of_today(drawn.trace), "model"),
    )
    view, now, small = cost_view(drawn.scene), now_view(drawn.scene), small_window_view(drawn.scene)
    for figure in (view.today, now.today, small.cost):
        assert shown(figure) == money(models(today)[1], "EUR", COUNTER_ERROR)
        assert figure.note.startswith(kwh(models(today)[0]))
    for figure in (view.month, now.month):
        assert shown(figure) == money(models(month)[1], "EUR", COUNTER_ERROR)
    rest = today["cost_micro"] - models(today)[1]
    assert now.today.note.endswith(money(rest, "EUR", COUNTER_ERROR))
    assert drawn.scene.host.today is not None
    assert drawn.scene.host.today.observed_s == today["observed_s"]
    assert money(models(today)[1], "EUR", COUNTER_ERROR) in headline(drawn.scene)


def test_the_table_is_what_replay_says(drawn: Evening, tmp_path: Path) -> None:
    month = lines(replayed(tmp_path, drawn.trace, "model"))
    table = {row[0]: row[1:] for row in cost_view(drawn.scene).table.rows}
    for model in (november.QWEN, november.GPT):
        energy, cost = month[model]
        assert table[model][:2] == (kwh(energy), money(cost, "EUR", COUNTER_ERROR))
    energy, cost = month["base"]
    assert table["computer without models, measured parts"][:2] == (
        kwh(energy),
        money(cost, "EUR", COUNTER_ERROR),
    )


def test_each_bar_is_what_replay_says_of_the_day(drawn: Evening, tmp_path: Path) -> None:
    days = lines(replayed(tmp_path, drawn.trace, "day"))
    costs = drawn.scene.extras.costs
    assert costs is not None
    known = {d.day.isoformat(): d for d in costs.days}
    assert set(known) == set(days)
    for key, day in known.items():
        assert day.working.energy_mj + day.parked.energy_mj + day.computer.energy_mj == days[key][0]
        parts = sum(part.cost_micro or 0 for part in (day.working, day.parked, day.computer))
        assert abs(parts - days[key][1]) <= 2, "three sums, each rounded once"
    top = 0.4
    for bar, key in zip(cost_view(drawn.scene).days.bars, sorted(known), strict=False):
        day = known[key]
        assert bar.working * top == pytest.approx((day.working.cost_micro or 0) / 1e6, abs=1e-9)
        assert bar.parked * top == pytest.approx((day.parked.cost_micro or 0) / 1e6, abs=1e-9)


def test_idle_and_price_per_token_by_plain_counting(drawn: Evening) -> None:
    plain = count(drawn.trace)
    month = drawn.scene.host.month
    assert month is not None
    assert month.parked.energy_mj == plain.parked_mj
    assert month.parked.cost_micro == pytest.approx(float(plain.parked_micro), abs=1)
    assert shown(cost_view(drawn.scene).idle) == money(round(plain.parked_micro), "EUR", COUNTER_ERROR)
    costs = drawn.scene.extras.costs
    assert costs is not None
    months = {m.model: m.tokens for m in costs.models}
    for model, tokens in plain.tokens.items():
        assert months[model].output_tokens == tokens
        whole, working = months[model].whole, months[model].working
        assert whole is not None and working is not None
        assert whole.cost_micro == pytest.approx(float(plain.money[model] / tokens * 1_000_000), abs=2)
        assert working.cost_micro == pytest.approx(float(plain.working[model] / tokens * 1_000_000), abs=2)


def test_the_power_is_the_last_row(drawn: Evening) -> None:
    last = [row.split(",") for row in drawn.trace.splitlines()[-2:]]
    assert {row[1] for row in last} == {november.GPU, november.CPU}
    watts = sum(float(row[2]) for row in last)
    for figure in (now_view(drawn.scene).power, small_window_view(drawn.scene).power):
        assert shown(figure) == f"{watts:.0f}W"
    chart = now_view(drawn.scene).chart
    rows = [row for row in drawn.trace.splitlines()[1:] if fine(row)]
    assert sum(len(run.xs) for run in chart.runs) == len(rows) / 2
    assert chart.gaps == ()


def test_the_speed_that_is_shown_as_measured_is_in_the_trace(drawn: Evening) -> None:
    running = now_view(drawn.scene).running[0]
    assert running.name == LOADED
    assert "118 tokens/s measured" in running.facts
    assert running.unload.command == Command(Verb.UNLOAD, LOADED)


def test_the_pictures_are_there_and_small() -> None:
    files = {file.stem: file for file in PICTURES.glob("*.png")}
    assert set(files) == NAMES
    assert all(file.stat().st_size <= MOST_BYTES for file in files.values())
    for name, file in files.items():
        assert QImage(str(file)).text("Source") == TRACE_SHA256, f"{name} shows another trace: draw it anew"


class Plain:
    """What the rows of the card amount to, row by row, with exact fractions."""

    def __init__(self) -> None:
        self.parked_mj = 0
        self.parked_micro = Fraction(0)
        self.tokens: dict[str, int] = {}
        self.money: dict[str, Fraction] = {}
        self.working: dict[str, Fraction] = {}


def count(trace: str) -> Plain:
    """Add up the card. Its rows stand at whole minutes, or two seconds apart, so none crosses a price."""
    tariff = json.loads(TARIFF_FILE.read_text(encoding="utf-8"))
    plain = Plain()
    rows = [row.split(",") for row in trace.splitlines()[1:] if f",{november.GPU}," in row]
    for before, row in pairwise(rows):
        model, energy, tokens = before[4], int(row[3]) - int(before[3]), int(row[5] or 0)
        if not model or energy < 0:
            continue
        at = moment(before[0])
        price = month_trace.price_of(at.astimezone(november.ZONE), tariff)
        assert price is not None
        micro = energy * price / 3600
        plain.money[model] = plain.money.get(model, Fraction(0)) + micro
        if tokens:
            plain.tokens[model] = plain.tokens.get(model, 0) + tokens
            plain.working[model] = plain.working.get(model, Fraction(0)) + micro
        else:
            plain.parked_mj += energy
            plain.parked_micro += micro
    return plain


def moment(stamp: str) -> datetime:
    """The time of a row."""
    return datetime.fromisoformat(stamp)


def fine(row: str) -> bool:
    """Whether a row lies in the last ten minutes."""
    return moment(row.partition(",")[0]) >= november.NOW - timedelta(seconds=november.FINE_S)


TRACE_SHA256 = "e3bf5475173638cbadf06b8357528909b362702a3337df2de99c74b81c0995f3"
