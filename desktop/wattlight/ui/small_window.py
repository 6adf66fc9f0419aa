"""The small window: what a left click on the icon opens, and the first window where there is no tray."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.small_window import SmallWindowView, SmallWindowViews

from .controls import REST, ActionButton, Ask, button, put, rule, spaced
from .icons import app_icon
from .messages import Banners, BusyLines, EmptyBox, SwitchRows
from .page_now import RunningLines
from .power_chart import PowerChart
from .text import FigureLine, plain_label, set_text
from .theme import Theme
from .tokens import FIGURE, FIGURE_LARGE, TITLE
from .window import ScrollColumn, ThemedWindow

SIZE = QSize(360, 440)
SIDE = 18
ROW_AIR = 8


class SmallWindow(ThemedWindow):
    """About 360 x 440."""

    def __init__(self, theme: Theme, do: Ask, seen: Callable[[bool], None]) -> None:
        super().__init__(theme, do, seen)
        self.setProperty("small", True)
        self.setWindowTitle("Wattlight")
        self.setWindowIcon(app_icon())
        self._views = SmallWindowViews()
        self._view: SmallWindowView | None = None
        put(spaced(QVBoxLayout(self), 0), (self._body(theme), 1), rule(), self._foot())
        self.restyle()
        self.resize(SIZE)
        self.setMinimumSize(300, 260)

    def render_scene(self, scene: Scene) -> None:
        self.render_view(self._views.view(scene))

    def render_view(self, view: SmallWindowView) -> None:
        """Show a state; an equal one changes nothing."""
        if view == self._view:
            return
        self._view = view
        self._banners.render_view(view.notices)
        self._label_cost.setText(view.cost.label)
        self._label_power.setText(view.power.label)
        self._cost.render_view(view.cost)
        self._power.render_view(view.power)
        set_text(self._sure, view.paused_text or view.sure)
        self._price.render_view(view.price_question)
        self._chart.render_view(view.chart)
        self._chart.setVisible(bool(view.chart.series or view.chart.empty_text))
        self._busy.render_view(view.busy)
        self._running.render_view(view.running)
        self._others.render_view(view.others)
        self._more.setVisible(bool(view.more_text))
        self._more.setText(view.more_text)
        self._empty.render_view(view.empty)
        self._rule_running.setVisible(bool(view.running))
        self._rule_others.setVisible(bool(view.others) or view.empty is not None or bool(view.busy))

    def _body(self, theme: Theme) -> ScrollColumn:
        scroll = ScrollColumn(9, (SIDE - ROW_AIR, 16, SIDE - ROW_AIR, 12))
        column = scroll.column
        self._banners = Banners(self.ask, narrow=True)
        inset(column, self._banners)
        inset(column, self.question)
        column.addLayout(self._head(theme))
        self._chart = PowerChart(theme, spark=True)
        self._chart.setFixedHeight(66)
        inset(column, self._chart)
        self._rule_running, self._rule_others = rule(), rule()
        self._busy = BusyLines(self.ask, narrow=True)
        self._running = RunningLines(theme, self.ask, short=True)
        self._others = SwitchRows(self.ask)
        self._more = button("", "link", lambda: self._do(Command(Verb.OPEN_MODELS)))
        self._empty = EmptyBox(self.ask)
        for part in (self._busy, self._rule_running, self._running, self._rule_others):
            inset(column, part)
        column.addWidget(self._others)  # the ground under the mouse is wider than the text of a row
        inset(column, self._more, Qt.AlignmentFlag.AlignLeft)
        inset(column, self._empty)
        column.addStretch(1)
        return scroll

    def _head(self, theme: Theme) -> QVBoxLayout:
        self._label_cost, self._label_power = plain_label(role="label"), plain_label(role="label")
        self._cost = FigureLine(theme, FIGURE_LARGE, TITLE + 5)
        self._power = FigureLine(theme, FIGURE, TITLE, right=True)
        self._label_power.setAlignment(Qt.AlignmentFlag.AlignRight)
        left = put(spaced(QVBoxLayout(), 2), self._label_cost, self._cost)
        right = put(spaced(QVBoxLayout(), 2), REST, self._label_power)
        right.addWidget(self._power, 0, Qt.AlignmentFlag.AlignRight)
        right.addSpacing(self._cost.below - self._power.below)  # both figures stand on one line
        self._sure = plain_label(role="quiet", wrap=True)
        self._price = ActionButton(self.ask, "link")
        column = spaced(QVBoxLayout(), 2, (ROW_AIR, 0, ROW_AIR, 0))
        put(column, put(QHBoxLayout(), left, REST, right), self._sure)
        column.addWidget(self._price, 0, Qt.AlignmentFlag.AlignLeft)
        return column

    def _foot(self) -> QHBoxLayout:
        models = button(tr("Get models…"), clicked=lambda: self._do(Command(Verb.OPEN_MODELS)))
        dashboard = button(tr("Dashboard"), clicked=lambda: self._do(Command(Verb.OPEN_NOW)))
        more = button("⋯", "flat", lambda: self._show_more(more))
        more.setAccessibleName(tr("More"))
        return put(spaced(QHBoxLayout(), 8, (SIDE, 12, SIDE, 14)), models, REST, more, dashboard)

    def _show_more(self, at: QWidget) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        paused = self._view is not None and self._view.paused_text
        pause = (tr("Resume metering"), Verb.RESUME) if paused else (tr("Pause metering"), Verb.PAUSE)
        for text, verb in ((tr("Settings…"), Verb.OPEN_SETTINGS), pause, (tr("Quit"), Verb.QUIT)):
            entry = QAction(text, menu)
            entry.triggered.connect(lambda _checked=False, v=verb: self._do(Command(v)))
            menu.addAction(entry)
        menu.popup(at.mapToGlobal(QPoint(0, -menu.sizeHint().height())))


def inset(column: QVBoxLayout, part: QWidget, side: Qt.AlignmentFlag | None = None) -> None:
    """Add a part with the air that rows have inside."""
    box = put(QHBoxLayout(), part if side is None else (part, side))
    box.setContentsMargins(ROW_AIR, 0, ROW_AIR, 0)
    column.addLayout(box)
