"""The page Settings: saved as soon as a field is left, and said so."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QLabel, QVBoxLayout, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import as_typed, tr
from wattlight.settings import Settings
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.server_setup import ServerCopyView, server_copy_view
from wattlight.viewmodels.settings_page import (
    CountingView,
    SettingsView,
    counting_view,
    country_price,
    price_note,
    settings_view,
    understood_budget,
    understood_port,
    understood_price,
    understood_rate,
)

from .controls import ActionRow, Ask, Form, button, combo, fill, line, spaced, type_into
from .messages import BusyLines
from .text import plain_label, set_text, show_text
from .theme import Theme
from .window import Page


class CountingCard:
    """``frame`` goes into a layout; ``save`` gets whole new settings."""

    def __init__(self, save: Callable[[Settings], None]) -> None:
        self._save = save
        self._scene: Scene | None = None
        self._shown: CountingView | None = None
        self._filling = False
        form = Form(tr("Tokens"))
        self.frame = form.frame
        self._on = QCheckBox(tr("Count the tokens of other programs"))
        self._on.toggled.connect(self._turned)
        self._port = line(tr("Port"), "11435", 110)
        self._port.editingFinished.connect(self._port_typed)
        self._about = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        self._stand = plain_label(role="quiet", wrap=True)
        form.add("", self._on)
        form.add("", self._about)
        form.add(tr("Port"), self._port)
        form.add("", self._error)
        self._ways: list[tuple[QLabel, QLabel]] = []
        for _ in range(3):
            who, where = plain_label(role="quiet"), plain_label()
            where.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            where.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            self._ways.append((who, where))
            form.add_pair(who, where)
        form.add("", self._stand)
        self._error.hide()

    def render_scene(self, scene: Scene) -> None:
        """Show the switch as the settings have it, and how the relay stands."""
        self._scene = scene
        view = counting_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self._filling = True
        self._on.setChecked(view.on)
        type_into(self._port, view.port)
        set_text(self._about, view.about)
        for index, (who, where) in enumerate(self._ways):
            shown = index < len(view.ways)
            who.setVisible(shown)
            where.setVisible(shown)
            if shown:
                set_text(who, view.ways[index][0])
                set_text(where, view.ways[index][1])
        show_text(self._stand, view.stand)
        self._filling = False

    def _turned(self, on: bool) -> None:
        if not self._filling and self._scene is not None:
            self._save(replace(self._scene.settings, passthrough_on=on))

    def _port_typed(self) -> None:
        if self._filling or self._scene is None:
            return
        port, error = understood_port(self._port.text())
        show_text(self._error, error)
        if port is not None and port != self._scene.settings.passthrough_port:
            self._save(replace(self._scene.settings, passthrough_port=port))


class ServerCopyRows(QWidget):
    """Some lines of a card."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._shown: ServerCopyView | None = None
        column = spaced(QVBoxLayout(self), 6)
        self._title = plain_label(wrap=True)
        self._problem = plain_label(role="bad", wrap=True)
        self._note = plain_label(role="quiet", wrap=True)
        self._progress = BusyLines(ask)
        self._actions = ActionRow(ask)
        for label in (self._title, self._problem, self._note):
            column.addWidget(label)
        column.addWidget(self._progress)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_scene(self, scene: Scene) -> None:
        """Show how the copy stands."""
        view = server_copy_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        for label, text in ((self._problem, view.problem), (self._note, view.note)):
            show_text(label, text)
        self._progress.render_view(() if view.progress is None else (view.progress,))
        self._actions.render_view(view.actions)


Save = Callable[[Settings], None]


class SettingsPage(Page):
    """Price, meter, models, window. ``save`` gets whole new settings."""

    def __init__(self, _theme: Theme, ask: Ask, save: Save) -> None:
        super().__init__(ask)
        self._ask, self._save = ask, save
        self._scene: Scene | None = None
        self._view: SettingsView | None = None
        self._filling = False
        self.column.setContentsMargins(24, 18, 24, 16)
        self.column.setSpacing(12)
        self.column.addWidget(plain_label(tr("Settings"), "page"))
        self.column.addWidget(self._price_card())
        self.column.addWidget(self._models_card())
        self._counting = CountingCard(self._save_now)
        self.column.addWidget(self._counting.frame)
        self.column.addWidget(self._window_card())
        self.column.addStretch(1)

    def render_scene(self, scene: Scene) -> None:
        """Show the settings in force; a field that is being typed into is left alone."""
        self._scene = scene
        view = settings_view(scene)
        self.show_notices(view.notices)
        self._counting.render_scene(scene)
        self._server_copy.render_scene(scene)
        if view == self._view and self._start_server.isChecked() == scene.settings.start_server:
            return
        self._view = view
        self._filling = True
        fill(self._country, view.countries, view.country)
        type_into(self._price, view.price)
        type_into(self._currency, view.currency)
        set_text(self._price_note, view.price_note)
        type_into(self._budget, view.daily_budget)
        type_into(self._month_budget, view.monthly_budget)
        type_into(self._rate, view.dollar_rate)
        type_into(self._rate_day, view.dollar_rate_date)
        fill(self._context, view.contexts, view.context)
        fill(self._keep, view.keep_alives, view.keep_alive)
        type_into(self._url, view.server_url)
        fill(self._themes, view.themes, view.theme)
        self._start_server.setChecked(scene.settings.start_server)
        self._autostart.setChecked(view.autostart)
        self._autostart.setVisible(view.autostart_supported)
        self._pause.setChecked(view.paused)
        self._unknown.setVisible(not view.price)
        version = tr("Wattlight {version}", version=view.version) if view.version else tr("Wattlight")
        set_text(self._version, version)
        self._filling = False

    def ask_price(self) -> None:
        """Put the cursor into the price."""
        self._country.setFocus()
        self.ensureWidgetVisible(self._price)

    def _price_card(self) -> QFrame:
        form = Form(tr("Electricity price"))
        self._country = combo(tr("Country"))
        self._country.currentIndexChanged.connect(self._country_chosen)
        self._price = line(tr("Price per kWh"), "0.39", 110)
        self._currency = line(tr("Currency"), "EUR", 70)
        self._set = button(tr("Save price"), "primary")
        self._set.clicked.connect(self._price_saved)
        self._price.returnPressed.connect(self._price_saved)
        self._unknown = button(tr("I don't know"))
        self._unknown.clicked.connect(lambda: self._ask(Command(Verb.DECLINE_PRICE)))
        self._price_note = plain_label(role="quiet", wrap=True)
        self._price_error = plain_label(role="bad", wrap=True)
        self._price_error.hide()
        self._budget = line(tr("Daily budget"), tr("none"), 110)
        self._budget.editingFinished.connect(lambda: self._budget_typed(False))
        self._month_budget = line(tr("Monthly budget"), tr("none"), 110)
        self._month_budget.editingFinished.connect(lambda: self._budget_typed(True))
        self._rate = line(tr("Rate of the US dollar"), tr("none"), 110)
        self._rate.editingFinished.connect(self._rate_typed)
        self._rate_day = line(tr("Day of the rate"), "2026-11-24", 110)
        self._rate_day.editingFinished.connect(self._rate_typed)
        form.add(tr("Country"), self._country)
        form.add(tr("Price per kWh"), self._price, self._currency, self._set, self._unknown)
        form.add("", self._price_error)
        form.add("", self._price_note)
        a_month = plain_label(tr("a month"))
        form.add(tr("Budget"), self._budget, plain_label(tr("a day")), self._month_budget, a_month)
        form.add(tr("One US dollar"), self._rate, plain_label(tr("as of")), self._rate_day)
        form.add("", plain_label(tr("API prices are in US dollars; your rate converts them."), "quiet", True))
        return form.frame

    def _models_card(self) -> QFrame:
        form = Form(tr("Models"))
        self._context = combo(tr("Context length"))
        self._context.currentIndexChanged.connect(
            lambda: self._changed(context_length=int(self._context.currentData() or 0))
        )
        self._keep = combo(tr("Keep loaded after the last answer"))
        self._keep.currentIndexChanged.connect(
            lambda: self._changed(keep_alive=str(self._keep.currentData()))
        )
        self._url = line(tr("Address of the model server"), "http://127.0.0.1:11434", 260)
        self._url.editingFinished.connect(self._url_typed)
        form.add(tr("Context length"), self._context)
        form.add(tr("Keep loaded for"), self._keep)
        form.add(tr("Ollama's address"), self._url)
        note = tr("Leave empty for the default address on this computer, or OLLAMA_HOST.")
        form.add("", plain_label(note, "quiet", True))
        self._start_server = QCheckBox(tr("Start Ollama with Wattlight if it is not running"))
        self._start_server.toggled.connect(lambda on: self._changed(start_server=on))
        form.add("", self._start_server)
        self._server_copy = ServerCopyRows(self._ask)
        form.add("", self._server_copy)
        return form.frame

    def _window_card(self) -> QFrame:
        form = Form(tr("Wattlight"))
        self._themes = combo(tr("Appearance"))
        self._themes.currentIndexChanged.connect(lambda: self._changed(theme=str(self._themes.currentData())))
        self._autostart = QCheckBox(tr("Start at login so that the daily cost is complete"))
        self._autostart.toggled.connect(lambda on: self._changed(start_at_login=on))
        self._pause = QCheckBox(tr("Pause metering; paused time is not counted"))
        self._pause.toggled.connect(self._pause_turned)
        self._version = plain_label(role="quiet")
        leave = button(tr("Quit Wattlight"))
        leave.clicked.connect(lambda: self._ask(Command(Verb.QUIT)))
        form.add(tr("Appearance"), self._themes)
        form.add("", self._autostart)
        form.add("", self._pause)
        privacy = button(tr("Privacy…"))
        privacy.clicked.connect(lambda: self._ask(Command(Verb.OPEN_PRIVACY)))
        again = button(tr("Set up again…"))
        again.clicked.connect(lambda: self._ask(Command(Verb.SET_UP)))
        form.add(tr("More"), privacy, again)
        form.add(tr("Stop measuring"), leave, self._version)
        return form.frame

    def _changed(self, **values: object) -> None:
        if self._filling or self._scene is None:
            return
        settings = replace(self._scene.settings, **values)  # type: ignore[arg-type]
        if settings != self._scene.settings:
            self._save(settings)

    def _country_chosen(self) -> None:
        if self._filling or self._scene is None:
            return
        code = str(self._country.currentData() or "")
        country = country_price(self._scene, code)
        set_text(self._price_note, price_note(self._scene, code))
        if country is not None:
            self._price.setText(as_typed(country.per_kwh))
            self._currency.setText(country.currency)

    def _price_saved(self) -> None:
        if self._scene is None:
            return
        settings = self._scene.settings
        entry = understood_price(
            self._price.text(), self._currency.text(), str(self._country.currentData() or ""), settings.price
        )
        show_text(self._price_error, entry.error)
        if not entry.error:
            self._save(replace(settings, price=entry.price))

    def _save_now(self, settings: Settings) -> None:
        if not self._filling:
            self._save(settings)

    def _budget_typed(self, monthly: bool) -> None:
        if self._scene is None or self._filling:
            return
        text = (self._month_budget if monthly else self._budget).text()
        self._understood(*understood_budget(text, self._scene.settings, monthly))

    def _rate_typed(self) -> None:
        if self._scene is None or self._filling:
            return
        today = self._scene.now.astimezone(self._scene.zone).date()
        self._understood(
            *understood_rate(self._rate.text(), self._rate_day.text(), self._scene.settings, today)
        )

    def _understood(self, settings: Settings, error: str) -> None:
        show_text(self._price_error, error)
        if not error and self._scene is not None and settings != self._scene.settings:
            self._save(settings)

    def _url_typed(self) -> None:
        if self._scene is None or self._filling:
            return
        first, *rest = self._scene.settings.servers
        url = self._url.text().strip() or None
        if url != first.url:
            self._changed(servers=(replace(first, url=url), *rest))

    def _pause_turned(self, on: bool) -> None:
        if not self._filling:
            self._ask(Command(Verb.PAUSE if on else Verb.RESUME))
