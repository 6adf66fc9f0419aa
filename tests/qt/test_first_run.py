"""The window of the first run: every page in light and dark, by keyboard alone, and the page Privacy."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from fakes import first_run_scenes as scenes
from wattlight.domain.command import Command, Verb
from wattlight.settings import Settings
from wattlight.ui.first_run import FirstRunWindow
from wattlight.ui.network import metered_of
from wattlight.ui.theme import Theme
from wattlight.viewmodels.first_run import STEPS
from wattlight.viewmodels.scene import Scene

from .grab import Drawn, settle

LONG_HOST = "a-very-long-name-of-a-registry.of-somebody.example:5000"
pytestmark = pytest.mark.qt
BUILD_MS = 50.0


class Made:
    """A window that keeps its place as the real program does."""

    def __init__(self, app: QApplication, wish: str) -> None:
        self.theme = Theme(app, wish)
        self.commands: list[Command] = []
        self.saved: list[Settings] = []
        self.ended = 0
        self.window = FirstRunWindow(self.theme, self._do, lambda _seen: None, self._save, self._end)
        self._scene = scenes.scene("machine")

    def _do(self, command: Command) -> None:
        if command.verb is not Verb.LOOK_FOR_SERVER:  # which is asked for by itself
            self.commands.append(command)

    def show(self, made: Scene) -> FirstRunWindow:
        """Show a scene."""
        self._scene = made
        self.window.show()
        self.window.activateWindow()
        self.window.render_scene(made)
        settle()
        return self.window

    def close(self) -> None:
        """Delete it."""
        self.window.hide()
        self.window.deleteLater()
        self.theme.close()
        settle()
        self.theme.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _save(self, settings: Settings) -> None:
        self.saved.append(settings)
        self._scene = replace(self._scene, settings=settings)
        self.window.render_scene(self._scene)

    def _end(self) -> None:
        self.ended += 1


@pytest.fixture(params=["light", "dark"])
def made(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Made]:
    window = Made(qapp, request.param)
    yield window
    window.close()


@pytest.fixture
def light(qapp: QApplication) -> Iterator[Made]:
    window = Made(qapp, "light")
    yield window
    window.close()


def colours(image: QImage) -> set[int]:
    return {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifier)
    settle()


@pytest.mark.parametrize("name", sorted(scenes.SCENES))
def test_every_page_is_drawn_and_not_wider_than_the_window(made: Made, name: str) -> None:
    window = made.show(scenes.SCENES[name]())
    image = window.grab().toImage()
    assert image.pixelColor(4, 4) == QColor(made.theme.tokens.window)
    assert len(colours(image)) >= 5
    inner = [w for w in window.findChildren(QWidget, "page") if w.isVisible()]
    assert inner
    assert all(w.width() <= window.width() for w in inner)


@pytest.mark.parametrize("name", sorted(scenes.SCENES))
def test_what_takes_the_keyboard_has_a_name_and_labels_are_plain(light: Made, name: str) -> None:
    window = light.show(scenes.SCENES[name]())
    for kind in (QAbstractButton, QLineEdit, QPlainTextEdit):
        for widget in window.findChildren(kind):
            if not widget.isVisible() or widget.focusPolicy() is Qt.FocusPolicy.NoFocus:
                continue
            assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in window.findChildren(QLabel))


def test_fault_15_a_model_named_like_markup_is_shown_as_it_is(light: Made) -> None:
    """Fault 15: names are shown literally in the first run too."""
    hostile = '<img src="/etc/passwd">&x:1b'
    base = scenes.scene("model")
    offer = replace(scenes.OFFERS[0], model=hostile, fit=replace(scenes.OFFERS[0].fit, model=hostile))
    window = light.show(replace(base, extras=replace(base.extras, offers=(offer,))))
    assert any(hostile in label.text() for label in window.findChildren(QLabel))
    assert any("&&x:1b" in b.text() for b in window.findChildren(QAbstractButton))
    assert not any("<img" in w.toolTip() for w in window.findChildren(QWidget))


def test_from_the_first_page_to_the_last_with_return_alone(light: Made) -> None:
    window = light.show(scenes.with_models(scenes.scene("machine"), "llama3.2:3b"))
    window._begin(window._pages["machine"])
    seen = [window.step]
    for _ in range(5):
        press(Qt.Key.Key_Return)
        seen.append(window.step)
    assert tuple(seen) == STEPS
    assert light.saved[-1].price.per_kwh == "0.3869"
    press(Qt.Key.Key_Return)  # the prompt has the focus: it is asked
    assert (light.commands[-1].verb, light.commands[-1].model) == (Verb.TRY_PROMPT, "llama3.2:3b")
    assert not light.saved[-1].first_run_done
    assert not light.saved[-1].start_at_login


def test_return_does_not_end_the_setup_while_a_model_is_on_its_way(light: Made) -> None:
    window = light.show(scenes.SCENES["try-waiting"]())
    window._begin(window._pages["try"])
    press(Qt.Key.Key_Return)
    assert light.ended == 0
    window.render_scene(scenes.SCENES["try-ready"]())
    settle()
    focus = QApplication.focusWidget()
    assert isinstance(focus, QLineEdit)
    press(Qt.Key.Key_Return)
    assert light.commands[-1].verb is Verb.TRY_PROMPT
    assert light.ended == 0


def test_finish_ends_it_and_says_so_once(light: Made) -> None:
    window = light.show(scenes.SCENES["try-answered"]())
    while not (
        isinstance(QApplication.focusWidget(), QAbstractButton)
        and QApplication.focusWidget().text() == "Finish"
    ):
        press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Space)
    assert light.ended == 1
    assert light.saved[-1].first_run_done
    assert not window.isVisible()


def test_skip_ends_it_and_nothing_else_is_changed(light: Made) -> None:
    light.show(scenes.scene("price"))
    light.window.skip()
    assert light.saved[-1] == replace(Settings(), first_run_done=True)
    assert light.ended == 1


def test_escape_closes_and_the_place_is_kept(light: Made) -> None:
    window = light.show(scenes.scene("server"))
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert light.ended == 0
    assert not any(settings.first_run_done for settings in light.saved)


def test_back_by_keyboard(light: Made) -> None:
    window = light.show(scenes.scene("price"))
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    settle()
    assert window.step == "server"


def test_when_the_start_button_goes_the_focus_never_lands_on_skip(light: Made) -> None:
    """A person presses Return to start Ollama and once more when it runs: that must go on, not skip."""
    window = light.show(scenes.SCENES["server-startable"]())
    window._begin(window._pages["server"])
    press(Qt.Key.Key_Return)
    assert light.commands == [Command(Verb.START_SERVER)]
    window.render_scene(scenes.with_facts(scenes.SCENES["server-startable"](), starting=True))
    settle()
    window.render_scene(scenes.with_facts(scenes.scene("server"), server_is_ours=True))
    settle()
    focus = QApplication.focusWidget()
    assert isinstance(focus, QAbstractButton)
    assert focus.text() == "Continue"


def test_arrow_keys_choose_a_model_and_return_installs_it(light: Made) -> None:
    window = light.show(scenes.scene("model"))
    window._begin(window._pages["model"])
    press(Qt.Key.Key_Down)
    assert light.saved[-1].first_run.model == "qwen3:8b"
    press(Qt.Key.Key_Return)
    assert light.commands == [Command(Verb.PULL, "qwen3:8b")]
    assert window.step == "model"


def test_a_wrong_price_stays_on_the_page_and_is_said(light: Made) -> None:
    window = light.show(scenes.scene("price"))
    window._begin(window._pages["price"])
    QTest.keyClicks(QApplication.focusWidget(), "-1")
    press(Qt.Key.Key_Return)
    assert window.step == "price"
    assert any(
        label.isVisible() and "cannot be negative" in label.text() for label in window.findChildren(QLabel)
    )
    (unknown,) = [b for b in window.findChildren(QAbstractButton) if b.text() == "I don't know"]
    unknown.click()
    settle()
    assert window.step == "model"
    assert light.saved[-1].price.declined


def test_starting_at_login_is_off_unless_ticked(light: Made) -> None:
    window = light.show(scenes.scene("login"))
    (box,) = [b for b in window.findChildren(QCheckBox) if b.isVisible()]
    assert not box.isChecked()
    window._begin(window._pages["login"])
    press(Qt.Key.Key_Space)
    assert box.isChecked()
    press(Qt.Key.Key_Return)
    assert light.saved[-1].start_at_login


def test_the_answer_grows_and_the_place_of_the_reader_stays(light: Made) -> None:
    window = light.show(scenes.SCENES["try-ready"]())
    box = next(e for e in window.findChildren(QPlainTextEdit) if e.accessibleName() == "The answer")
    text = "one line of an answer\n" * 60
    for end in (200, 700, len(text)):
        answer = replace(scenes.ANSWERED, text=text[:end], running=True, seconds=None)
        window.render_scene(scenes.with_facts(scenes.SCENES["try-ready"](), answer=answer))
        settle()
        bar = box.verticalScrollBar()
        assert bar.value() >= bar.maximum() - 4
    bar.setValue(0)
    answer = replace(scenes.ANSWERED, text=text + "more", running=True, seconds=None)
    window.render_scene(scenes.with_facts(scenes.SCENES["try-ready"](), answer=answer))
    settle()
    assert box.toPlainText() == text + "more"
    assert box.verticalScrollBar().value() == 0


def test_a_typed_proxy_goes_to_the_server_that_is_ours(light: Made) -> None:
    window = light.show(scenes.SCENES["model-proxy"]())
    (use,) = [b for b in window.findChildren(QAbstractButton) if b.text() == "Restart Ollama with it"]
    assert use.isVisible()
    use.click()
    assert Command(Verb.USE_PROXY, text="http://proxy.example:3128") in light.commands


@pytest.mark.bench
@pytest.mark.parametrize("step", STEPS)
def test_each_page_is_built_in_fifty_milliseconds(light: Made, step: str) -> None:
    light.show(scenes.scene("machine" if step != "machine" else "price"))
    first = scenes.with_models(scenes.scene(step), "llama3.2:3b")
    times = []
    for _ in range(5):
        page = light.window._pages.pop(step, None)
        if page is not None:
            page.deleteLater()
        light.window._view = None
        start = time.process_time()
        light.window.render_scene(first)
        light.window.grab()
        times.append((time.process_time() - start) * 1000)
    print(f"page {step}: best {min(times):.1f} ms, first {times[0]:.1f} ms of CPU, built, laid out and drawn")
    assert min(times) < BUILD_MS


def test_the_page_privacy_lists_hosts_and_asks_before_deleting(qapp: QApplication) -> None:
    for wish in ("light", "dark"):
        drawn = Drawn(qapp, wish)
        window = drawn.show_page(scenes.privacy(), "privacy")
        texts = [
            label.text().replace("\u200b", "") for label in window.findChildren(QLabel) if label.isVisible()
        ]
        assert "registry.example" in texts
        assert LONG_HOST in texts, "a host is named whole"
        (delete,) = [b for b in window.findChildren(QAbstractButton) if b.text() == "Delete all records…"]
        delete.click()
        settle()
        assert window.question.isVisible()
        assert drawn.commands == []
        yes = next(b for b in window.question.findChildren(QAbstractButton) if b.text() == "Delete all")
        yes.click()
        assert drawn.commands == [Command(Verb.DELETE_LEDGER)]
        drawn.close()
        drawn.theme.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.mark.parametrize(
    ("value", "metered"), [(1, True), (3, True), (2, False), (4, False), (0, None), ("x", None), (None, None)]
)
def test_what_networkmanager_says_of_the_network(value: object, metered: bool | None) -> None:
    assert metered_of(value) is metered
