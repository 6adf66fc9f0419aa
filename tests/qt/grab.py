"""Draws the windows from made-up scenes into pictures (any Qt platform, the offscreen one too)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from fakes import made_up_day
from wattlight.domain.command import Command
from wattlight.domain.state import Trial
from wattlight.settings import Settings
from wattlight.ui.controls import Ask
from wattlight.ui.dashboard import PAGES, Dashboard
from wattlight.ui.small_window import SmallWindow
from wattlight.ui.theme import Theme
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.small_window import small_window_view

README_MODEL = "qwen3.8:27b"
"""Which offer the picture of the models shows in detail."""


class ShownCard:
    """A card alone; what it saves comes back with the next scene. ``make`` gets what asks and saves."""

    def __init__(
        self, make: Callable[[Ask, Callable[[Settings], None]], Any], scene: Scene | None = None
    ) -> None:
        self.asked: list[Command] = []
        self.saved: list[Settings] = []
        self.scene: Scene = scene or made_up_day.evening()
        self.card = make(self.asked.append, self.save)
        self.card.render_scene(self.scene)
        self.card.show()
        settle()

    def save(self, settings: Settings) -> None:
        self.saved.append(settings)
        self.scene = replace(self.scene, settings=settings)
        self.card.render_scene(self.scene)

    def say(self, **state: Trial) -> None:
        self.scene = replace(self.scene, state=replace(self.scene.state, **state))
        self.card.render_scene(self.scene)

    def field(self, name: str) -> QLineEdit:
        return next(f for f in self.card.findChildren(QLineEdit) if f.accessibleName() == name)

    def type(self, name: str, text: str) -> None:
        self.field(name).setText(text)
        self.field(name).editingFinished.emit()

    @property
    def texts(self) -> list[str]:
        return [label.text() for label in self.card.findChildren(QLabel) if label.isVisible()]


class Drawn:
    """Both windows of one theme; what was clicked and saved is kept."""

    def __init__(self, app: QApplication, wish: str) -> None:
        self.theme = Theme(app, wish)
        self.commands: list[Command] = []
        self.saved: list[Settings] = []
        self.seen: list[bool] = []
        self.small = SmallWindow(self.theme, self.commands.append, self.seen.append)
        self.dashboard = Dashboard(self.theme, self.commands.append, self.seen.append, self.saved.append)

    def show_small(self, scene: Scene) -> SmallWindow:
        """The small window with a scene."""
        self.small.render_view(small_window_view(scene))
        self.small.show()
        settle()
        return self.small

    def show_page(self, scene: Scene, page: str, model: str = "") -> Dashboard:
        """A page of the dashboard with a scene."""
        self.dashboard.render_scene(scene)
        self.dashboard.open_page(page, model)
        self.dashboard.show()
        settle()
        return self.dashboard

    def close(self) -> None:
        """Delete both windows."""
        for window in (self.small, self.dashboard):
            window.hide()
            window.deleteLater()
        self.theme.close()
        settle()


def settle() -> None:
    """Let layouts and deletions happen."""
    for _ in range(4):
        QApplication.processEvents()


def save(window: QWidget, file: Path) -> None:
    """Write what a window shows."""
    settle()
    if not window.grab().save(str(file)):
        raise OSError(f"{file} could not be written")


def draw_all(app: QApplication, folder: Path, scenes: tuple[str, ...], suffix: str = "") -> list[Path]:
    """Every page of every scene in light and dark."""
    made: list[Path] = []
    for wish in ("light", "dark"):
        drawn = Drawn(app, wish)
        for name in scenes:
            scene = made_up_day.SCENES[name]()
            made.append(folder / f"{name}-small-{wish}{suffix}.png")
            save(drawn.show_small(scene), made[-1])
            for page in PAGES:
                model = "qwen3.6:27b" if page == "models" else ""
                made.append(folder / f"{name}-{page}-{wish}{suffix}.png")
                save(drawn.show_page(scene, page, model), made[-1])
        drawn.close()
    return made


README_PICTURES = (
    ("now", "light"),
    ("now", "dark"),
    ("models", "light"),
    ("cost", "light"),
    ("cost", "dark"),
    ("machine", "dark"),
    ("small", "light"),
    ("small", "dark"),
)


def draw_readme(app: QApplication, folder: Path, scene: Scene) -> list[Path]:
    """The pictures of the README, all from one scene."""
    made: list[Path] = []
    for wish in ("light", "dark"):
        drawn = Drawn(app, wish)
        for page, theme in README_PICTURES:
            if theme != wish:
                continue
            made.append(folder / f"{page}-{wish}.png")
            if page == "small":
                save(drawn.show_small(scene), made[-1])
            else:
                save(drawn.show_page(scene, page, README_MODEL if page == "models" else ""), made[-1])
        drawn.close()
    return made
