"""A line to choose, with everything that is to be known before."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from wattlight.viewmodels.first_run import ModelChoice

from ..controls import Pill
from ..text import ElidedLabel, plain_label, plain_tip, set_text
from ..theme import Theme


class ChoiceRow(QPushButton):
    """One of several, as a radio button is; arrow keys move among them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "choice")
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.model = ""
        self._mark = _Mark(theme, self)
        self._name = ElidedLabel("strong")
        self._pill = Pill(theme)
        self._speed = plain_label(role="quiet")
        self._size = plain_label(role="strong")
        self._time = plain_label(role="quiet")
        right = Qt.AlignmentFlag.AlignRight
        line = QHBoxLayout(self)
        line.setContentsMargins(16, 12, 16, 12)
        line.setSpacing(14)
        line.addWidget(self._mark)
        left = QVBoxLayout()
        left.setSpacing(5)
        left.addWidget(self._name)
        under = QHBoxLayout()
        under.setSpacing(10)
        under.addWidget(self._pill)
        under.addWidget(self._speed)
        under.addStretch(1)
        left.addLayout(under)
        line.addLayout(left, 1)
        far = QVBoxLayout()
        far.setSpacing(5)
        far.addWidget(self._size, 0, right)
        far.addWidget(self._time, 0, right)
        line.addLayout(far)
        for part in (self._mark, self._name, self._pill, self._speed, self._size, self._time):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        """What the line in it needs."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As high as its line; the name may be cut."""
        return QSize(320, self.sizeHint().height())

    def render_view(self, view: ModelChoice) -> None:
        """Show a model."""
        self.model = view.model
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        set_text(self._speed, view.speed)
        set_text(self._size, view.size)
        set_text(self._time, view.time)
        self.setEnabled(view.enabled)
        self.setChecked(view.chosen)
        plain_tip(self, view.why)
        self.setAccessibleName(view.spoken)
        self._mark.update()


class _Mark(QWidget):
    """The ring of a radio button."""

    def __init__(self, theme: Theme, row: QPushButton) -> None:
        super().__init__()
        self._theme, self._row = theme, row
        self.setFixedSize(18, 18)
        row.toggled.connect(lambda _on: self.update())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = self._theme.tokens
        on = self._row.isChecked()
        painter.setPen(QPen(QColor(tokens.button if on else tokens.faint), 1.5))
        painter.setBrush(QColor(tokens.card))
        painter.drawEllipse(QPointF(9, 9), 7.5, 7.5)
        if on:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.button))
            painter.drawEllipse(QPointF(9, 9), 4, 4)
        painter.end()
