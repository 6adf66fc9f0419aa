"""The card of the server's own settings on the page Settings."""

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.server_variables import (
    EditorView,
    VariableLine,
    VariablesView,
    editor_view,
    shown_only,
    understood_variable,
    variables_view,
)

from .controls import REST, ActionRow, Ask, button, clear, put, spaced
from .energy_access import CommandLines
from .flow import TickBox
from .forms import Form, combo, fill, line
from .text import ElidedLabel, plain_label, selectable, set_text, show_text


class VariableLines(QWidget):
    """Name, what is set, what is in force; made anew only when they are others."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        for column, share in enumerate((4, 3, 3)):
            self._grid.setColumnStretch(column, share)
        self._shown: tuple[VariableLine, ...] | None = None

    def render_lines(self, lines: tuple[VariableLine, ...]) -> None:
        if lines == self._shown:
            return
        self._shown = lines
        clear(self._grid)
        for column, text in enumerate((tr("Variable"), tr("Set here"), tr("In force"))):
            self._grid.addWidget(plain_label(text, "quiet"), 0, column)
        for row, item in enumerate(lines, 1):
            for column, text in enumerate((item.name, item.ours, item.now)):
                bad = column == 2 and item.differs
                cell = ElidedLabel("bad" if bad else "")
                set_text(cell, text)
                if bad:
                    cell.set_hint(tr("It is not what was set; restart the server."))
                self._grid.addWidget(cell, row, column)
        self.setVisible(bool(lines))


class VariablesCard(Form):
    """Nothing is written before its diff was shown; nothing is restarted unasked."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(tr("Ollama's own settings"))
        self._ask = ask
        self._scene: Scene
        self._shown: VariablesView | None = None
        self._editor: EditorView | None = None
        self._lines = VariableLines()
        self._all = TickBox(tr("Show all variables"))
        self._all.toggled.connect(self._list)
        self._name = combo(tr("Variable"))
        self._name.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # it is filled later
        self._name.currentIndexChanged.connect(self._edit)
        self._words = combo(tr("Value"))
        self._words.setMinimumWidth(110)
        self._typed = line(tr("Value"), "", 200)
        self._typed.returnPressed.connect(self._plan)
        self._set = button(tr("Set…"), clicked=self._plan)
        self._unset = button(tr("Take away…"), clicked=self._plan_unset)
        self._diff = selectable(plain_label(role="code", wrap=True))
        self._diff.hide()
        self._commands, self._actions = CommandLines(), ActionRow(ask)
        self._about = self.add_note("")
        self.add("", self._lines)
        self.add("", self._all)
        self.add(tr("Change"), self._name)
        self._meaning = self.add_note("")
        self.add(tr("Value"), self._words, self._typed, self._set, self._unset)
        self._error = self.add_error()
        self.add("", self._diff)
        self._said = self.add_note("")
        self.add("", self._commands)
        buttons = QWidget()
        put(spaced(QHBoxLayout(buttons), 0), self._actions, REST)
        self.add("", buttons)
        self._reach = QWidget()
        self._reach_column = spaced(QVBoxLayout(self._reach), 6)
        self._reached: object = None
        self._reach.hide()
        self.add("", self._reach)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask(Command(Verb.READ_VARIABLES))

    def render_scene(self, scene: Scene) -> None:
        """Show what is set and in force, and the change that waits."""
        self._scene = scene
        view = variables_view(scene)
        if view == self._shown:
            return
        self._shown = view
        set_text(self._about, view.about)
        if self._name.count() == 0:
            fill(self._name, view.names, view.names[0].value)
        self._list()
        self._edit()
        show_text(self._diff, view.diff)
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)
        self._commands.render_view(view.commands)
        self._actions.render_view(view.actions)
        self._show_reach()

    def _list(self) -> None:
        lines = self._shown.lines if self._shown is not None else ()
        everything = self._all.isChecked()
        self._lines.render_lines(tuple(item for item in lines if everything or item.notable))
        self._reach.setVisible(everything)

    def _edit(self) -> None:
        """The editor of the variable that is chosen; what is being typed stays."""
        view = editor_view(self._scene, str(self._name.currentData()))
        if view == self._editor:
            return
        self._editor = view
        set_text(self._meaning, view.about)
        self._words.setVisible(bool(view.values))
        self._typed.setVisible(not view.values)
        if view.values:
            known = [choice.value for choice in view.values]
            fill(self._words, view.values, view.value if view.value in known else known[0])
        self._typed.setText(view.value)
        self._typed.setPlaceholderText(view.example)
        self._unset.setVisible(view.can_unset)
        show_text(self._error, "")

    def _plan(self) -> None:
        view = self._editor
        value = self._typed.text() if view is None or not view.values else str(self._words.currentData())
        command, error = understood_variable(str(self._name.currentData()), value)
        show_text(self._error, error)
        if command is not None:
            self._ask(command)

    def _plan_unset(self) -> None:
        self._ask(Command(Verb.PLAN_VARIABLE, str(self._name.currentData()), number=1))

    def _show_reach(self) -> None:
        """What Wattlight never changes, with the commands of its owner."""
        told = shown_only(self._scene)
        if told == self._reached:
            return
        self._reached = told
        clear(self._reach_column)
        for text, commands in told:
            lines = CommandLines()
            lines.render_view(commands)
            put(self._reach_column, plain_label(text, "quiet", wrap=True), lines)
