"""The tray menu as a function of its view: compared by content, never touched while it is open."""

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from wattlight.domain.command import Command, Verb
from wattlight.viewmodels.tray import MenuEntry

OPEN_LIMIT_S = 60.0
"""Some hosts never tell that the menu was closed: after this it counts as closed."""


class TrayMenu(QObject):
    """Fills the menu of the icon. ``on_command`` gets what was clicked; ``on_open`` hears before it opens."""

    def __init__(
        self, menu: QMenu, on_command: Callable[[Command], None], on_open: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._menu = menu
        self._on_command, self._on_open = on_command, on_open
        self._shown: tuple[MenuEntry, ...] | None = None
        self._wanted: tuple[MenuEntry, ...] = ()
        self._on_dbus = False
        self._shown_on_dbus = False
        self._opened_at: float | None = None
        self._commands: dict[int, Command] = {}
        menu.aboutToShow.connect(self._opened)
        menu.aboutToHide.connect(self._closed)

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None and time.monotonic() - self._opened_at < OPEN_LIMIT_S

    def show(self, entries: tuple[MenuEntry, ...], on_dbus: bool) -> None:
        """Show ``entries``: at once, or when the menu is closed; work under way ticks in an open one."""
        self._wanted, self._on_dbus = entries, on_dbus
        if not self.is_open:
            self._apply()
        elif self._shown is not None and _shape(self._shown) == _shape(entries):
            for action, now, before in zip(self._menu.actions(), entries, self._shown, strict=True):
                if now.command == before.command and now.command and now.command.verb is Verb.CANCEL_TASK:
                    action.setText(menu_text(now.text, self._on_dbus))

    def _opened(self) -> None:
        self._opened_at = None
        self._on_open()
        self._apply()  # a host that never told of closing must not show what was true a minute ago
        self._opened_at = time.monotonic()

    def _closed(self) -> None:
        self._opened_at = None
        self._apply()

    def _apply(self) -> None:
        if self._wanted == self._shown and self._on_dbus == self._shown_on_dbus:
            return
        if self._shown is not None and _shape(self._shown) == _shape(self._wanted):
            self._update(self._menu, self._wanted)
        else:
            for child in self._menu.findChildren(QMenu):
                child.deleteLater()  # a menu that is cleared keeps the menus below it
            self._menu.clear()
            self._commands.clear()
            self._fill(self._menu, self._wanted)
        self._shown, self._shown_on_dbus = self._wanted, self._on_dbus

    def _fill(self, menu: QMenu, entries: Sequence[MenuEntry]) -> None:
        for entry in entries:
            if entry.separator:
                menu.addSeparator()
            elif entry.children:
                child = menu.addMenu(menu_text(entry.text, self._on_dbus))
                child.setEnabled(entry.enabled)
                self._fill(child, entry.children)
            else:
                action = QAction(menu)
                action.triggered.connect(lambda _checked=False, a=action: self._clicked(a))
                self._dress(action, entry)
                menu.addAction(action)

    def _update(self, menu: QMenu, entries: Sequence[MenuEntry]) -> None:
        for action, entry in zip(menu.actions(), entries, strict=True):
            if entry.separator:
                continue
            child = action.menu()
            if isinstance(child, QMenu) and entry.children:
                child.setTitle(menu_text(entry.text, self._on_dbus))
                self._update(child, entry.children)
            else:
                self._dress(action, entry)

    def _dress(self, action: QAction, entry: MenuEntry) -> None:
        text = menu_text(entry.text, self._on_dbus)
        if action.text() != text:
            action.setText(text)
        action.setEnabled(entry.enabled)
        action.setCheckable(entry.checked is not None)
        action.setChecked(bool(entry.checked))
        if entry.command is not None:
            self._commands[id(action)] = entry.command
        else:
            self._commands.pop(id(action), None)

    def _clicked(self, action: QAction) -> None:
        command = self._commands.get(id(action))
        if action.isCheckable():  # Qt has turned the mark over; the truth comes with the next state
            action.setChecked(not action.isChecked())
        if command is not None:
            self._on_command(command)
        self._opened_at = None  # a click closes the menu on every host, whether it tells or not
        QTimer.singleShot(0, self._catch_up)

    def _catch_up(self) -> None:
        if not self.is_open:
            self._apply()


def menu_text(text: str, on_dbus: bool) -> str:
    """A label that shows ``text`` unchanged on every host.

    Qt's own menus take ``&`` for a mnemonic: each is doubled. On the bus a single ``_`` marks it instead, and
    Qt (6.12) turns the first ``&`` into ``_`` and leaves the others: there every ``_`` and the first ``&``
    are doubled.
    """
    label = "".join(ch if ch.isprintable() else " " for ch in text)
    if on_dbus:
        return label.replace("_", "__").replace("&", "&&", 1)
    return label.replace("&", "&&")


def _shape(entries: Sequence[MenuEntry]) -> tuple[object, ...]:
    return tuple((e.separator, e.checked is None, _shape(e.children)) for e in entries)
