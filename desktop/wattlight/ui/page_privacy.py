"""Below Settings: which hosts were contacted and why, how long records are kept, delete all."""

import os
import platform
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSystemTrayIcon, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.diagnostics import diagnostics_text
from wattlight.viewmodels.privacy_page import ContactRow, PrivacyView, kept_months, privacy_view
from wattlight.viewmodels.scene import Scene

from .controls import REST, ActionRow, Ask, Card, button, clear, put, spaced
from .flow import TickBox
from .forms import Form, combo, fill, tick
from .text import plain_label, set_text, show_text
from .window import Page


class PrivacyPage(Page):
    """``save`` gets whole new settings."""

    def __init__(self, ask: Ask, save: Callable[[Settings], None]) -> None:
        super().__init__(ask)
        self._save = save
        self._scene: Scene
        self._view: PrivacyView | None = None
        self.column.setContentsMargins(24, 18, 24, 16)
        self.column.setSpacing(12)
        back = button(tr("‹ Settings"), "flat", lambda: ask(Command(Verb.OPEN_SETTINGS)))
        back.setAccessibleName(tr("Back to Settings"))
        head = put(spaced(QHBoxLayout(), 8), plain_label(tr("Privacy"), "page"), REST, back)
        put(self.column, head, self._contacts_card(), self._records_card(ask), self._fault_card(), REST)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        view = privacy_view(scene)
        self.show_notices(view.notices)
        if view == self._view:
            return
        before, self._view = self._view, view
        if before is None or before.contacts != view.contacts:
            self._fill_contacts(view.contacts)
        show_text(self._none, view.none)
        fill(self._keep, view.keeps, view.keep)
        tick(self._programs, view.keep_programs)
        self._delete.render_view((view.delete,))

    def _contacts_card(self) -> Card:
        card = Card(tr("Hosts contacted"), 8)
        text = tr(
            "Wattlight sends nothing on its own: no account, no telemetry, no update check that you did not "
            "switch on. These hosts were contacted, by Wattlight or by Ollama, each because of something you "
            "did:"
        )
        self._none = plain_label(role="quiet", wrap=True)
        self._rows = QWidget()
        self._grid = QGridLayout(self._rows)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        put(card.column, plain_label(text, "quiet", True), self._none, self._rows)
        return card

    def _records_card(self, ask: Ask) -> Form:
        form = Form(tr("Records of energy and cost"))
        self._keep = combo(tr("Keep records"))
        self._keep.currentIndexChanged.connect(self._keep_chosen)
        self._delete = ActionRow(ask)
        form.add(tr("Keep"), self._keep)
        form.add_note(tr("Older records are deleted once a day. None leaves this computer by itself."))
        self._programs = TickBox(tr("Keep today's energy by program when Wattlight ends"))
        self._programs.toggled.connect(self._programs_chosen)
        form.add("", self._programs)
        form.add_note(tr("Names of programs are otherwise in memory only, and gone with the day."))
        form.add(tr("Delete"), self._delete)
        return form

    def _fault_card(self) -> Form:
        form = Form(tr("When something is wrong"))
        self._with_names = TickBox(tr("With the names of models and what notices say"))
        copy = button(tr("Copy diagnostics"), clicked=self._copy_diagnostics)
        self._copied = plain_label(role="quiet")
        form.add_note(
            tr(
                "Versions, devices, sensors and what does not run, as text to paste into a report. "
                "Passwords, addresses, prompts and answers are never in it; nothing is sent."
            )
        )
        form.add("", self._with_names)
        form.add(tr("Report"), copy, self._copied)
        return form

    def _copy_diagnostics(self) -> None:
        facts = (
            f"Python {platform.python_version()}, Qt {qVersion()} on {QGuiApplication.platformName()}",
            f"{platform.platform()}, desktop {os.environ.get('XDG_CURRENT_DESKTOP', 'unknown')}",
            f"scale {self.devicePixelRatioF():g}, tray {QSystemTrayIcon.isSystemTrayAvailable()}",
        )
        text = diagnostics_text(self._scene, facts, self._with_names.isChecked())
        QGuiApplication.clipboard().setText(text)
        set_text(self._copied, tr("Copied."))

    def _fill_contacts(self, rows: tuple[ContactRow, ...]) -> None:
        clear(self._grid)
        top = Qt.AlignmentFlag.AlignTop
        for line, row in enumerate(rows):
            host = plain_label(row.host.replace(".", ".\u200b"), "strong", wrap=True)  # may break at a dot
            host.setFixedWidth(220)
            host.setAccessibleName(row.host)
            self._grid.addWidget(host, line, 0, top)
            self._grid.addWidget(plain_label(row.reason, "quiet", True), line, 1, top)
            self._grid.addWidget(plain_label(row.last, "quiet"), line, 2, top)
        self._rows.setVisible(bool(rows))

    def _programs_chosen(self, on: bool) -> None:
        settings = self._scene.settings
        self._save(replace(settings, meter=replace(settings.meter, keep_programs=on)))

    def _keep_chosen(self) -> None:
        settings = kept_months(self._scene.settings, str(self._keep.currentData() or ""))
        if settings != self._scene.settings:
            self._save(settings)
