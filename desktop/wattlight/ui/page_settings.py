"""The page Settings: saved as soon as a field is left, and said so."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

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
    notification_texts,
    price_note,
    rule_texts,
    settings_view,
    understood_budget,
    understood_carbon,
    understood_port,
    understood_price,
    understood_rate,
)

from .controls import REST, ActionRow, Ask, button, put, spaced
from .downloads_card import DownloadsCard
from .far_meter_card import FarMeterCard
from .feed_card import FeedCard
from .flow import TickBox, flow
from .forms import Form, combo, fill, line, tick, type_into
from .hosts_card import HostsCard
from .messages import BusyLines
from .plug_card import PlugCard
from .publish_card import PublishCard
from .settings_search import SettingsSearch
from .text import plain_label, selectable, set_text, show_text
from .update_card import UpdateCard
from .variables_card import VariablesCard
from .window import Page

Save = Callable[[Settings], None]


class CountingCard(Form):
    """Counting the tokens of other programs. ``save`` gets whole new settings."""

    def __init__(self, save: Save) -> None:
        super().__init__(tr("Tokens"))
        self._save = save
        self._scene: Scene
        self._shown: CountingView | None = None
        self._on = TickBox(tr("Count the tokens of other programs"))
        self._on.toggled.connect(self._turned)
        self._port = line(tr("Port"), "11435", 110)
        self._port.editingFinished.connect(self._port_typed)
        self._stand = plain_label(role="quiet", wrap=True)
        self.add("", self._on)
        self._about = self.add_note("")
        self.add(tr("Port"), self._port)
        self._error = self.add_error()
        self._ways: list[tuple[QLabel, QLabel]] = []
        for _ in range(3):
            who, where = plain_label(role="quiet"), plain_label()
            selectable(where)
            where.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            self._ways.append((who, where))
            self.add_pair(who, where)
        self.add("", self._stand)

    def render_scene(self, scene: Scene) -> None:
        """Show the switch as the settings have it, and how the relay stands."""
        self._scene = scene
        view = counting_view(scene)
        if view == self._shown:
            return
        self._shown = view
        tick(self._on, view.on)
        type_into(self._port, view.port)
        set_text(self._about, view.about)
        for index, (who, where) in enumerate(self._ways):
            client, address = view.ways[index] if index < len(view.ways) else ("", "")
            show_text(who, client)
            show_text(where, address)
        show_text(self._stand, view.stand)

    def _turned(self, on: bool) -> None:
        self._save(replace(self._scene.settings, passthrough_on=on))

    def _port_typed(self) -> None:
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
        put(column, self._title, self._problem, self._note, self._progress)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_scene(self, scene: Scene) -> None:
        view = server_copy_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        show_text(self._problem, view.problem)
        show_text(self._note, view.note)
        self._progress.render_view(() if view.progress is None else (view.progress,))
        self._actions.render_view(view.actions)


class SettingsPage(Page):
    """Price, meter, models, window. ``save`` gets whole new settings."""

    def __init__(self, ask: Ask, save: Save) -> None:
        super().__init__(ask)
        self._ask, self._save = ask, save
        self._scene: Scene
        self._view: SettingsView | None = None
        self.column.setContentsMargins(24, 18, 24, 16)
        self.column.setSpacing(12)
        self._counting = CountingCard(save)
        self._search = SettingsSearch()
        head = flow(plain_label(tr("Settings"), "page"), REST, self._search)
        put(self.column, head, self._search.none, self._search.found)
        self._plug = PlugCard(ask, save)
        self._feed = FeedCard(ask, save)
        self._publish = PublishCard(ask, save)
        self._hosts = HostsCard(ask)
        self._far_meters = FarMeterCard(ask)
        self._variables = VariablesCard(ask)
        self._downloads = DownloadsCard(save)
        self._update = UpdateCard(ask, save)
        cards = (
            self._price_card(),
            self._models_card(),
            self._downloads,
            self._feed,
            self._plug,
            self._counting,
            self._hosts,
            self._far_meters,
            self._publish,
            self._variables,
            self._window_card(),
            self._update,
        )
        self._search.over(*cards)
        put(self.column, *cards, REST)

    def render_scene(self, scene: Scene) -> None:
        """Show the settings in force; a field that is being typed into is left alone."""
        self._scene = scene
        view = settings_view(scene)
        self.show_notices(view.notices)
        self._counting.render_scene(scene)
        self._downloads.render_scene(scene)
        self._feed.render_scene(scene)
        self._plug.render_scene(scene)
        self._publish.render_scene(scene)
        self._hosts.render_scene(scene)
        self._far_meters.render_scene(scene)
        self._variables.render_scene(scene)
        self._update.render_scene(scene)
        self._server_copy.render_scene(scene)
        if view == self._view:
            return
        self._view = view
        fill(self._country, view.countries, view.country)
        type_into(self._price, view.price)
        type_into(self._currency, view.currency)
        set_text(self._price_note, view.price_note)
        type_into(self._budget, view.daily_budget)
        type_into(self._month_budget, view.monthly_budget)
        type_into(self._rate, view.dollar_rate)
        type_into(self._rate_day, view.dollar_rate_date)
        fill(self._carbon, view.carbons, view.carbon)
        type_into(self._own_carbon, view.own_carbon)
        fill(self._context, view.contexts, view.context)
        tick(self._ask_heavy, view.ask_heavy)
        for name, box in self._rules.items():
            tick(box, getattr(scene.settings.rules, name))
        for name, box in self._told.items():
            tick(box, getattr(scene.settings.notifications, name))
        tick(self._alias, view.alias)
        self._alias.setText(view.alias_text)
        fill(self._keep, view.keep_alives, view.keep_alive)
        type_into(self._url, view.server_url)
        fill(self._languages, view.languages, view.language)
        fill(self._themes, view.themes, view.theme)
        fill(self._figures, view.figures, view.figure)
        tick(self._start_server, view.start_server)
        tick(self._autostart, view.autostart)
        self._autostart.setVisible(view.autostart_supported)
        tick(self._estimates, view.estimates)
        tick(self._pause, view.paused)
        self._unknown.setVisible(not view.price)
        set_text(self._version, view.version)

    def ask_price(self) -> None:
        self._country.setFocus()
        self.ensureWidgetVisible(self._price)

    def _price_card(self) -> Form:
        form = Form(tr("Electricity price"))
        self._country = combo(tr("Country"))
        self._country.currentIndexChanged.connect(self._country_chosen)
        self._price = line(tr("Price per kWh"), as_typed("0.39"), 110)
        self._price.returnPressed.connect(self._price_saved)
        self._currency = line(tr("Currency"), "EUR", 70)
        save = button(tr("Save price"), "primary", self._price_saved)
        self._unknown = button(tr("I don't know"), clicked=lambda: self._ask(Command(Verb.DECLINE_PRICE)))
        self._budget = line(tr("Daily budget"), tr("not set"), 110)
        self._budget.editingFinished.connect(self._budget_typed)
        self._month_budget = line(tr("Monthly budget"), tr("not set"), 110)
        self._month_budget.editingFinished.connect(self._month_budget_typed)
        self._rate = line(tr("Rate of the US dollar"), tr("not set"), 110)
        self._rate.editingFinished.connect(self._rate_typed)
        self._rate_day = line(tr("Day of the rate"), "2026-11-24", 110)
        self._rate_day.editingFinished.connect(self._rate_typed)
        form.add(tr("Country"), self._country)
        form.add(tr("Price per kWh"), self._price, self._currency, save, self._unknown)
        self._price_error = form.add_error()
        self._price_note = form.add_note("")
        a_day, a_month = plain_label(tr("a day")), plain_label(tr("a month"))
        form.add(tr("Budget"), self._budget, a_day, self._month_budget, a_month)
        form.add(tr("One US dollar"), self._rate, plain_label(tr("as of")), self._rate_day)
        form.add_note(tr("API prices are in US dollars; your rate converts them."))
        self._carbon = combo(tr("CO2 of the electricity"))
        self._carbon.currentIndexChanged.connect(self._carbon_chosen)
        self._own_carbon = line(tr("Your own grams of CO2 per kWh"), tr("not set"), 110)
        self._own_carbon.editingFinished.connect(self._carbon_typed)
        form.add(tr("CO2"), self._carbon)
        form.add(tr("Or your own"), self._own_carbon, plain_label(tr("g per kWh")))
        return form

    def _estimates_turned(self, on: bool) -> None:
        meter = replace(self._scene.settings.meter, estimates=on)
        self._save(replace(self._scene.settings, meter=meter))

    def _models_card(self) -> Form:
        form = Form(tr("Models"))
        self._context = combo(tr("Context length"))
        self._context.currentIndexChanged.connect(
            lambda: self._changed(context_length=int(self._context.currentData() or 0))
        )
        self._keep = combo(tr("Keep loaded after the last answer"))
        self._keep.currentIndexChanged.connect(
            lambda: self._changed(keep_alive=str(self._keep.currentData()))
        )
        self._ask_heavy = TickBox(tr("Ask before a load that does not fit"))
        self._ask_heavy.toggled.connect(lambda on: self._changed(ask_heavy=on))
        self._rules: dict[str, TickBox] = {}
        self._alias = TickBox()
        self._alias.toggled.connect(
            lambda on: self._changed(alias=replace(self._scene.settings.alias, on=on))
        )
        self._url = line(tr("Address of the model server"), "http://127.0.0.1:11434", 260)
        self._url.editingFinished.connect(self._url_typed)
        self._start_server = TickBox(tr("Start Ollama with Wattlight if it is not running"))
        self._start_server.toggled.connect(lambda on: self._changed(start_server=on))
        self._server_copy = ServerCopyRows(self._ask)
        form.add(tr("Context length"), self._context)
        form.add(tr("Keep loaded for"), self._keep)
        form.add("", self._ask_heavy)
        for name, text in rule_texts().items():
            self._rules[name] = box = TickBox(text)
            box.toggled.connect(lambda on, field=name: self._rule_turned(field, on))
            form.add("", box)
        form.add("", self._alias)
        form.add_note(
            tr("Programs that ask for this name follow each switch. It shares the files of the model.")
        )
        form.add(tr("Ollama's address"), self._url)
        form.add_note(tr("Leave empty for the default address on this computer, or OLLAMA_HOST."))
        form.add("", self._start_server)
        form.add("", self._server_copy)
        return form

    def _window_card(self) -> Form:
        form = Form("Wattlight")
        self._languages = combo(tr("Language"))
        self._languages.currentIndexChanged.connect(
            lambda: self._changed(language=str(self._languages.currentData() or "") or None)
        )
        self._themes = combo(tr("Appearance"))
        self._themes.currentIndexChanged.connect(lambda: self._changed(theme=str(self._themes.currentData())))
        self._autostart = TickBox(tr("Start at login so that the daily cost is complete"))
        self._autostart.toggled.connect(lambda on: self._changed(start_at_login=on))
        self._estimates = TickBox(tr("Estimate a range where nothing can be measured"))
        self._estimates.toggled.connect(self._estimates_turned)
        self._pause = TickBox(tr("Pause metering; paused time is not counted"))
        self._pause.toggled.connect(lambda on: self._ask(Command(Verb.PAUSE if on else Verb.RESUME)))
        self._version = plain_label(role="quiet")
        privacy = button(tr("Privacy…"), clicked=lambda: self._ask(Command(Verb.OPEN_PRIVACY)))
        again = button(tr("Set up again…"), clicked=lambda: self._ask(Command(Verb.SET_UP)))
        leave = button(tr("Quit Wattlight"), clicked=lambda: self._ask(Command(Verb.QUIT)))
        self._figures = combo(tr("In the icon"))
        self._figures.currentIndexChanged.connect(
            lambda: self._changed(icon_figure=str(self._figures.currentData() or ""))
        )
        form.add(tr("Language"), self._languages)
        form.add(tr("Appearance"), self._themes)
        form.add(tr("In the icon"), self._figures)
        form.add("", self._autostart)
        self._told: dict[str, TickBox] = {}
        for name, text in notification_texts().items():
            self._told[name] = box = TickBox(text)
            box.toggled.connect(lambda on, field=name: self._told_turned(field, on))
            form.add("", box)
        form.add_note(tr("By the desktop, while no window is open; the windows show all of it."))
        form.add("", self._estimates)
        form.add("", self._pause)
        form.add(tr("More"), privacy, again)
        form.add(tr("Stop measuring"), leave, self._version)
        return form

    def _rule_turned(self, field: str, on: bool) -> None:
        self._changed(rules=replace(self._scene.settings.rules, **{field: on}))

    def _told_turned(self, field: str, on: bool) -> None:
        self._changed(notifications=replace(self._scene.settings.notifications, **{field: on}))

    def _changed(self, **values: object) -> None:
        settings = replace(self._scene.settings, **values)  # type: ignore[arg-type]
        if settings != self._scene.settings:
            self._save(settings)

    def _understood(self, settings: Settings, error: str) -> None:
        show_text(self._price_error, error)
        if not error and settings != self._scene.settings:
            self._save(settings)

    def _country_chosen(self) -> None:
        code = str(self._country.currentData() or "")
        country = country_price(self._scene, code)
        set_text(self._price_note, price_note(self._scene, code))
        if country is not None:
            self._price.setText(as_typed(country.per_kwh))
            self._currency.setText(country.currency)

    def _price_saved(self) -> None:
        country = str(self._country.currentData() or "")
        self._understood(
            *understood_price(self._price.text(), self._currency.text(), country, self._scene.settings)
        )

    def _budget_typed(self) -> None:
        self._understood(*understood_budget(self._budget.text(), self._scene.settings))

    def _month_budget_typed(self) -> None:
        self._understood(*understood_budget(self._month_budget.text(), self._scene.settings, monthly=True))

    def _rate_typed(self) -> None:
        today = self._scene.now.astimezone(self._scene.zone).date()
        settings = self._scene.settings
        self._understood(*understood_rate(self._rate.text(), self._rate_day.text(), settings, today))

    def _carbon_chosen(self) -> None:
        country = str(self._carbon.currentData() or "") or None
        self._changed(carbon=replace(self._scene.settings.carbon, country=country))

    def _carbon_typed(self) -> None:
        self._understood(*understood_carbon(self._own_carbon.text(), self._scene.settings))

    def _url_typed(self) -> None:
        first, *rest = self._scene.settings.servers
        self._changed(servers=(replace(first, url=self._url.text().strip() or None), *rest))
