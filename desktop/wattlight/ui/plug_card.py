"""The card Wall plug of the page Settings."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import PlugSettings, Settings
from wattlight.viewmodels.plug import PlugView, plug_view
from wattlight.viewmodels.scene import Scene

from .controls import REST, ActionRow, Ask, button, put, spaced
from .flow import TickBox
from .forms import Form, combo, fill, line, type_into
from .text import plain_label, set_text, show_text


class PlugCard(Form):
    """``save`` gets whole new settings; the password goes to the keyring, never into them."""

    def __init__(self, ask: Ask, save: Callable[[Settings], None]) -> None:
        super().__init__(tr("Wall plug"))
        self._ask, self._save = ask, save
        self._scene: Scene
        self._shown: PlugView | None = None
        self._kind, self._hangs = combo(tr("Kind of plug")), combo(tr("What hangs on it"))
        self._kind.currentIndexChanged.connect(lambda: self._change(kind=str(self._kind.currentData() or "")))
        self._hangs.currentIndexChanged.connect(lambda: self._change(hangs=str(self._hangs.currentData())))
        self._address = self._field(tr("Address"), "192.168.1.40", 260, "address")
        self._outlet = self._field(tr("Output"), "0", 160, "outlet")
        self._user = self._field(tr("User"), "", 160, "user")
        self._watts = self._field(tr("Watts"), "sensor.desk_power", 260, "watts")
        self._watts_unit = self._field(tr("Unit of the watts"), "W", 70, "watts_unit")
        self._energy = self._field(tr("Counter"), "sensor.desk_energy", 260, "energy")
        self._energy_unit = self._field(tr("Unit of the counter"), "kWh", 70, "energy_unit")
        self._secret = line(tr("Password or token"), "", 260)
        self._secret.setEchoMode(QLineEdit.EchoMode.Password)
        self._in_file = TickBox(tr("Keep it in a file that only I can read: there is no keyring"))
        keep = button(tr("Keep"), clicked=self._keep)
        self._try = ActionRow(ask)
        self._about = self.add_note("")
        self.add(tr("Kind"), self._kind)
        self._rows: dict[str, list[QWidget]] = {}
        self._row("kind", tr("On it"), self._hangs)
        self._row("kind", tr("Address"), self._address)
        self._outlet_label = self._row("outlet", tr("Output"), self._outlet)
        self._row("user", tr("User"), self._user)
        self._row("secret", tr("Password or token"), self._secret, keep)
        self._row("file", "", self._in_file)
        self._row("watts", tr("Watts"), self._watts, self._watts_unit)
        self._row("energy", tr("Counter"), self._energy, self._energy_unit)
        self._row("kind", tr("Try it"), self._try)
        self._stand = plain_label(role="quiet", wrap=True)
        self._said = plain_label(wrap=True)
        self._error = self.add_error()
        self.add("", self._said)
        self.add("", self._stand)

    def render_scene(self, scene: Scene) -> None:
        """Show the plug of the settings and what it says; a field that is being typed into is left alone."""
        self._scene = scene
        view = plug_view(scene)
        if view == self._shown:
            return
        self._shown = view
        set_text(self._about, view.about)
        fill(self._kind, view.kinds, view.kind)
        fill(self._hangs, view.hangs, view.hanging)
        for field, text in (
            (self._address, view.address),
            (self._outlet, view.outlet),
            (self._user, view.user),
            (self._watts, view.watts),
            (self._energy, view.energy),
            (self._watts_unit, view.units[0]),
            (self._energy_unit, view.units[1]),
        ):
            type_into(field, text)
        self._address.setPlaceholderText(view.address_example)
        set_text(self._outlet_label, view.outlet_label)
        there = {*view.needs, *(("kind",) if view.kind else ()), *(("file",) if view.in_file else ())}
        for name, widgets in self._rows.items():
            for widget in widgets:
                widget.setVisible(name in there)
        for unit in (self._watts_unit, self._energy_unit):
            unit.setVisible("units" in view.needs)
        self._try.render_view((view.try_it,) if view.kind else ())
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)
        show_text(self._stand, view.stand)

    def _row(self, name: str, label: str, *fields: QWidget) -> QLabel:
        """A line that is there only for kinds that need it."""
        text = plain_label(label)
        box = QWidget()
        put(spaced(QHBoxLayout(box), 8), *fields, REST)
        self.add_pair(text, box)
        self._rows.setdefault(name, []).extend((text, box))
        return text

    def _field(self, name: str, example: str, width: int, setting: str) -> QLineEdit:
        made = line(name, example, width)
        made.editingFinished.connect(lambda: self._change(**{setting: made.text().strip()}))
        return made

    def _change(self, **values: str) -> None:
        plug = replace(self._scene.settings.plug, **values)
        if not plug.kind:
            plug = PlugSettings()
        if plug != self._scene.settings.plug:
            self._save(replace(self._scene.settings, plug=plug))

    def _keep(self) -> None:
        number = 1 if self._in_file.isChecked() else None
        self._ask(Command(Verb.KEEP_PLUG_SECRET, text=self._secret.text(), number=number))
        self._secret.clear()
