"""Every page in a made-up language that is longer than English, and in those that are offered."""

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QScrollArea,
    QWidget,
)

from fakes import made_up_day
from fakes.pseudo import CLOSE, OPEN, pseudo, spoken
from wattlight.i18n import OFFERED, activate
from wattlight.ui.dashboard import PAGES
from wattlight.ui.flow import TickBox
from wattlight.ui.text import ElidedLabel, speak

from .grab import Drawn, settle

pytestmark = [pytest.mark.qt, pytest.mark.timeout(300)]

LETTERS = re.compile(r"[^\W\d_]{2,}")
NAMES = re.compile(
    r"[\w./-]+:[\w./\u200b-]+|kWh|\bWh\b|GiB|GB|MB|tokens/s|https?://\S+|127\.0\.0\.1\S*|CO2|EUR"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*|Mon|Tue|Wed|Thu|Fri|Sat|Sun|AM|PM"
    r"|OLLAMA_[A-Z_]+|RTX \d+|Ryzen \S+|Wattlight|Ollama|Germany|Alibaba|Apache-2\.0"
    r"|RAM|PNG|SVG|qwen3|(?:Desk|Small) computer|NVIDIA GeForce|firefox|gnome-shell|steam_game|code|Wall plug"
    r"|NVML energy counter|RAPL package|ollama|Shelly, computer alone"
    r"|The price of electricity changed on 1 January\."
)
"""Names, units and dates: no translator is asked for them; and what the made-up day says of itself."""
SCENES = ("evening", "busy", "no_model", "no_sensor", "plugged", "closed_counter")


def shown(drawn: Drawn, scene: str) -> Iterator[tuple[str, QWidget]]:
    """Each page and the small window at the size they open with."""
    made = made_up_day.SCENES[scene]()
    yield "small", drawn.show_small(made)
    for page in (*PAGES, "privacy"):
        yield page, drawn.show_page(made, page)


def seen(window: QWidget) -> list[QWidget]:
    return [widget for widget in window.findChildren(QWidget) if widget.isVisible()]


def words(widget: QWidget) -> str:
    if isinstance(widget, QComboBox):
        return widget.currentText()
    return widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""


def cut(widget: QWidget) -> str:
    """What a widget shows less of than it holds; a label that says its whole text on hover is none."""
    text = words(widget)
    if not text or isinstance(widget, ElidedLabel):
        return ""
    if isinstance(widget, TickBox):
        short = widget.heightForWidth(widget.width()) > widget.height() + 1
    elif isinstance(widget, QLabel):
        if widget.wordWrap():
            short = widget.heightForWidth(widget.width()) > widget.height() + 1
        else:
            need = max(map(widget.fontMetrics().horizontalAdvance, text.split("\n")))
            short = need > widget.contentsRect().width() + 1
    else:
        short = widget.width() < widget.sizeHint().width()
    return f"{type(widget).__name__} {text!r}" if short else ""


def bare(text: str) -> str:
    """The words that stand in no brackets of the made-up language."""
    outside, depth = "", 0
    for letter in text.replace("\u200b", ""):
        depth += (letter == OPEN) - (letter == CLOSE)
        outside += letter if depth == 0 else " "
    return " ".join(LETTERS.findall(NAMES.sub(" ", outside)))


def cut_texts(drawn: Drawn, scene: str) -> list[str]:
    found = []
    for page, window in shown(drawn, scene):
        found += [f"{page}: {what}" for widget in seen(window) if (what := cut(widget))]
        for area in window.findChildren(QScrollArea):
            inner = area.widget()
            room = area.viewport().width()
            if area.isVisible() and inner is not None and inner.minimumSizeHint().width() > room:
                found.append(f"{page}: the page is wider than the window")
    return found


def test_the_made_up_language_is_longer_and_keeps_places() -> None:
    assert pseudo("Loading {name}") == "⟦Löádîñg {name}···⟧"
    assert pseudo("Try 'wattlight doctor'.").count("'wattlight doctor'") == 1
    assert bare("⟦Löádîñg qwen⟧ and more") == "and more"
    assert bare("⟦Löád⟧ qwen3:8b · 4.9 GB") == ""


def test_the_search_finds_what_is_cut(qapp: QApplication) -> None:
    label = QLabel("A label of some words")
    label.resize(40, 20)
    assert "words" in cut(label)
    label.resize(400, 20)
    assert cut(label) == ""
    label.setWordWrap(True)
    label.resize(60, 20)
    assert cut(label)


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_cut_where_words_are_longer(qapp: QApplication, scene: str) -> None:
    with spoken():
        drawn = Drawn(qapp, "light")
        try:
            assert cut_texts(drawn, scene) == []
        finally:
            drawn.close()


@pytest.mark.parametrize("scene", SCENES)
def test_all_that_is_said_goes_through_the_translator(qapp: QApplication, scene: str) -> None:
    """Texts, and names and descriptions for screen readers."""
    with spoken():
        drawn = Drawn(qapp, "light")
        found = set()
        for page, window in shown(drawn, scene):
            for widget in seen(window):
                for text in (words(widget), widget.accessibleName(), widget.accessibleDescription()):
                    if left := bare(text):
                        found.add(f"{page}: {left} in {text[:80]!r}")
        drawn.close()
    assert sorted(found) == []


@pytest.mark.parametrize("code", [offered.code for offered in OFFERED if offered.code != "en"])
def test_a_language_that_is_offered_is_not_cut(qapp: QApplication, code: str) -> None:
    activate(code)
    speak(qapp)
    drawn = Drawn(qapp, "dark")
    try:
        for scene in ("evening", "no_model"):
            assert cut_texts(drawn, scene) == []
            for page, window in shown(drawn, scene):
                for widget in seen(window):
                    said = (words(widget), widget.accessibleName(), widget.accessibleDescription())
                    assert not any("\ufffd" in text for text in said), (page, said)
        mirrored = qapp.layoutDirection() is Qt.LayoutDirection.RightToLeft
        assert mirrored == (code == "ar")
        settle()
        left = drawn.dashboard._buttons["now"].mapTo(
            drawn.dashboard, drawn.dashboard._buttons["now"].rect().center()
        )
        assert (left.x() > drawn.dashboard.width() / 2) == mirrored, (
            "the navigation stands where reading begins"
        )
    finally:
        drawn.close()
