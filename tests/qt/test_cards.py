"""Cards of single subjects: counting tokens, an API instead, loads compared, measuring a speed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QWidget,
)

from fakes import made_up_day
from wattlight.domain.breakeven import ApiPrice
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import CountingState
from wattlight.services.answers import FitNote, NamedModel, Offer
from wattlight.services.costs import BreakEvenBasis, OwnSide
from wattlight.settings import Settings
from wattlight.ui.dashboard import Dashboard
from wattlight.ui.forms import Form
from wattlight.ui.theme import Theme
from wattlight.viewmodels.scene import Scene

from .grab import settle

pytestmark = pytest.mark.qt


class Shown:
    """A dashboard whose saved settings come back with the next scene, as in the program."""

    def __init__(self, app: QApplication) -> None:
        self.theme = Theme(app, "light")
        self.asked: list[Command] = []
        self.saved: list[Settings] = []
        self.scene = made_up_day.evening()
        self.dashboard = Dashboard(self.theme, self.asked.append, lambda _seen: None, self.save)

    def save(self, settings: Settings) -> None:
        self.saved.append(settings)
        self.show(replace(self.scene, settings=settings))

    def show(self, scene: Scene, page: str = "") -> None:
        self.scene = scene
        self.dashboard.render_scene(scene)
        if page:
            self.dashboard.open_page(page)
            self.dashboard.show()
        settle()

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        """The visible widget with this spoken name or text."""
        for widget in self.dashboard.findChildren(kind):
            text = getattr(widget, "text", lambda: "")()
            if widget.isVisible() and name in {widget.accessibleName(), text}:
                return widget
        raise LookupError(name)

    def texts(self) -> str:
        labels = [w.text() for w in self.dashboard.findChildren(QLabel) if w.isVisible()]
        return "\n".join(text.replace("\u00a0", " ").replace("\u200b", "") for text in labels)

    def close(self) -> None:
        self.dashboard.hide()
        self.dashboard.deleteLater()
        self.theme.close()
        settle()


@pytest.fixture
def shown(qapp: QApplication) -> Iterator[Shown]:
    made = Shown(qapp)
    yield made
    made.close()


def typed(shown: Shown, name: str, text: str) -> None:
    field = shown.find(QLineEdit, name)
    assert isinstance(field, QLineEdit)
    field.setText(text)
    field.editingFinished.emit()
    settle()


def test_the_switch_of_the_relay_is_saved_and_shows_the_ways_to_it(shown: Shown) -> None:
    shown.show(shown.scene, "settings")
    assert "OLLAMA_HOST=" not in shown.texts()
    box = shown.find(QCheckBox, "Count the tokens of other programs")
    assert isinstance(box, QCheckBox)
    assert not box.isChecked()
    box.click()
    assert shown.saved[-1].passthrough_on
    assert "OLLAMA_HOST=127.0.0.1:11435" in shown.texts()
    assert "It is not listening yet." in shown.texts()
    counting = CountingState(True, "http://127.0.0.1:11435", 11435, 3, 0, 40)
    shown.show(replace(shown.scene, state=replace(shown.scene.state, counting=counting)))
    assert "3 requests, 40 output tokens" in shown.texts()
    saves = len(shown.saved)
    box.click()
    assert not shown.saved[-1].passthrough_on
    assert len(shown.saved) == saves + 1


def test_a_port_is_saved_or_explained(shown: Shown) -> None:
    shown.show(shown.scene, "settings")
    typed(shown, "Port", "80")
    assert shown.saved == []
    assert "between 1024 and 65535" in shown.texts()
    typed(shown, "Port", "12345")
    assert shown.saved[-1].passthrough_port == 12345


def test_budget_of_the_month_and_rate_of_the_dollar(shown: Shown) -> None:
    shown.show(shown.scene, "settings")
    typed(shown, "Monthly budget", "12,50")
    assert shown.saved[-1].meter.monthly_budget_micro == 12_500_000
    typed(shown, "Rate of the US dollar", "0.92")
    assert shown.saved[-1].price.dollar_rate == "0.92"
    today = shown.scene.now.astimezone(shown.scene.zone).date()
    assert shown.saved[-1].price.dollar_rate_date == today.isoformat()
    typed(shown, "Rate of the US dollar", "much")
    assert "Type the rate as a number" in shown.texts()
    assert shown.saved[-1].price.dollar_rate == "0.92"


def test_the_comparison_with_an_api_is_worked_out_from_what_is_typed(shown: Shown) -> None:
    row = ApiPrice("f", "Host", "F", "", "EUR", Decimal(2), Decimal(10), None, date(2026, 11, 1), "list")
    own = OwnSide("qwen3:8b", 100.0, 2000.0, 200.0, True)
    basis = BreakEvenBasis((row,), (own,), Decimal("0.40"), "EUR")
    shown.show(shown.scene, "cost")
    assert "Compare with an API" not in shown.texts()
    shown.show(replace(shown.scene, extras=replace(shown.scene.extras, break_even=basis)))
    assert "Still needed: calls a month" in shown.texts()
    for name, text in (("Calls a month", "100000"), ("Tokens in", "1000"), ("Tokens out", "500")):
        typed(shown, name, text)
    assert shown.saved[-1].break_even.calls == "100000"
    assert "Which is cheaper hangs on the price of the hardware" in shown.texts()
    typed(shown, "Hardware price", "0")
    assert "At this use your own hardware is cheaper." in shown.texts()
    assert "€700.00" in shown.texts()
    assert "Privacy and offline use are not in the sum." in shown.texts()
    saves = len(shown.saved)
    typed(shown, "Tokens out", "500")
    assert len(shown.saved) == saves


def test_measuring_is_one_click(shown: Shown) -> None:
    shown.show(shown.scene, "models")
    shown.dashboard.open_page("models", "qwen3:8b")
    settle()
    button = shown.find(QPushButton, "Measure speed")
    assert isinstance(button, QPushButton)
    button.click()
    assert (shown.asked[-1].verb, shown.asked[-1].model) == (Verb.MEASURE, "qwen3:8b")


def test_loads_are_a_section_of_the_machine(shown: Shown) -> None:
    shown.show(shown.scene, "machine")
    assert "Predicted and actual memory" in shown.texts()


def test_a_closed_counter_is_opened_by_a_click_and_closed_at_the_same_place(shown: Shown) -> None:
    shown.show(made_up_day.closed_counter(), "machine")
    button = shown.find(QPushButton, "Let Wattlight read the processor's energy counter")
    assert isinstance(button, QPushButton)
    button.click()
    assert shown.asked[-1] == Command(Verb.ALLOW_ENERGY)
    shown.show(made_up_day.closed_counter(asking=True))
    assert "asks for an administrator's password" in shown.texts() and not button.isVisible()
    shown.show(made_up_day.closed_counter(problem="The question was closed. Nothing was changed."))
    assert "Nothing was changed." in shown.texts() and button.isVisible()
    shown.show(made_up_day.closed_counter(closed=False, opened_for="anna"))
    undo = shown.find(QPushButton, "Close it again")
    assert isinstance(undo, QPushButton)
    undo.click()
    assert shown.asked[-1] == Command(Verb.FORBID_ENERGY)
    shown.show(made_up_day.evening())
    assert "The processor's energy counter" not in shown.texts()


def test_where_nothing_asks_for_a_password_the_commands_can_be_copied(shown: Shown) -> None:
    scene = made_up_day.closed_counter(by_click=False)
    shown.show(scene, "machine")
    command = scene.state.energy_access.commands[1]
    copy = shown.find(QPushButton, f"Copy {command}")
    assert isinstance(copy, QPushButton)
    copy.click()
    assert QApplication.clipboard().text() == command


def test_who_draws_it_is_on_the_machines_page(shown: Shown) -> None:
    shown.show(shown.scene, "machine")
    texts = shown.texts()
    assert "models (ollama)" in texts
    assert "steam_game" in texts  # little now, much today
    assert "measured parts together\n52 W" in texts
    host = replace(shown.scene.host, programs=None)
    shown.show(replace(shown.scene, state=replace(shown.scene.state, hosts=(host,))), "machine")
    assert "models (ollama)" not in shown.texts()


@pytest.mark.parametrize("page", ["settings", "cost", "machine"])
def test_the_cards_fit_the_smallest_window(shown: Shown, page: str) -> None:
    long_name = "namespace/a-model-with-a-very-long-name-indeed:70b-instruct-q4_K_M"
    row = ApiPrice(
        "f", "A provider of long names", "A model of a long name", "", "EUR", Decimal(2), Decimal(10), None,
        date(2026, 11, 1), "list",
    )  # fmt: skip
    basis = BreakEvenBasis((row,), (OwnSide(long_name, 100.0),), Decimal("0.40"), "EUR")
    scene = replace(
        shown.scene,
        extras=replace(shown.scene.extras, break_even=basis),
        settings=replace(shown.scene.settings, passthrough_on=True),
    )
    shown.show(scene, page)
    shown.dashboard.resize(shown.dashboard.minimumSize())
    settle()
    inner = shown.dashboard._pages[page].widget()
    assert inner.minimumSizeHint().width() <= shown.dashboard._pages[page].viewport().width()


def test_a_typed_model_is_judged_in_the_background_and_looked_up_on_enter(shown: Shown) -> None:
    shown.show(shown.scene, "models")
    field = shown.find(QLineEdit, "Search or name")
    assert isinstance(field, QLineEdit)
    field.setText("llama3.1:70b")
    settle()
    shown.show(shown.scene)
    assert shown.asked == [Command(Verb.JUDGE, "llama3.1:70b")]
    assert not shown.find(QPushButton, "Install").isEnabled()
    note = FitNote("llama3.1:70b", "partial_gpu", 43, 81, reasons=("43 of 81 layers fit on the card.",))
    known = NamedModel(Offer("llama3.1:70b", note, 42_500_000_000))
    shown.show(replace(shown.scene, extras=replace(shown.scene.extras, named=known)))
    assert "43 of 81 layers fit on the card." in shown.texts()
    assert shown.find(QPushButton, "Install 42.5 GB").isEnabled()
    field.returnPressed.emit()
    settle()
    assert shown.asked[1:] == [Command(Verb.LOOK_UP, "llama3.1:70b")]
    assert not shown.find(QPushButton, "Install 42.5 GB").isEnabled()
    sure = replace(known, asked=True)
    shown.show(replace(shown.scene, extras=replace(shown.scene.extras, named=sure)))
    assert shown.find(QPushButton, "Install 42.5 GB").isEnabled()


def test_models_that_do_not_fit_are_shown_on_request(shown: Shown) -> None:
    shown.show(shown.scene, "models")
    box = shown.find(QCheckBox, "Show 2 models that do not fit")
    assert isinstance(box, QCheckBox)
    box.click()
    settle()
    page = shown.dashboard.findChild(QTableView, "")
    assert page is not None
    names = [page.model().index(row, 0).data() for row in range(page.model().rowCount())]
    assert any("qwen3:32b-fp16" in str(name) for name in names)


def test_settings_are_found_by_what_they_say(qapp: QApplication) -> None:
    shown = Shown(qapp)
    shown.show(made_up_day.evening(), "settings")
    shown.dashboard.activateWindow()
    QTest.keyClick(shown.dashboard, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = shown.find(QLineEdit, "Search settings")
    assert isinstance(field, QLineEdit)

    def cards() -> int:
        return sum(1 for form in shown.dashboard.findChildren(Form) if form.isVisible())

    everything = cards()
    for words, said in (("budget", "Budget"), ("PRICE kwh", "Price per kWh"), ("dark", "Appearance")):
        field.setText(words)  # of a choice, what can be chosen is found too
        settle()
        assert 0 < cards() < everything and said in shown.texts()
    field.setText("no such thing")
    settle()
    assert cards() == 0 and "No setting says that" in shown.texts()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    settle()
    assert shown.dashboard.isVisible() and cards() == everything


def test_figures_are_copied_as_text(qapp: QApplication) -> None:
    shown = Shown(qapp)
    shown.show(made_up_day.evening(), "cost")
    shown.dashboard.activateWindow()
    QGuiApplication.clipboard().clear()
    QTest.keyClick(shown.dashboard, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0].startswith("Models today: €0.20.") and "0.51 kWh" in lines[0]
    assert any(line.split("\t")[:3] == ["qwen3:8b", "4.97 kWh", "€1.94"] for line in lines)
    shown.show(made_up_day.evening(), "settings")
    field = shown.find(QLineEdit, "Price per kWh")
    assert isinstance(field, QLineEdit)
    field.setText("1234")
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "1234", "a field copies what is marked in it"


def test_the_list_of_models_is_sorted_by_a_choice_or_a_heading(qapp: QApplication) -> None:
    shown = Shown(qapp)
    shown.show(made_up_day.evening(), "models")
    table = shown.find(QTableView, "Models")
    order = shown.find(QComboBox, "Order of the list")
    assert isinstance(table, QTableView) and isinstance(order, QComboBox)

    def names() -> list[list[str]]:
        """The models below each heading."""
        found: list[list[str]] = []
        for row in range(table.model().rowCount()):
            index = table.model().index(row, 0)
            if index.flags() is Qt.ItemFlag.NoItemFlags:
                found.append([])
            else:
                found[-1].append(index.data())
        return found

    advised = names()
    order.setCurrentIndex(order.findData("name"))
    assert names() == [sorted(part) for part in advised] != advised
    order.setCurrentIndex(order.findData("size"))
    assert names()[0] == ["qwen3:8b", "qwen3.5:9b", "gpt-oss:20b", "llama3.3:70b"]
    table.horizontalHeader().sectionClicked.emit(3)
    assert order.currentData() == "speed"
    assert names()[0] == ["gpt-oss:20b", "qwen3:8b", "qwen3.5:9b", "llama3.3:70b"]
    table.horizontalHeader().sectionClicked.emit(3)
    assert names() == advised
