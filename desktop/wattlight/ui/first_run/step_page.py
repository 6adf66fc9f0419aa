"""What the pages of the first run share."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView


class StepPage(QScrollArea):
    """One page; ``column`` takes its parts. It scrolls where a large font needs more room."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(32, 0, 32, 8)
        self.column.setSpacing(12)
        self.setWidget(inner)

    def render_view(self, view: FirstRunView) -> None:
        """Show the page."""
        raise NotImplementedError

    def leave(self, settings: Settings) -> tuple[Settings, str]:
        """The settings with what was chosen here, or a sentence what is wrong with it."""
        return settings, ""

    def focus_first(self) -> bool:
        """Put the cursor where the person begins; False leaves it to the main button."""
        return False
