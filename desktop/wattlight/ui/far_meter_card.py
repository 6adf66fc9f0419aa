"""The card of the page Settings for the meters of other computers."""

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from wattlight.domain.values import HostId
from wattlight.i18n import tr
from wattlight.viewmodels.far_meter import FarMeterView, MeterForm, far_meter_view, meter_command
from wattlight.viewmodels.scene import Scene

from .controls import REST, ActionRow, Ask, button, put, spaced
from .flow import TickBox
from .forms import Form, combo, fill, line, type_into
from .text import plain_label, set_text, show_text


class FarMeterCard(Form):
    """Tries a meter and uses it; its token goes to the keyring alone. Hidden without another computer."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(tr("Meters of other computers"))
        self._ask = ask
        self._scene: Scene
        self._shown: FarMeterView | None = None
        self._host, self._kind = combo(tr("Computer")), combo(tr("Kind of meter"))
        self._wanted = ""
        """The kind of meter that was picked, until it is set."""
        self._host.currentIndexChanged.connect(self._pick_host)
        self._kind.currentIndexChanged.connect(self._pick_kind)
        self._address = line(tr("Address of the meter"), "", 300)
        self._watts = line(tr("Entity of the watts"), "sensor.box_power", 260)
        self._energy = line(tr("Entity of the energy"), "sensor.box_energy", 260)
        self._token = line(tr("Token"), "", 260)
        self._token.setEchoMode(QLineEdit.EchoMode.Password)
        self._in_file = TickBox(tr("Keep it in a file that only I can read: there is no keyring"))
        self.add(tr("Computer"), self._host)
        self.add(tr("Kind"), self._kind)
        self._about = self.add_note("")
        self.add(tr("Address"), self._address)
        self._entities = [self._row(tr("Watts"), self._watts), self._row(tr("Energy"), self._energy)]
        self.add(tr("Token"), self._token)
        self.add("", self._in_file)
        self._leave = ActionRow(ask)
        test = button(tr("Test"), clicked=lambda: self._go(False))
        use = button(tr("Use"), clicked=lambda: self._go(True))
        self.add("", test, use, self._leave)
        self._error = self.add_error()
        self._said = plain_label(wrap=True)
        self._stand = plain_label(role="quiet", wrap=True)
        self.add("", self._said)
        self.add("", self._stand)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        self._render()

    def _render(self) -> None:
        chosen, shown = str(self._host.currentData() or ""), self._shown
        view = far_meter_view(self._scene, chosen, self._wanted)
        if shown is not None and (shown.chosen, shown.saved) != (view.chosen, view.saved):
            self._wanted = ""  # another computer, or its meter was set: what was picked is done with
            view = far_meter_view(self._scene, chosen)
        if view == shown:
            return
        self._shown = view
        self.offer(bool(view.hosts))
        fill(self._host, view.hosts, view.chosen)
        fill(self._kind, view.kinds, view.kind)
        set_text(self._about, view.about)
        if shown is None or (shown.chosen, shown.kind, shown.address) != (
            view.chosen,
            view.kind,
            view.address,
        ):
            for field, text in (
                (self._address, view.address),
                (self._watts, view.watts),
                (self._energy, view.energy),
            ):
                type_into(field, text)
        self._address.setPlaceholderText(view.example)
        self._token.setPlaceholderText(view.token_hint)
        for row in self._entities:
            for widget in row:
                widget.setVisible(view.entities)
        self._in_file.setVisible(view.in_file)
        self._leave.render_view(view.leave)
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)
        show_text(self._stand, view.stand)

    def _row(self, label: str, field: QLineEdit) -> tuple[QWidget, QWidget]:
        text, box = plain_label(label), QWidget()
        put(spaced(QHBoxLayout(box), 8), field, REST)
        self.add_pair(text, box)
        return text, box

    def _pick_host(self) -> None:
        self._render()

    def _pick_kind(self) -> None:
        self._wanted = str(self._kind.currentData() or "")
        self._render()

    def _go(self, keep: bool) -> None:
        form = MeterForm(
            HostId(str(self._host.currentData() or "")),
            str(self._kind.currentData() or ""),
            self._address.text(),
            self._watts.text(),
            self._energy.text(),
            self._token.text(),
            self._in_file.isChecked(),
        )
        command, error = meter_command(form, keep)
        show_text(self._error, error)
        if command is None:
            return
        self._ask(command)
        if keep:
            self._token.clear()
