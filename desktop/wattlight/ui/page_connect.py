"""The page Connect: a program, a model, and the lines to copy."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from wattlight.i18n import tr
from wattlight.viewmodels.activity import notice_views
from wattlight.viewmodels.connect import ConnectView, connect_view
from wattlight.viewmodels.scene import Scene

from .controls import REST, Ask, Card, button, put
from .flow import flow
from .forms import combo, fill
from .text import plain_label, read_only_text, selectable, show_text
from .window import Page

LEAST_LINES, MOST_LINES = 4, 26
AROUND_LINES = 44
"""Air above and below the lines, and the bar that moves long ones."""


class ConnectPage(Page):
    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._scene: Scene
        self._view: ConnectView | None = None
        self._program, self._model = combo(tr("Program")), combo(tr("Model"))
        self._host = combo(tr("Computer"))
        self._program.setMinimumWidth(320)
        for box in (self._program, self._host, self._model):
            box.currentIndexChanged.connect(self._chosen)
        self._lines = read_only_text("code", tr("Lines to copy"), 200)
        self._lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._install = selectable(plain_label(role="code", wrap=True))
        self._needs = plain_label(role="quiet", wrap=True)
        self._empty = plain_label(role="quiet", wrap=True)
        copy = button(tr("Copy"), "primary", self._copy)
        about = tr(
            "Each of these was run with the program it is for. Nothing is sent or installed from here."
        )
        card = Card("", 10)
        choose = flow(self._program, self._host, self._model, REST, copy, spacing=10)
        put(card.column, choose, self._empty, self._install, (self._lines, 1), self._needs)
        head = plain_label(tr("Connect"), "page")
        put(self.column, head, plain_label(about, "quiet", True), card, REST)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        self.show_notices(notice_views(scene))
        self._show()

    def _show(self) -> None:
        chosen = (str(box.currentData() or "") for box in (self._program, self._model, self._host))
        view = connect_view(self._scene, *chosen)
        if view == self._view:
            return
        self._view = view
        fill(self._program, view.programs, view.program)
        fill(self._model, view.models, view.model)
        self._model.setVisible(bool(view.models))
        fill(self._host, view.hosts, view.host)
        self._host.setVisible(bool(view.hosts))
        if self._lines.toPlainText() != view.text.rstrip("\n"):
            self._lines.setPlainText(view.text.rstrip("\n"))
            lines = min(max(self._lines.blockCount(), LEAST_LINES), MOST_LINES)
            self._lines.setFixedHeight(lines * self._lines.fontMetrics().lineSpacing() + AROUND_LINES)
        show_text(self._install, view.install)
        show_text(self._needs, "\n".join(view.needs))
        show_text(self._empty, view.empty)

    def _chosen(self) -> None:
        if self._view is not None:
            self._show()

    def _copy(self) -> None:
        if self._view is not None:
            QGuiApplication.clipboard().setText(self._view.text)
