"""The real desktop program, and a person who only has a keyboard.

first_run_person.py STEP...; each step is one argument:
    see PAGE          wait until the first run shows this page
    text WORDS        wait until WORDS stand somewhere in the window
    small             wait until the small window is shown
    field             wait until the cursor stands in a field
    key NAME          press a key (Return, Space, Tab, Up, Down, Alt+Left, Escape)
    reach WORDS       press Tab until the focus is on a button with WORDS, then Space
    grab FILE         write a picture of the window
    pull NAME         ask for a download as a click does
    gone FILE         wait until FILE is not there any more
    kill              end at once, as a crash would
Ends with 0 after the last step, with 3 (and what was seen) when a step takes longer than half a minute.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget

LIMIT_S = float(os.environ.get("FIRST_RUN_LIMIT_S", "30"))
KEYS = {
    "Return": Qt.Key.Key_Return,
    "Space": Qt.Key.Key_Space,
    "Tab": Qt.Key.Key_Tab,
    "Up": Qt.Key.Key_Up,
    "Down": Qt.Key.Key_Down,
    "Escape": Qt.Key.Key_Escape,
    "Left": Qt.Key.Key_Left,
}


def windows() -> list[QWidget]:
    """Windows that are seen."""
    return [w for w in QApplication.topLevelWidgets() if w.isVisible() and w.windowTitle()]


def texts() -> str:
    """Everything that can be read in them."""
    found: list[str] = []
    for window in windows():
        for label in window.findChildren(QLabel):
            if label.isVisible():
                found.append(label.text())
        for made in window.findChildren(QAbstractButton):
            if made.isVisible():
                found.append(made.accessibleName() or made.text())
        for edit in window.findChildren(QPlainTextEdit):
            if edit.isVisible():
                found.append(edit.toPlainText())
        for field in window.findChildren(QLineEdit):
            if field.isVisible():
                found.append(field.text())
    return "\n".join(found).replace("\u00a0", " ").replace("\u200b", "")


class Person:
    """Does one step after another while the program runs."""

    def __init__(self, program: object, steps: list[str]) -> None:
        self._program = program
        self._work = self._all(steps)
        self._began = time.monotonic()
        self.code = 3
        self._timer = QTimer()
        self._timer.setInterval(30)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        try:
            next(self._work)
        except StopIteration:
            self._timer.stop()
            self.code = 0
            self._leave()
        except TimeoutError as error:
            self._timer.stop()
            sys.stderr.write(f"{error}\n--- seen ---\n{texts()}\n")
            self._leave()

    def _leave(self) -> None:
        self._program._ui.stop()

    def _all(self, steps: list[str]) -> Iterator[None]:
        for step in steps:
            word, _, rest = step.partition(" ")
            began = time.monotonic()
            for _ in getattr(self, f"_{word}")(rest):
                if time.monotonic() - began > LIMIT_S:
                    raise TimeoutError(f"step {step!r} did not happen")
                yield
            print(f"{time.monotonic() - self._began:6.2f} s  {step}", flush=True)
            yield

    def _window(self) -> QWidget:
        return windows()[0]

    def _see(self, page: str) -> Iterator[None]:
        while True:
            made = self._program._ui.windows.first_run
            if made is not None and made.isVisible() and made.step == page:
                return
            yield

    def _small(self, _rest: str) -> Iterator[None]:
        while True:
            made = self._program._ui.windows.small
            if made is not None and made.isVisible():
                return
            yield

    def _text(self, words: str) -> Iterator[None]:
        while words not in texts():
            yield

    def _field(self, _rest: str) -> Iterator[None]:
        while not isinstance(QApplication.focusWidget(), QLineEdit):
            yield

    def _key(self, name: str) -> Iterator[None]:
        modifier = Qt.KeyboardModifier.NoModifier
        if name.startswith("Alt+"):
            modifier, name = Qt.KeyboardModifier.AltModifier, name.removeprefix("Alt+")
        QTest.keyClick(QApplication.focusWidget() or self._window(), KEYS[name], modifier)
        yield

    def _reach(self, words: str) -> Iterator[None]:
        for _ in range(60):
            focus = QApplication.focusWidget() or self._window().focusWidget()
            if isinstance(focus, QAbstractButton) and words in (focus.accessibleName() or focus.text()):
                QTest.keyClick(focus, Qt.Key.Key_Space)
                return
            QTest.keyClick(focus or self._window(), Qt.Key.Key_Tab)
            yield
        raise TimeoutError(f"Tab never reached {words!r}")

    def _grab(self, file: str) -> Iterator[None]:
        for _ in range(4):
            yield
        self._window().grab().save(file)

    def _pull(self, name: str) -> Iterator[None]:
        from wattlight.domain.command import Command, Verb

        self._program._ui.do(Command(Verb.PULL, name))
        yield

    def _gone(self, file: str) -> Iterator[None]:
        while Path(file).exists():
            yield

    def _kill(self, _rest: str) -> Iterator[None]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield


def main(steps: list[str]) -> int:
    """Run the program until the steps are done."""
    from wattlight.bootstrap.desktop_program import DesktopProgram
    from wattlight.services.factory import ServiceFactory
    from wattlight.ui import early_icon

    workshop = ServiceFactory()
    early = early_icon(workshop.places, [])
    assert early is not None, "another one runs"
    program = DesktopProgram(workshop, early, [])
    person = Person(program, steps)
    program.run()
    return person.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
