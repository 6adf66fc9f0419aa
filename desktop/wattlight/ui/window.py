"""What both windows share: theme, question bar, Esc, and telling when they are seen."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from wattlight.viewmodels import Command

from .banner import QuestionBar
from .controls import Ask
from .style import style_sheet
from .theme import Theme


class ThemedWindow(QWidget):
    """A top-level window in our style. ``seen`` is called with True when shown and False when hidden."""

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
        """Take the tokens of the theme in force."""
        self.setPalette(self._theme.palette())
        self.setStyleSheet(style_sheet(self._theme))
        for child in self.findChildren(QWidget):
            child.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes a question back, else closes."""
        if event.key() == Qt.Key.Key_Escape:
            if not self.question.cancel():
                self.close()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Someone looks."""
        super().showEvent(event)
        self.setFocus()  # no ring around a button that nobody chose; Tab begins at the first
        self._seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks any more."""
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
