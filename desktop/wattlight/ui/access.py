"""What screen readers are told of widgets that are painted by ourselves: what they are, and news at once."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QAccessibleWidget, QWidget

Role = QAccessible.Role
_Face = Callable[[str, QObject], QAccessibleInterface | None]


class Spoken(QWidget):
    """A painted widget; ``spoken_as`` is what a screen reader calls it beside its accessible name."""

    spoken_as = Role.StaticText

    def __init__(self) -> None:
        super().__init__()
        if not _faces:
            _faces.append(_factory())
            QAccessible.installFactory(_faces[0])


def announce(widget: QWidget, text: str) -> None:
    """Let a screen reader say ``text`` now, wherever its user is; nothing happens where none listens."""
    if text and QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


def on_choice(made: QAbstractButton, chosen: Callable[[], object]) -> None:
    """Call ``chosen`` when ``made`` becomes the one of its group, also where a screen reader ticks it, which
    is no click."""
    made.toggled.connect(lambda on: chosen() if on else None)


def _factory() -> _Face:
    alive: dict[int, QAccessibleInterface] = {}

    def face(_class: str, made: QObject) -> QAccessibleInterface | None:
        if not isinstance(made, Spoken):
            return None
        key = id(made)
        if key not in alive:
            alive[key] = QAccessibleWidget(made, made.spoken_as)
            made.destroyed.connect(lambda: alive.pop(key, None))
        return alive[key]

    return face


_faces: list[_Face] = []
"""Qt has one list of factories for the whole process and keeps none of them alive."""
