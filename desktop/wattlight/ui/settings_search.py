"""Looking for a setting: the cards that hold the typed words stay."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget

from wattlight.i18n import tr

from .controls import Card, width_of
from .text import plain_label, show_text

CLEAR = 60
"""Room for the sign that empties the field, and for the air around it."""


class SettingsSearch(QLineEdit):
    """A field that hides the cards of a page in which the typed words do not stand. Esc empties it."""

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
        self._cards: tuple[Card, ...] = ()
        self.textChanged.connect(self._look)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self).activated.connect(self.setFocus)

    def over(self, *cards: Card) -> None:
        """Look in these."""
        self._cards = cards

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape.value and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)

    def _look(self) -> None:
        words = self.text().casefold().split()
        found = [card for card in self._cards if _holds(card, words)]
        for card in self._cards:
            card.setVisible(card in found)
        nothing = tr("No setting says that. Try another word, or a part of it.")
        show_text(self.none, "" if found else nothing)


def _holds(card: Card, words: list[str]) -> bool:
    text = "\n".join(_said(widget) for widget in card.findChildren(QWidget)).casefold()
    return all(word in text for word in words)


def _said(widget: QWidget) -> str:
    """What a widget says, is called and explains; of a choice all that can be chosen."""
    said = widget.accessibleName()
    if isinstance(widget, QComboBox):
        said += " ".join(widget.itemText(index) for index in range(widget.count()))
    elif isinstance(widget, QLabel | QAbstractButton):
        said += " " + widget.text()
    return f"{said} {widget.accessibleDescription()}"
