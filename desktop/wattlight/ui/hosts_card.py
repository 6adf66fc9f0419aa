"""Other computers: their lines on the page Now, and the card of the page Settings that adds them."""

from collections.abc import Sequence

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.domain.values import HostId
from wattlight.i18n import tr
from wattlight.viewmodels.hosts import (
    HostRow,
    HostsCardView,
    HostView,
    hosts_card_view,
    understood_host,
)
from wattlight.viewmodels.scene import Scene

from .controls import REST, ActionRow, Ask, Card, Pill, button, put, reused, spaced
from .forms import Form, combo, fill, line
from .text import ElidedLabel, plain_label, set_text, show_text
from .theme import Theme


class HostLine(QWidget):
    """One computer: what runs there and its figures."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__()
        self._name = ElidedLabel("name", name=True)
        self._pill = Pill(theme)
        self._loaded = ElidedLabel("quiet")
        self._figures = ElidedLabel("quiet")
        self._remark = plain_label(role="quiet", wrap=True)
        self._actions = ActionRow(ask)
        head = put(spaced(QHBoxLayout(), 8), self._name, self._pill, REST, self._actions)
        column = spaced(QVBoxLayout(self), 2)
        put(column, head, self._loaded, self._figures, self._remark)

    def render_view(self, view: HostView) -> None:
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        for label, text in ((self._loaded, view.loaded), (self._figures, view.figures)):
            set_text(label, text)
            label.setVisible(bool(text))
        show_text(self._remark, view.remark)
        self._actions.render_view(view.actions)


class HostLines(Card):
    """All other computers, one under the other; hidden while there are none."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(tr("Other computers"), spacing=10)
        self._theme, self._ask = theme, ask
        self._lines: list[HostLine] = []

    def render_view(self, views: Sequence[HostView]) -> None:
        for made, view in reused(self._lines, views, self._make):
            made.render_view(view)
        self.setVisible(bool(views))

    def _make(self, _index: int) -> HostLine:
        made = HostLine(self._theme, self._ask)
        self.column.addWidget(made)
        return made


class HostsCard(Form):
    """Adds computers and lets them go; a key goes to the keyring, never into the settings."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(tr("Other computers"))
        self._ask = ask
        self._scene: Scene
        self._shown: HostsCardView | None = None
        self._about = self.add_note("")
        self._rows: list[tuple[QLabel, QLabel, ActionRow, QWidget]] = []
        self._known = QWidget()
        self._column = spaced(QVBoxLayout(self._known), 4)
        self.add("", self._known)
        self._address = line(tr("Address"), "gpu-box:11434", 260)
        self._name = line(tr("Name"), "", 160)
        self._address.returnPressed.connect(self._add)
        self._plain = QCheckBox(tr("Use it although others on the way can read it"))
        self._plain.hide()
        self.add(tr("Add a computer"), self._address, self._name, button(tr("Add"), clicked=self._add))
        self._name.setPlaceholderText(tr("Name"))
        self.add("", self._plain)
        self._error = self.add_error()
        self._key_of, self._key = combo(tr("Computer")), line(tr("Key of its server"), "", 200)
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._in_file = QCheckBox(tr("Keep it in a file that only I can read: there is no keyring"))
        box = QWidget()
        keep = button(tr("Keep"), clicked=self._keep)
        put(spaced(QHBoxLayout(box), 8), self._key_of, self._key, keep, REST)
        self._key_row = (plain_label(tr("Key of its server")), box)
        self.add_pair(*self._key_row)
        self.add("", self._in_file)
        self._said = plain_label(role="quiet", wrap=True)
        self.add("", self._said)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        view = hosts_card_view(scene)
        if view == self._shown:
            return
        self._shown = view
        set_text(self._about, view.about)
        for (name, facts, actions, _), row in zip(self._lines(view.rows), view.rows, strict=True):
            set_text(name, row.name)
            set_text(facts, row.facts)
            actions.render_view((row.remove,))
        self._known.setVisible(bool(view.rows))
        chosen = str(self._key_of.currentData() or "")
        known = [choice.value for choice in view.keyed]
        fill(self._key_of, view.keyed, chosen if chosen in known or not known else known[0])
        for widget in self._key_row:
            widget.setVisible(bool(view.keyed))
        self._in_file.setVisible(view.in_file)
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)

    def _lines(self, rows: Sequence[HostRow]) -> Sequence[tuple[QLabel, QLabel, ActionRow, QWidget]]:
        while len(self._rows) < len(rows):
            box = QWidget()
            made = (plain_label(role="strong"), plain_label(role="quiet"), ActionRow(self._ask), box)
            put(spaced(QHBoxLayout(box), 8), made[0], made[1], REST, made[2])
            self._column.addWidget(box)
            self._rows.append(made)
        for index, (*_, box) in enumerate(self._rows):
            box.setVisible(index < len(rows))
        return self._rows[: len(rows)]

    def _add(self) -> None:
        command, error, choice = understood_host(
            self._address.text(), self._name.text(), self._plain.isChecked(), self._scene.settings
        )
        self._plain.setVisible(choice)
        show_text(self._error, error)
        if command is None:
            return
        self._ask(command)
        for field in (self._address, self._name):
            field.clear()
        self._plain.setChecked(False)

    def _keep(self) -> None:
        number = 1 if self._in_file.isChecked() else None
        host = HostId(str(self._key_of.currentData() or ""))
        self._ask(Command(Verb.KEEP_HOST_KEY, text=self._key.text(), number=number, host=host))
        self._key.clear()
