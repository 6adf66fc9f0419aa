"""Counting every day: start at login, and what is never sent."""

from dataclasses import replace

from PySide6.QtWidgets import QCheckBox

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView

from ..controls import card
from ..text import plain_label
from .step_page import StepPage


class LoginPage(StepPage):
    """One box, off unless it is ticked."""

    def __init__(self) -> None:
        super().__init__()
        frame, column = card()
        column.setSpacing(8)
        self._box = QCheckBox(tr("Start at login, so that the daily cost is complete"))
        self._without = plain_label(
            tr("Without it Wattlight counts only while it runs; the page Cost says how much that was."),
            "quiet",
            True,
        )
        self._cannot = plain_label(tr("Starting at login is not known on this system."), "quiet", True)
        for part in (self._box, self._without, self._cannot):
            column.addWidget(part)
        self.column.addWidget(frame)
        other, lines = card()
        lines.setSpacing(8)
        lines.addWidget(plain_label(tr("What leaves this computer"), "name", True))
        for text in (
            tr("Nothing by itself: no account, no statistics, no look for updates."),
            tr("Only when you install a model or Ollama, the place it comes from is asked for it."),
            tr("Settings, Privacy lists every host that was contacted, and when."),
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
