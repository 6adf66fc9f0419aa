"""The pages of the first run: the computer, the server, the price, the start at login."""

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
)

from wattlight.i18n import as_typed, tr
from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView, PriceStep, price_left
from wattlight.viewmodels.words import Tone

from .controls import REST, ActionButton, ActionRow, Ask, Card, Pill, put
from .energy_access import CommandLines, EnergyAccessCard
from .flow import TickBox
from .forms import Form, combo, fill, line
from .messages import BusyLines
from .text import plain_label, read_only_text, set_text, show_text
from .theme import Theme
from .window import ScrollColumn


class StepPage(ScrollColumn):
    def __init__(self, spacing: int = 12) -> None:
        super().__init__(spacing, (32, 0, 32, 8))

    def render_view(self, view: FirstRunView) -> None:
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
        self._box = TickBox(tr("Start at login so that the daily cost is complete"))
        self._without = plain_label(
            tr(
                "Without it, Wattlight counts only while it is running; the Cost page shows how much of the "
                "day that was."
            ),
            "quiet",
            True,
        )
        self._cannot = plain_label(tr("Starting at login is not supported on this system."), "quiet", True)
        start = Card(spacing=8)
        put(start.column, self._box, self._without, self._cannot)
        leaves = Card(spacing=8)
        leaves.column.addWidget(plain_label(tr("What leaves this computer"), "name", True))
        for text in (
            tr("Nothing on its own: no account, no telemetry, no update check unless you switch it on."),
            tr(
                "Only when you install or check a model, or install Ollama, is the site it comes from "
                "contacted."
            ),
            tr("Settings > Privacy lists every host that was contacted, and when."),
        ):
            leaves.column.addWidget(plain_label(text, "quiet", True))
        put(self.column, start, leaves, REST)
        self._shown: bool | None = None

    def render_view(self, view: FirstRunView) -> None:
        self._box.setVisible(view.autostart_supported)
        self._without.setVisible(view.autostart_supported)
        self._cannot.setVisible(not view.autostart_supported)
        if view.autostart != self._shown:
            self._shown = view.autostart
            self._box.setChecked(view.autostart)

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        if self._box.isHidden():
            return settings, ""
        return replace(settings, start_at_login=self._box.isChecked()), ""

    def focus_first(self) -> bool:
        self._box.setFocus()
        return True


MOST = 8


class MachineStepPage(StepPage):
    """Label and words, one line for each; and the way to a counter that is closed."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__()
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
        card = Card()
        card.column.addLayout(grid)
        self._energy = EnergyAccessCard(theme, ask)
        self._better = ActionButton(ask)
        put(self.column, card, self._energy)
        self.column.addWidget(self._better, 0, Qt.AlignmentFlag.AlignLeft)
        put(self.column, REST)

    def render_view(self, view: FirstRunView) -> None:
        self._energy.render_view(view.energy)
        self._better.render_view(view.better)
        for index, (label, text) in enumerate(self._lines):
            what, said = view.facts[index] if index < len(view.facts) else ("", "")
            show_text(label, what)
            show_text(text, said)


class PricePage(StepPage):
    """Country, price, currency; filled once, then the person's own."""

    def __init__(self) -> None:
        super().__init__()
        self._filled: PriceStep | None = None
        self._touched = False
        self._prices: Mapping[str, tuple[str, str, str]]
        form = Form(tr("What you pay for electricity"))
        self._country = combo(tr("Country"))
        self._price = line(tr("Price per kWh"), as_typed("0.39"), 110)
        self._currency = line(tr("Currency"), "EUR", 70)
        self._country.activated.connect(self._country_chosen)
        self._price.textEdited.connect(self._typed)
        self._currency.textEdited.connect(self._typed)
        form.add(tr("Country"), self._country)
        form.add(tr("Price per kWh"), self._price, self._currency)
        self._error = form.add_error()
        self._note = form.add_note("")
        unknown = tr("Without a price, Wattlight shows energy in kWh and no cost. You can leave it empty.")
        put(self.column, form, plain_label(unknown, "quiet", True), REST)

    def render_view(self, view: FirstRunView) -> None:
        """Fill the fields until the person touches them."""
        page = view.price
        if page is None:
            return
        self._prices = page.prices
        if page == self._filled or self._touched:
            return
        self._filled = page
        fill(self._country, page.countries, page.country)
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
        price, currency, note = self._prices[str(self._country.currentData() or "")]
        self._price.setText(price)
        if currency:
            self._currency.setText(currency)
        set_text(self._note, note)


class ServerPage(StepPage):
    """Title, sentences, commands to copy, progress, buttons, the last lines of a log."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__()
        self._title = plain_label(role="name", wrap=True)
        self._pill = Pill(theme)
        self._text = plain_label(wrap=True)
        self._bad = plain_label(role="bad", wrap=True)
        self._commands = CommandLines()
        self._busy = BusyLines(ask)
        self._actions = ActionRow(ask)
        self._log = read_only_text("code", tr("The last lines of the server's log"), 110)
        card = Card(spacing=8)
        head = put(QHBoxLayout(), (self._title, 1), self._pill)
        put(card.column, head, self._text, self._bad, self._commands, self._busy, 2)
        card.column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        put(self.column, card, self._log, REST)

    def render_view(self, view: FirstRunView) -> None:
        page = view.server
        if page is None:
            return
        bad = page.tone is Tone.BAD
        set_text(self._title, page.title)
        self._pill.render_view(page.pill)
        show_text(self._text, "" if bad else page.text)
        show_text(self._bad, page.text if bad else "")
        self._commands.render_view(page.commands)
        self._busy.render_view((page.progress,) if page.progress else ())
        self._actions.render_view(page.actions)
        if self._log.toPlainText() != page.log:
            self._log.setPlainText(page.log)
            bar = self._log.verticalScrollBar()
            bar.setValue(bar.maximum())
        self._log.setVisible(bool(page.log))

    def focus_first(self) -> bool:
        for made in self._actions.findChildren(QPushButton):
            if made.isVisibleTo(self) and made.isEnabled() and made.property("role") == "primary":
                made.setFocus()
                return True
        return False
