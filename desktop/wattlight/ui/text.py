"""Labels that never take text for markup, figures that sit on one line, a box for the last words; and what
screen readers are told of widgets that we paint ourselves."""

import html
import re
from collections.abc import Callable

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QSize, Qt, QTranslator
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAccessibleInterface,
    QColor,
    QFont,
    QFontMetrics,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QAccessibleWidget,
    QApplication,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QSizePolicy,
    QWidget,
)

from wattlight.i18n import language, paragraph, right_to_left, words_language
from wattlight.viewmodels.figures import FigureView

from .theme import Theme

_NUMBER_AND_UNIT = re.compile(r"(?<=\d) (?=(?:GiB|GB|MB|kWh|Wh|W|tokens/s|min|s|h|layers)\b)")
_PIECE = re.compile(r"[^\s/:@_.-]{20}(?=\S)|[/:@_.](?=\S)")
_LONG = re.compile(r"\S{25,}")
"""A word this long may break inside, or it would push the window wide."""


def _breakable(word: "re.Match[str]") -> str:
    return _PIECE.sub("\\g<0>\u200b", word.group())


def plain_label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A label that shows ``text`` as it is. ``role`` names its look in the style ("quiet", "title", …)."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    set_text(label, text)
    if role:
        label.setProperty("role", role)
    return label


def selectable(label: QLabel) -> QLabel:
    """A label whose text can be marked and copied, by mouse and by keyboard."""
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


def read_only_text(role: str, name: str, height: int) -> QPlainTextEdit:
    """A text that can be read, selected and left with Tab."""
    made = QPlainTextEdit()
    made.setReadOnly(True)
    made.setTabChangesFocus(True)
    made.setProperty("role", role)
    made.setAccessibleName(name)
    made.setMinimumHeight(height)
    return made


def set_text(label: QLabel, text: str) -> None:
    """New text, only when it is other (a repaint costs). In wrapping labels a number keeps its unit."""
    text = paragraph(text)
    if label.wordWrap():
        text = _LONG.sub(_breakable, _NUMBER_AND_UNIT.sub("\u00a0", text))
    if label.text() != text:
        label.setText(text)


def show_text(label: QLabel, text: str) -> None:
    """New text; without one the label is hidden."""
    set_text(label, text)
    label.setVisible(bool(text))


def plain_tip(widget: QWidget, text: str) -> None:
    """A tooltip that shows ``text`` as it is, and tells screen readers too."""
    if widget.property("plain_tip") == text:
        return
    widget.setProperty("plain_tip", text)
    widget.setToolTip(f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>" if text else "")
    widget.setAccessibleDescription(text)


def elided(metrics: QFontMetrics, text: str, width: int, name: bool = False) -> str:
    """``text`` cut to ``width``. Of the name of a model the end tells most: its host and folder go first."""
    if metrics.horizontalAdvance(text) <= width:
        return text
    if not name:
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
    if "/" in text:
        text = "…/" + text.rsplit("/", 1)[1]
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)


class ElidedLabel(QLabel):
    """One line that is cut with an ellipsis where the room ends; the whole text is in the tooltip, before
    what :meth:`set_hint` adds. ``name``: it shows the name of a model."""

    def __init__(self, role: str = "", name: bool = False) -> None:
        super().__init__()
        self._named, self._hint = name, ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)

    def set_hint(self, text: str) -> None:
        self._hint = text
        plain_tip(self, text)

    def minimumSizeHint(self) -> QSize:
        """Room for a few letters is enough."""
        size = super().minimumSizeHint()
        return QSize(min(size.width(), 40), size.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        text = elided(self.fontMetrics(), self.text(), self.width(), self._named)
        whole = self.text() if text != self.text() else ""
        plain_tip(self, "\n".join(part for part in (whole, self._hint) if part))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(self.palette().windowText().color())
        painter.drawText(self.rect(), flags, text)
        painter.end()


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


LEAST_FIGURE = 20


class FigureLine(Spoken):
    """A big number with its small sign or unit on the same base line, in tabular figures."""

    def __init__(self, theme: Theme, big: int, small: int, right: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._big, self._small = big, small
        self._right = right
        self._parts: tuple[str, str, str] = ("", "", "")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def render_view(self, view: FigureView) -> None:
        parts = (view.before, view.value, view.after)
        self.setAccessibleName(view.spoken)
        plain_tip(self, view.hint)
        if parts != self._parts:
            self._parts = parts
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """The width of the figure, the height of its numerals."""
        metrics = QFontMetrics(self._theme.font(self._big, True, True))
        return QSize(self._width(self._big), round(metrics.capHeight() * 1.5))

    @property
    def below(self) -> int:
        """Air below the line that the figure stands on."""
        return round(QFontMetrics(self._theme.font(self._big, True, True)).capHeight() * 0.25)

    def minimumSizeHint(self) -> QSize:
        """A figure is never cut: where the room is narrow it is smaller."""
        return QSize(self._width(min(self._big, LEAST_FIGURE)), self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = self._theme.tokens
        sizes = range(self._big, LEAST_FIGURE, -1)
        big = next(
            (size for size in sizes if self._width(size) <= self.width()), min(self._big, LEAST_FIGURE)
        )
        base = self.height() - self.below
        x = self.width() - self._width(big) if self._right != right_to_left() else 0
        for index, (text, font) in enumerate(self._pieces(big)):
            if not text:
                continue
            painter.setFont(font)
            painter.setPen(QColor(tokens.text if index == 1 else tokens.quiet))
            painter.drawText(x, base, text)
            x += QFontMetrics(font).horizontalAdvance(text) + self._space(big)
        painter.end()

    def _pieces(self, size: int) -> list[tuple[str, QFont]]:
        big, small = self._theme.font(size, True, True), self._theme.font(min(self._small, size))
        return list(zip(self._parts, (small, big, small), strict=True))

    def _space(self, size: int) -> int:
        return max(2, round(self._theme.px(size) * 0.09))

    def _width(self, size: int) -> int:
        widths = [
            QFontMetrics(f).horizontalAdvance(t) + self._space(size) for t, f in self._pieces(size) if t
        ]
        return max(0, sum(widths) - self._space(size))


def speak(app: QApplication) -> None:
    """Let Qt's words (of dialogs and the menus of fields), numbers and direction be those of the texts."""
    QLocale.setDefault(QLocale(language()))
    app.setLayoutDirection(
        Qt.LayoutDirection.RightToLeft if right_to_left() else Qt.LayoutDirection.LeftToRight
    )
    for old in app.findChildren(QTranslator, "words"):
        app.removeTranslator(old)
        old.deleteLater()
    words = QTranslator(app)
    words.setObjectName("words")
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if not words_language().startswith("en") and words.load(f"qtbase_{words_language()}", folder):
        app.installTranslator(words)


def last_words(text: str) -> None:
    """Show ``text`` as plain text and wait until it was read."""
    box = QMessageBox()
    box.setWindowTitle("Wattlight")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.exec()
