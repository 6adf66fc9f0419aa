"""Under the page: what arrives, whether it takes long, why it does not arrive."""

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.first_run import FirstRunView

from ..banner import BusyLines
from ..controls import ActionRow, Ask, button
from ..form import line
from ..text import plain_label, set_text


class Strip(QWidget):
    """Hidden while nothing is on its way. ``use_proxy`` gets the proxy a person typed."""

    def __init__(self, ask: Ask, use_proxy: Callable[[str], None]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 0, 32, 0)
        column.setSpacing(10)
        self._slow = _Notice("banner_info", ask)
        self._problem = _Notice("banner_error", ask)
        self._busy = BusyLines(ask)
        self._proxy_box = QWidget()
        row = QHBoxLayout(self._proxy_box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._proxy = line(tr("Proxy of this network"), "http://proxy.example:3128", 250)
        use = button(tr("Restart Ollama with it"))
        use.clicked.connect(lambda: use_proxy(self._proxy.text().strip()))
        self._proxy.returnPressed.connect(lambda: use_proxy(self._proxy.text().strip()))
        row.addWidget(plain_label(tr("Does this network need a proxy?"), "quiet"))
        row.addWidget(self._proxy)
        row.addWidget(use)
        row.addStretch(1)
        for part in (self._slow, self._problem, self._proxy_box, self._busy):
            column.addWidget(part)
        self._offered: str | None = None

    def render_view(self, view: FirstRunView) -> None:
        """Show what concerns the downloads."""
        self._slow.render_view(view.slow, view)
        self._problem.render_view(view.problem, view)
        self._busy.render_view(view.busy)
        self._proxy_box.setVisible(view.proxy is not None)
        if view.proxy != self._offered:
            self._offered = view.proxy
            self._proxy.setText(view.proxy or "")
        self.setVisible(bool(view.slow or view.problem or view.busy))


class _Notice(QFrame):
    def __init__(self, name: str, ask: Ask) -> None:
        super().__init__()
        self.setObjectName(name)
        self._slow = name == "banner_info"
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        self._text = plain_label(wrap=True)
        self._actions = ActionRow(ask)
        row = QHBoxLayout()
        row.addWidget(self._actions)
        row.addStretch(1)
        column.addWidget(self._text)
        column.addLayout(row)

    def render_view(self, text: str, view: FirstRunView) -> None:
        set_text(self._text, text)
        self.setAccessibleName(text)
        self._actions.render_view(view.slow_actions if self._slow else view.problem_actions)
        self.setVisible(bool(text))
