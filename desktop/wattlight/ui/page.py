"""What the pages of the dashboard share: a scrolling column with banners on top."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from wattlight.viewmodels import NoticeView

from .banner import Banners
from .controls import Ask
from .tokens import GAP


class Page(QScrollArea):
    """One page; ``column`` takes its cards."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(24, 22, 24, 22)
        self.column.setSpacing(GAP)
        self._banners = Banners(ask)
        self.column.addWidget(self._banners)
        self.setWidget(inner)

    def show_notices(self, notices: tuple[NoticeView, ...]) -> None:
        """Show banners above everything else."""
        self._banners.render_view(notices)

    @staticmethod
    def row() -> QHBoxLayout:
        """A row of cards."""
        row = QHBoxLayout()
        row.setSpacing(GAP)
        return row
