"""One sentence in a box of its own, for the moment before the windows exist."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox


def last_words(text: str) -> None:
    """Show ``text`` as plain text and wait until it was read."""
    box = QMessageBox()
    box.setWindowTitle("Wattlight")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.exec()
