"""A row that goes on in the next line where the room ends: words are longer in some languages."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QLayout, QLayoutItem, QSizePolicy, QWidget

LEAST_WORDS = 240
"""A tick box is not narrower; its words go on in the next line."""


class FlowLayout(QLayout):
    """Puts its widgets side by side from the side where reading begins. What follows :meth:`rest` stands at
    the other side while all are in one line."""

    def __init__(self, parent: QWidget, spacing: int) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._rest: int | None = None
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def rest(self) -> None:
        """The room that is left over comes here."""
        self._rest = len(self._items)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # None ends Qt's search
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:
        """All in one line."""
        seen = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(size.width() for size in seen) + self.spacing() * max(0, len(seen) - 1)
        return QSize(width, max((size.height() for size in seen), default=0))

    def minimumSize(self) -> QSize:
        """The widest of them."""
        seen = [item.minimumSize() for item in self._items if not item.isEmpty()]
        return QSize(
            max((size.width() for size in seen), default=0), max((size.height() for size in seen), default=0)
        )

    def setGeometry(self, room: QRect) -> None:
        super().setGeometry(room)
        self._arrange(room, move=True)

    def _arrange(self, room: QRect, move: bool) -> int:
        """The height that is taken; with ``move`` everything is put there."""
        parent = self.parentWidget()
        mirrored = parent is not None and parent.layoutDirection() is Qt.LayoutDirection.RightToLeft
        over = room.width() - self.sizeHint().width()
        x, y, line = 0, 0, 0
        for index, item in enumerate(self._items):
            if index == self._rest and over > 0:
                x += over
            if item.isEmpty():
                continue
            size = item.sizeHint().boundedTo(QSize(max(room.width(), 1), item.sizeHint().height()))
            if x and x + size.width() > room.width():
                x, y, line = 0, y + line + self.spacing(), 0
            if move:
                left = room.width() - x - size.width() if mirrored else x
                middle = (self._tallest() - size.height()) // 2 if over >= 0 else 0
                item.setGeometry(QRect(room.topLeft() + QPoint(left, y + middle), size))
            x, line = x + size.width() + self.spacing(), max(line, size.height())
        return y + line

    def _tallest(self) -> int:
        return max((item.sizeHint().height() for item in self._items if not item.isEmpty()), default=0)


def flow(*parts: QWidget | None, spacing: int = 8) -> QWidget:
    """A row of widgets that goes on in the next line where the window is narrow; None: the room left over."""
    row = QWidget()
    layout = FlowLayout(row, spacing)
    for part in parts:
        if part is None:
            layout.rest()
        else:
            layout.addWidget(part)
    return row


class TickBox(QCheckBox):
    """A tick box whose words go on in the next line; what it says to screen readers stays one."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._words = ""
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        policy.setHorizontalPolicy(QSizePolicy.Policy.Preferred)
        policy.setVerticalPolicy(QSizePolicy.Policy.Minimum)  # Fixed would be the height of one line
        self.setSizePolicy(policy)
        self.setText(text)

    def setText(self, text: str) -> None:
        if text != self._words:
            self._words = text
            self.setAccessibleName(text)
            self._wrap()
            self.updateGeometry()

    def text(self) -> str:
        """The words without the breaks."""
        return self._words

    def _around(self) -> QSize:
        """What is beside the words."""
        whole = super().sizeHint()
        lines = super().text().split("\n")
        metrics = self.fontMetrics()
        wide = max(metrics.horizontalAdvance(line) for line in lines)
        return QSize(whole.width() - wide, whole.height() - metrics.lineSpacing() * (len(lines) - 1))

    def _lines(self, width: int) -> list[str]:
        room, lines, metrics = width - self._around().width(), [""], self.fontMetrics()
        for word in self._words.split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and metrics.horizontalAdvance(longer) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def sizeHint(self) -> QSize:
        """All words in one line."""
        around = self._around()
        return QSize(self.fontMetrics().horizontalAdvance(self._words) + around.width() + 1, around.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self.sizeHint().width(), LEAST_WORDS), self._around().height())

    def heightForWidth(self, width: int) -> int:
        more = len(self._lines(width)) - 1
        return self._around().height() + more * self.fontMetrics().lineSpacing()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    def _wrap(self) -> None:
        broken = "\n".join(self._lines(self.width())) if self.isVisible() else self._words
        if super().text() != broken.replace("&", "&&"):
            super().setText(broken.replace("&", "&&"))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wrap()
        self.updateGeometry()  # the font is known now
