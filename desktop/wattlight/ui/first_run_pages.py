"""The pages of the first run: the computer, the server, the price, the start at login."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView, PriceStep, price_left
from wattlight.viewmodels.settings_page import Choice
from wattlight.viewmodels.words import Tone

from .controls import ActionRow, Ask, Form, Pill, ScrollColumn, button, card, combo, fill, line, spaced
from .messages import BusyLines, clear
from .text import plain_label, set_text, show_text
from .theme import Theme


class StepPage(ScrollColumn):
    """One page of the first run."""

    def __init__(self, spacing: int = 12) -> None:
        super().__init__(spacing, (32, 0, 32, 8))

    def render_view(self, view: FirstRunView) -> None:
        """Show the page."""
        raise NotImplementedError

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        """The settings with what was chosen here, or a sentence what is wrong with it."""
        return settings, ""

    def focus_first(self) -> bool:
        """Put the cursor where the person begins; False leaves it to the main button."""
        return False


class LoginPage(StepPage):
    """One box, off unless it is ticked."""

    def __init__(self) -> None:
        super().__init__()
        frame, column = card(8)
        self._box = QCheckBox(tr("Start at login so that the daily cost is complete"))
        self._without = plain_label(
            tr(
                "Without it, Wattlight counts only while it is running; the Cost page shows how much of the "
                "day that was."
            ),
            "quiet",
            True,
        )
        self._cannot = plain_label(tr("Starting at login is not supported on this system."), "quiet", True)
        for part in (self._box, self._without, self._cannot):
            column.addWidget(part)
        self.column.addWidget(frame)
        other, lines = card(8)
        lines.addWidget(plain_label(tr("What leaves this computer"), "name", True))
        for text in (
            tr("Nothing on its own: no account, no telemetry, no update checks."),
            tr(
                "Only when you install or check a model, or install Ollama, is the site it comes from "
                "contacted."
            ),
            tr("Settings > Privacy lists every host that was contacted, and when."),
        ):
            lines.addWidget(plain_label(text, "quiet", True))
        self.column.addWidget(other)
        self.column.addStretch(1)
        self._shown: bool | None = None

    def render_view(self, view: FirstRunView) -> None:
        """Show what the settings say, once."""
        self._box.setVisible(view.autostart_supported)
        self._without.setVisible(view.autostart_supported)
        self._cannot.setVisible(not view.autostart_supported)
        if view.autostart != self._shown:
            self._shown = view.autostart
            self._box.setChecked(view.autostart)

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        """The settings with the tick."""
        if self._box.isHidden():
            return settings, ""
        return replace(settings, start_at_login=self._box.isChecked()), ""

    def focus_first(self) -> bool:
        """The box."""
        self._box.setFocus()
        return True


MOST = 8


class MachineStepPage(StepPage):
    """Label and words, one line for each."""

    def __init__(self) -> None:
        super().__init__()
        frame, column = card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(12)
        grid.setColumnMinimumWidth(0, 120)
        grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, QLabel]] = []
        top = Qt.AlignmentFlag.AlignTop
        for row in range(MOST):
            label, text = plain_label(role="muted"), plain_label(wrap=True)
            grid.addWidget(label, row, 0, top)
            grid.addWidget(text, row, 1, top)
            self._lines.append((label, text))
        column.addLayout(grid)
        self.column.addWidget(frame)
        self.column.addStretch(1)

    def render_view(self, view: FirstRunView) -> None:
        """Show what is known by now."""
        for index, (label, text) in enumerate(self._lines):
            there = index < len(view.facts)
            label.setVisible(there)
            text.setVisible(there)
            if there:
                set_text(label, view.facts[index][0])
                set_text(text, view.facts[index][1])


class PricePage(StepPage):
    """Country, price, currency; filled once, then the person's own."""

    def __init__(self) -> None:
        super().__init__()
        self._filled: PriceStep | None = None
        self._touched = False
        form = Form(tr("What you pay for electricity"))
        self._country: QComboBox = combo(tr("Country"))
        self._price: QLineEdit = line(tr("Price per kWh"), "0.39", 110)
        self._currency: QLineEdit = line(tr("Currency"), "EUR", 70)
        self._note = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        self._error.hide()
        self._country.activated.connect(self._country_chosen)
        self._price.textEdited.connect(self._typed)
        self._currency.textEdited.connect(self._typed)
        form.add(tr("Country"), self._country)
        form.add(tr("Price per kWh"), self._price, self._currency)
        form.add("", self._error)
        form.add("", self._note)
        self.column.addWidget(form.frame)
        unknown = tr("Without a price, Wattlight shows energy in kWh and no cost. You can leave it empty.")
        self.column.addWidget(plain_label(unknown, "quiet", True))
        self.column.addStretch(1)
        self._prices: dict[str, tuple[str, str, str]] = {}

    def know_prices(self, prices: dict[str, tuple[str, str, str]]) -> None:
        """Code to (price, currency, note), for a country that is chosen."""
        self._prices = prices

    def render_view(self, view: FirstRunView) -> None:
        """Fill the fields until the person touches them."""
        page = view.price
        if page is None or page == self._filled or self._touched:
            return
        self._filled = page
        fill(self._country, tuple(Choice(c.value, c.text) for c in page.countries), page.country)
        self._price.setText(page.price)
        self._currency.setText(page.currency)
        set_text(self._note, page.note)

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        """The settings with the price, or what is wrong with it."""
        country = str(self._country.currentData() or "")
        changed, error = price_left(settings, self._price.text(), self._currency.text(), country)
        self._say(error)
        if not error:
            self._touched = False
            self._filled = None
        return changed, error

    def decline(self) -> None:
        """ "I don't know": empty the price."""
        self._touched = True
        self._price.clear()
        self._say("")

    def focus_first(self) -> bool:
        """The price."""
        self._price.setFocus()
        self._price.selectAll()
        return True

    def _typed(self) -> None:
        self._touched = True
        self._say("")

    def _say(self, error: str) -> None:
        show_text(self._error, error)
        self._price.setAccessibleDescription(error)

    def _country_chosen(self) -> None:
        self._touched = True
        price, currency, note = self._prices.get(str(self._country.currentData() or ""), ("", "", ""))
        self._price.setText(price)
        if currency:
            self._currency.setText(currency)
        set_text(self._note, note or self._prices.get("", ("", "", ""))[2])


class ServerPage(StepPage):
    """Title, sentences, commands to copy, progress, buttons, the last lines of a log."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__()
        frame, column = card(8)
        self._title = plain_label(role="name", wrap=True)
        self._text = plain_label(wrap=True)
        self._bad = plain_label(role="bad", wrap=True)
        self._commands = QWidget()
        self._command_column = spaced(QVBoxLayout(self._commands), 6, (0, 4, 0, 4))
        self._shown_commands: tuple[str, ...] = ()
        self._busy = BusyLines(ask)
        self._actions = ActionRow(ask)
        self._log = QPlainTextEdit()
        self._log.setReadOnly(True)
        self._log.setTabChangesFocus(True)
        self._log.setProperty("role", "code")
        self._log.setAccessibleName(tr("The last lines of the server's log"))
        self._log.setMinimumHeight(110)
        self._pill = Pill(theme)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._pill)
        column.addLayout(head)
        for part in (self._text, self._bad, self._commands, self._busy):
            column.addWidget(part)
        column.addSpacing(2)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(frame)
        self.column.addWidget(self._log)
        self.column.addStretch(1)

    def render_view(self, view: FirstRunView) -> None:
        """Show how it stands."""
        page = view.server
        if page is None:
            return
        bad = page.tone is Tone.BAD
        set_text(self._title, page.title)
        self._pill.render_view(page.pill)
        set_text(self._text, "" if bad else page.text)
        set_text(self._bad, page.text if bad else "")
        self._text.setVisible(bool(page.text) and not bad)
        self._bad.setVisible(bool(page.text) and bad)
        if page.commands != self._shown_commands:
            self._show_commands(page.commands)
        self._commands.setVisible(bool(page.commands))
        self._busy.render_view((page.progress,) if page.progress else ())
        self._actions.render_view(page.actions)
        if self._log.toPlainText() != page.log:
            self._log.setPlainText(page.log)
            bar = self._log.verticalScrollBar()
            bar.setValue(bar.maximum())
        self._log.setVisible(bool(page.log))

    def focus_first(self) -> bool:
        """The page's own main button, where it has one."""
        for made in self._actions.findChildren(QPushButton):
            if made.isVisibleTo(self) and made.isEnabled() and made.property("role") == "primary":
                made.setFocus()
                return True
        return False

    def _show_commands(self, commands: tuple[str, ...]) -> None:
        self._shown_commands = commands
        clear(self._command_column)
        for command in commands:
            line = QWidget()
            row = spaced(QHBoxLayout(line), 8)
            text = plain_label(command, "code")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            copy = button(tr("Copy"))
            copy.setAccessibleName(tr("Copy {command}", command=command))
            copy.clicked.connect(lambda _checked=False, c=command: QGuiApplication.clipboard().setText(c))
            row.addWidget(text, 1)
            row.addWidget(copy)
            self._command_column.addWidget(line)
