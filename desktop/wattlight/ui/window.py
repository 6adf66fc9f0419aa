"""What windows share: theme, question bar, Esc, pages, and where they were on the screen."""

import re
from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QContextMenuEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command
from wattlight.i18n import tr
from wattlight.viewmodels.activity import NoticeView

from .controls import Ask, TableGrid, put, spaced
from .messages import Banners, QuestionBar
from .text import FigureLine, Role, Spoken, announce
from .theme import Theme, style_sheet
from .tokens import GAP


class ThemedWindow(Spoken):
    """A top-level window in our style. ``seen`` is called with True when shown and False when hidden."""

    spoken_as = Role.Window

    def __init__(self, theme: Theme, do: Ask, seen: Callable[[bool], None]) -> None:
        super().__init__()
        self.setObjectName("root")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._theme = theme
        self._do = do
        self._seen = seen
        self.question = QuestionBar(do)
        self.may_close: Callable[[], bool] = lambda: True
        theme.changed.connect(self.restyle)

    def ask(self, command: Command) -> None:
        """Hand a click on; a heavy one is asked about first."""
        if command.question:
            self.question.ask(command)
        else:
            self._do(command)

    def restyle(self) -> None:
        self.setPalette(self._theme.palette())
        self.setStyleSheet(style_sheet(self._theme))
        for child in self.findChildren(QWidget):
            child.update()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes as one reads. Qt goes in the order in which widgets were made, and a message that came
        later would be the last."""
        order = list(in_reading_order(self))
        if not order:
            return False
        now = self.focusWidget()  # also while another window is the active one
        at = order.index(now) if now in order else (-1 if forward else 0)
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        order[(at + (1 if forward else -1)) % len(order)].setFocus(reason)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes a question back, else closes; Copy takes the figures (a field copies what is marked)."""
        if event.key() == Qt.Key.Key_Escape:
            if not self.question.cancel():
                self.close()
            return
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_figures()
            return
        super().keyPressEvent(event)

    def figures(self) -> str:
        """What the figures and tables that are seen say, from top to bottom, as lines of text."""
        parts: list[QWidget] = [*self.findChildren(FigureLine), *self.findChildren(TableGrid)]
        seen = [part for part in parts if part.isVisible()]
        seen.sort(key=lambda part: (part.mapTo(self, QPoint()).y(), part.mapTo(self, QPoint()).x()))
        texts = (part.as_text if isinstance(part, TableGrid) else part.accessibleName() for part in seen)
        return "\n".join(text for text in texts if text)

    def copy_figures(self) -> None:
        QGuiApplication.clipboard().setText(self.figures())
        announce(self, tr("Copied."))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy the figures"), QKeySequence.StandardKey.Copy, self.copy_figures)
        menu.popup(event.globalPos())

    def showEvent(self, event: QShowEvent) -> None:
        bound(self, self.screen().availableGeometry())
        super().showEvent(event)
        self.setFocus()  # no ring around a button that nobody chose; Tab begins at the first
        self._seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._seen(False)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing hides; metering goes on."""
        event.ignore()
        if self.may_close():
            self.hide()

    def changeEvent(self, event: QEvent) -> None:
        """A minimised window is not looked at."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.WindowStateChange:
            self._seen(self.isVisible() and not self.isMinimized())


def in_reading_order(part: QWidget | QLayout) -> Iterator[QWidget]:
    """What Tab reaches in ``part``, as it lies: line by line in a grid, else as it was put in."""
    if isinstance(part, QLayout):
        items = [(part.itemAt(index), index) for index in range(part.count())]
        if isinstance(part, QGridLayout):
            items.sort(key=lambda item: part.getItemPosition(item[1])[:2])  # type: ignore[index]
        for item, _ in items:
            inner = None if item is None else item.widget() or item.layout()
            if inner is not None:
                yield from in_reading_order(inner)
        return
    if not part.isVisible():
        return
    if part.isEnabled() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield part
    inner = (
        part.layout()
        if not isinstance(part, QScrollArea | QStackedWidget)
        else (part.widget() if isinstance(part, QScrollArea) else part.currentWidget())
    )
    if inner is not None:
        yield from in_reading_order(inner)


class ScrollColumn(QScrollArea):
    """A column that scrolls where there is less room than it needs; ``column`` takes its parts."""

    def __init__(self, spacing: int, margins: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        self.column = spaced(QVBoxLayout(inner), spacing, margins)
        self.setWidget(inner)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow)

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        """What takes the keyboard is seen, also where Tab comes from outside."""
        if now is not None and self.isAncestorOf(now):
            self.ensureWidgetVisible(now, 0, 8)


ROOMY = 640
"""A narrower page has less air at its sides."""


class Page(ScrollColumn):
    """One page of the dashboard, with banners on top."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(GAP, (24, 22, 24, 22))
        self._banners = Banners(ask)
        self.column.addWidget(self._banners)

    def show_notices(self, notices: tuple[NoticeView, ...]) -> None:
        """Show banners above everything else."""
        self._banners.render_view(notices)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        sides = self.column.contentsMargins()
        side = 24 if self.width() >= ROOMY else 12
        if sides.left() != side:
            self.column.setContentsMargins(side, sides.top(), side, sides.bottom())

    @staticmethod
    def row(*cards: QWidget) -> QHBoxLayout:
        return put(spaced(QHBoxLayout(), GAP), *((card, 1) for card in cards))


_FORM = re.compile(r"(\d{1,5})x(\d{1,5})(?:([+-]\d{1,6})([+-]\d{1,6}))?( max)?")
GRIP = QSize(120, 32)
"""So much of the title bar must be on a screen, or nobody could get hold of the window."""


def geometry_text(window: QWidget) -> str:
    """Size and place: "980x660+40+60", with " max" when it fills the screen. Wayland tells no place."""
    normal = window.normalGeometry() if window.isMaximized() else window.geometry()
    place = ""
    if QGuiApplication.platformName() != "wayland":
        corner = normal.topLeft() if window.isMaximized() else window.pos()
        place = f"{corner.x():+d}{corner.y():+d}"
    return f"{normal.width()}x{normal.height()}{place}{' max' if window.isMaximized() else ''}"


def restore(window: QWidget, text: str | None) -> None:
    """Give a window its size and place back, as far as the screens of today allow."""
    match = _FORM.fullmatch(text or "")
    if match is None:
        return
    width, height, x, y, filled = match.groups()
    size = QSize(int(width), int(height)).expandedTo(window.minimumSize())
    wanted = QRect(int(x), int(y), size.width(), size.height()) if x else None
    spot = fitting(wanted, size, _rooms())
    window.resize(spot.size())
    if wanted is not None:
        window.move(spot.topLeft())
    if filled:
        window.showMaximized()


def fitting(wanted: QRect | None, size: QSize, rooms: Sequence[QRect]) -> QRect:
    """A rectangle no larger than its screen; ``wanted`` where its title bar can be got hold of, else in the
    middle of the first screen."""
    if wanted is not None:
        bar = QRect(wanted.topLeft(), QSize(wanted.width(), GRIP.height()))
        for room in rooms:
            seen = bar.intersected(room)
            if seen.width() >= GRIP.width() and seen.height() >= GRIP.height():
                return QRect(wanted.topLeft(), wanted.size().boundedTo(room.size()))
    room = rooms[0] if rooms else QRect(0, 0, size.width(), size.height())
    spot = QRect(room.topLeft(), size.boundedTo(room.size()))
    spot.moveCenter(room.center())
    return spot


def bound(window: QWidget, room: QRect) -> None:
    """Make a window no larger than the free part of its screen, title bar included, even where that is less
    than it would need: what is in it scrolls then."""
    most = room.size() - QSize(0, GRIP.height())
    if window.minimumWidth() > most.width() or window.minimumHeight() > most.height():
        window.setMinimumSize(window.minimumSize().boundedTo(most))
    if window.width() > most.width() or window.height() > most.height():
        window.resize(window.size().boundedTo(most))


def _rooms() -> list[QRect]:
    """The free part of each screen, the main one first."""
    first = QGuiApplication.primaryScreen()
    screens = sorted(QGuiApplication.screens(), key=lambda screen: screen is not first)
    return [screen.availableGeometry() for screen in screens]
