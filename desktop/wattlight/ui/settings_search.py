"""Looking for a setting: the lines that hold the typed words, and the cards that they stand in."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from wattlight.i18n import joined, tr

from .controls import button, reused, spaced
from .forms import Form, width_of
from .text import plain_label, show_text

CLEAR = 60
"""Room for the sign that empties the field, and for the air around it."""
MOST_FOUND = 8


class SettingsSearch(QLineEdit):
    """A field that hides the cards of a page in which the typed words do not stand, and names the lines in
    which they do: a click there, or Return for the first, goes to the setting. Esc empties it."""

    def __init__(self) -> None:
        super().__init__()
        words = tr("Search settings")
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self.setClearButtonEnabled(True)
        self.setFixedWidth(max(180, width_of(words) + CLEAR))
        self.setMaxLength(60)
        self.none = plain_label(role="quiet", wrap=True)
        self.none.hide()
        self.found = QWidget()
        self._column = spaced(QVBoxLayout(self.found), 0)
        self._links: list[QPushButton] = []
        self._targets: list[QWidget] = []
        self.found.hide()
        self._cards: tuple[Form, ...] = ()
        self.textChanged.connect(self._look)
        self.returnPressed.connect(lambda: self._go(0))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self).activated.connect(self.setFocus)

    def over(self, *cards: Form) -> None:
        """Look in these."""
        self._cards = cards

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape.value and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)

    def _look(self) -> None:
        words = self.text().casefold().split()
        found = [card for card in self._cards if card.offered and _hold(card.findChildren(QWidget), words)]
        for card in self._cards:
            card.setVisible(card in found)
        nothing = tr("No setting says that. Try another word, or a part of it.")
        show_text(self.none, "" if found else nothing)
        self._name_lines(found if words else [], words)

    def _name_lines(self, cards: Sequence[Form], words: list[str]) -> None:
        named = [
            (joined((_name(line), card.title), " – "), target)
            for card in cards
            for line in card.lines()
            if _hold([part for widget in line for part in (widget, *widget.findChildren(QWidget))], words)
            and (target := _target(line)) is not None
        ][:MOST_FOUND]
        self._targets = [target for _, target in named]
        for link, (text, _) in reused(self._links, named, self._make):
            link.setText(text.replace("&", "&&"))
            link.setAccessibleName(text)
        self.found.setVisible(bool(named))

    def _make(self, index: int) -> QPushButton:
        made = button("", "link", lambda: self._go(index))
        self._column.addWidget(made, 0, Qt.AlignmentFlag.AlignLeft)
        return made

    def _go(self, index: int) -> None:
        if index < len(self._targets):
            self._targets[index].setFocus(Qt.FocusReason.ShortcutFocusReason)


def _hold(widgets: Sequence[QWidget], words: list[str]) -> bool:
    text = "\n".join(_said(widget) for widget in widgets).casefold()
    return all(word in text for word in words)


def _name(line: list[QWidget]) -> str:
    """What stands before a field, else the words of a tick box, else what the field is called."""
    first = line[0]
    if isinstance(first, QLabel | QAbstractButton):
        return first.text()
    target = _target(line)
    return "" if target is None else target.accessibleName()


def _target(line: list[QWidget]) -> QWidget | None:
    """What of a line takes the keyboard first."""
    every = (part for widget in line for part in (widget, *widget.findChildren(QWidget)))
    return next((w for w in every if w.focusPolicy() & Qt.FocusPolicy.TabFocus and _operable(w)), None)


def _operable(widget: QWidget) -> bool:
    return isinstance(widget, QAbstractButton | QComboBox | QLineEdit) and widget.isEnabled()


def _said(widget: QWidget) -> str:
    """What a widget says, is called and explains; of a choice all that can be chosen."""
    said = widget.accessibleName()
    if isinstance(widget, QComboBox):
        said += " ".join(widget.itemText(index) for index in range(widget.count()))
    elif isinstance(widget, QLabel | QAbstractButton):
        said += " " + widget.text()
    return f"{said} {widget.accessibleDescription()}"
