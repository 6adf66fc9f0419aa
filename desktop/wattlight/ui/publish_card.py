"""The card Figures for other programs of the page Settings."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import PublishSettings, Settings
from wattlight.viewmodels.publish import PublishView, publish_view, understood_broker, understood_page
from wattlight.viewmodels.scene import Scene

from .controls import REST, Ask, button, put, spaced
from .flow import TickBox
from .forms import Form, line, tick, type_into
from .text import plain_label, selectable, set_text, show_text


class PublishCard(Form):
    """Nothing is offered or sent until it is turned on here. ``save`` gets whole new settings."""

    def __init__(self, ask: Ask, save: Callable[[Settings], None]) -> None:
        super().__init__(tr("Figures for other programs"))
        self._ask, self._save = ask, save
        self._scene: Scene
        self._shown: PublishView | None = None
        self._about = self.add_note("")
        self._page = TickBox(tr("Prometheus may fetch them from this computer"))
        self._page.toggled.connect(lambda _on: self._page_changed())
        self._port = line(tr("Port"), "9188", 110)
        self._port.editingFinished.connect(self._page_changed)
        self._page_error = plain_label(role="bad", wrap=True)
        self._page_said = selectable(plain_label(role="quiet", wrap=True))
        self.add("", self._page)
        self.add(tr("Port"), self._port)
        self.add("", self._page_error)
        self.add("", self._page_said)
        self._broker = line(tr("MQTT broker"), "homeassistant.local", 260)
        self._user = line(tr("User"), "", 160)
        for field in (self._broker, self._user):
            field.editingFinished.connect(self._broker_changed)
        self._secret = line(tr("Password"), "", 260)
        self._secret.setEchoMode(QLineEdit.EchoMode.Password)
        self._in_file = TickBox(tr("Keep it in a file that only I can read: there is no keyring"))
        self.add(tr("MQTT broker"), self._broker)
        self._user_row = self._row(tr("User"), self._user)
        self._secret_row = self._row(tr("Password"), self._secret, button(tr("Keep"), clicked=self._keep))
        self._file_row = self._row("", self._in_file)
        self._broker_error = plain_label(role="bad", wrap=True)
        self._broker_said = plain_label(role="quiet", wrap=True)
        self.add("", self._broker_error)
        self.add("", self._broker_said)

    def render_scene(self, scene: Scene) -> None:
        """Show what is on and how it stands; a field that is being typed into is left alone."""
        self._scene = scene
        view = publish_view(scene)
        if view == self._shown:
            return
        self._shown = view
        set_text(self._about, view.about)
        tick(self._page, view.page_on)
        type_into(self._port, view.port)
        self._port.setEnabled(view.page_on)
        type_into(self._broker, view.broker)
        type_into(self._user, view.user)
        for row, there in (
            (self._user_row, bool(view.broker)),
            (self._secret_row, view.wants_secret),
            (self._file_row, view.wants_secret and view.in_file),
        ):
            for widget in row:
                widget.setVisible(there)
        show_text(self._page_error, view.page_said if view.page_is_bad else "")
        show_text(self._page_said, "" if view.page_is_bad else view.page_said)
        show_text(self._broker_error, view.broker_said if view.broker_is_bad else "")
        show_text(self._broker_said, "" if view.broker_is_bad else view.broker_said)

    def _row(self, label: str, *fields: QWidget) -> tuple[QWidget, QWidget]:
        text, box = plain_label(label), QWidget()
        put(spaced(QHBoxLayout(box), 8), *fields, REST)
        self.add_pair(text, box)
        return text, box

    def _page_changed(self) -> None:
        now = self._scene.settings.publish
        wanted, error = understood_page(self._page.isChecked(), self._port.text(), now)
        show_text(self._page_error, error)
        if error:
            tick(self._page, now.prometheus_port > 0)
        self._change(wanted)

    def _broker_changed(self) -> None:
        wanted, error = understood_broker(
            self._broker.text(), self._user.text(), self._scene.settings.publish
        )
        show_text(self._broker_error, error)
        self._change(wanted)

    def _change(self, publish: PublishSettings) -> None:
        if publish != self._scene.settings.publish:
            self._save(replace(self._scene.settings, publish=publish))

    def _keep(self) -> None:
        number = 1 if self._in_file.isChecked() else None
        self._ask(Command(Verb.KEEP_BROKER_SECRET, text=self._secret.text(), number=number))
        self._secret.clear()
