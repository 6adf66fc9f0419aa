"""A program for tests: the real face, fed with made-up scenes, its application writing down every command.

tray_app.py LOG SCENE [arguments]; lines on standard input change the scene or ask for figures.
"""

import json
import os
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QColor, QIcon, QPixmap

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import Notice
from wattlight.paths import places_for_user
from wattlight.services.application import ChangeSettings
from wattlight.ui import DesktopUi, early_icon
from wattlight.ui.icons import tray_icon
from wattlight.viewmodels.scene import Scene


class LoggingApplication:
    """Writes every call as one JSON line."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")
        self.face: DesktopUi | None = None

    def note(self, *what: Any) -> None:
        """One line."""
        self._file.write(json.dumps(what) + "\n")
        self._file.flush()

    def do(self, command: Command | ChangeSettings) -> None:
        """One line; a quit ends the face, as the real one does."""
        if isinstance(command, ChangeSettings):
            after = command.after
            self.note("apply_settings", after.told_tray_closing, after.theme, after.window_geometry)
            return
        self.note(command.verb.value, *([command.model] if command.model else []))
        if command.verb is Verb.QUIT and self.face is not None:
            self.face.stop()


class Lag:
    """The longest time the event loop did not come round."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin anew."""
        self.longest, self._last = 0.0, time.monotonic()
        self._timer.start()

    def stop(self) -> None:
        """No more waking."""
        self._timer.stop()

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last - 0.005)
        self._last = now


def storm(face: DesktopUi, controller: LoggingApplication, seconds: float, lag: Lag) -> None:
    """Publish as fast as four threads can, then write down the longest delay of the event loop."""
    base = made_up_day.state()
    end = time.monotonic() + seconds

    def publish(offset: int) -> None:
        count = 0
        while time.monotonic() < end:
            count += 1
            moved = replace(base.hosts[0].sample, at=made_up_day.NOW + timedelta(seconds=count + offset))
            face.publish(replace(base, hosts=(replace(base.hosts[0], sample=moved),)))
            time.sleep(0.0005)

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]

    def finish() -> None:
        for thread in threads:
            thread.join()
        face._bridge.call(lambda: (lag.stop(), controller.note("lag", lag.longest)))

    for thread in threads:
        thread.start()
    threading.Thread(target=finish).start()


def scene_named(name: str) -> Scene:
    """A made-up scene, or the evening of the README."""
    if name != "november":
        return made_up_day.SCENES[name]()
    from fakes.november_day import evening

    with tempfile.TemporaryDirectory() as folder:
        return evening(Path(folder)).scene


def main() -> int:
    """Run until quit."""
    log, scene_name, *arguments = sys.argv[1:]
    controller = LoggingApplication(Path(log))
    places = places_for_user()
    early = early_icon(places, arguments)
    if early is None:
        controller.note("second")
        return 0
    scene = scene_named(scene_name)
    face = DesktopUi(
        controller,
        scene.state,
        replace(scene.settings, first_run_done=True),
        arguments,
        early,
        scene.extras,
        lambda: scene.now,
    )
    controller.face = face
    lag = Lag()

    rest = b""

    def heard() -> None:
        nonlocal rest
        data = os.read(0, 4096)
        *lines, rest = (rest + data).split(b"\n")
        if not data:
            reading.setEnabled(False)
        for line in lines:
            obey(line.decode().split())

    def obey(words: list[str]) -> None:
        if words[0] == "scene":
            other = scene_named(words[1])
            face.publish(other.state, other.extras, other.settings)
        elif words[0] == "storm":
            lag.start()
            storm(face, controller, float(words[1]), lag)
        elif words[0] == "mark":
            square = QPixmap(64, 64)
            square.fill(QColor(words[1]))
            face.keeper.tray.setIcon(QIcon(square))
        elif words[0] == "unmark":
            face.keeper.tray.setIcon(tray_icon("ready"))
        elif words[0] == "close":
            face.windows.small.close()
        elif words[0] == "place":
            face._save(replace(face._settings, window_geometry=" ".join(words[1:])))
            face.windows.show_dashboard()
        elif words[0] == "where":
            spot, room = face.windows.dashboard.frameGeometry(), face.windows.dashboard.screen().geometry()
            controller.note("where", spot.getRect(), room.getRect(), face.windows.dashboard.size().toTuple())
        elif words[0] == "sizes":
            face.windows.show_dashboard()
            face.windows.show_first_run()
            face.windows.show_small()
            made = {"small": face.windows.small, "dashboard": face.windows.dashboard}
            made["first run"] = face.windows.first_run
            QTimer.singleShot(
                300,
                lambda: controller.note(
                    "sizes",
                    {n: (w.width(), w.height() + 32) for n, w in made.items()},
                    face.windows.small.screen().availableGeometry().getRect(),
                ),
            )
        elif words[0] == "hide":
            face.windows.dashboard.close()
        elif words[0] == "notify":
            lag.start()
            notices = tuple(
                Notice(f"kind {n}", "Today's budget is used up.", made_up_day.NOW, "warning")
                for n in range(9)
            )
            face.publish(replace(scene.state, notices=notices))
            QTimer.singleShot(1500, lambda: (lag.stop(), controller.note("lag", lag.longest)))
        elif words[0] == "report":
            small, dashboard = face.windows.small, face.windows.dashboard
            controller.note(
                "report",
                bool(small and small.isVisible()),
                bool(dashboard and dashboard.isVisible()) and dashboard.page,
                bool(small and small.question.isVisible()),
            )

    reading = QSocketNotifier(0, QSocketNotifier.Type.Read)
    reading.activated.connect(heard)
    QTimer.singleShot(0, lambda: controller.note("running"))
    return face.start()


if __name__ == "__main__":
    sys.exit(main())
