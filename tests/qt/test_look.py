"""Contrast, icons, and a lint: no label guesses whether its text is markup."""

import ast
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPalette
from PySide6.QtWidgets import QApplication

from fakes import made_up_day
from wattlight.paths import asset_bytes
from wattlight.ui.charts import Legend
from wattlight.ui.controls import Pill
from wattlight.ui.icons import HALO, INK, render, tray_icon
from wattlight.ui.text import FigureLine, elided
from wattlight.ui.theme import Theme
from wattlight.ui.tokens import DARK, LIGHT, Tokens, from_palette
from wattlight.viewmodels.tray import IconState

from .contrast import contrast, text_pairs
from .grab import Drawn

SOURCE = Path(__file__).parents[2] / "desktop" / "wattlight" / "ui"

pytestmark = pytest.mark.qt


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda t: t.name)
def test_every_text_can_be_read(tokens: Tokens) -> None:
    low = {what: round(contrast(a, b), 2) for what, a, b in text_pairs(tokens) if contrast(a, b) < 4.5}
    assert not low


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_high_contrast_takes_the_systems_own_colours(qapp: QApplication) -> None:
    palette = QPalette(QColor("#000000"), QColor("#000000"))
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#ffff00"))
    tokens = from_palette(palette)
    assert tokens.text == "#ffff00"
    assert tokens.window == "#000000"
    assert tokens.good == tokens.bad == "#ffff00"


HIGH_CONTRAST = {
    "black": {"ground": "#000000", "text": "#ffffff", "mark": "#1aebff", "on": "#000000", "link": "#ffff00"},
    "white": {"ground": "#ffffff", "text": "#000000", "mark": "#37006e", "on": "#ffffff", "link": "#00009f"},
}
"""Two palettes as systems offer them to people who need more contrast."""


@pytest.mark.parametrize("name", HIGH_CONTRAST)
def test_high_contrast_can_be_read_and_tells_nothing_by_colour(qapp: QApplication, name: str) -> None:
    colours = HIGH_CONTRAST[name]
    palette, role = QPalette(QColor(colours["ground"])), QPalette.ColorRole
    for which, colour in (
        (role.Window, "ground"),
        (role.Base, "ground"),
        (role.Button, "ground"),
        (role.WindowText, "text"),
        (role.Highlight, "mark"),
        (role.HighlightedText, "on"),
        (role.Link, "link"),
    ):
        palette.setColor(which, QColor(colours[colour]))
    tokens = from_palette(palette)
    low = {what: round(contrast(a, b), 2) for what, a, b in text_pairs(tokens) if contrast(a, b) < 7}
    assert not low
    assert len({tokens.good, tokens.partly, tokens.plain, tokens.bad}) == 1, "their words tell them apart"


def test_nothing_moves_by_itself() -> None:
    """Who cannot bear motion sees none: a figure changes, nothing slides or turns."""
    moving = ("QPropertyAnimation", "QVariantAnimation", "QMovie", "QTimeLine", "setRange(0, 0)")
    found = [
        (file.name, word)
        for file in sorted(SOURCE.rglob("*.py"))
        for word in moving
        if word in file.read_text(encoding="utf-8")
    ]
    assert found == []


def opaque(image: QImage) -> set[tuple[int, int]]:
    """Pixels that are drawn in the ink."""
    ink = QColor(INK.decode())
    return {
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
        and abs(image.pixelColor(x, y).lightness() - ink.lightness()) < 60
    }


def test_states_differ_by_shape_alone(qapp: QApplication) -> None:
    shapes = {s: opaque(render(asset_bytes(f"icons/tray-{s.value}.svg"), 22)) for s in IconState}
    for one, other in itertools.combinations(IconState, 2):
        assert len(shapes[one] ^ shapes[other]) >= 5, (one, other)


def test_an_icon_reads_on_light_and_dark_panels(qapp: QApplication) -> None:
    """Ink and halo are far apart, so one of them stands out on any panel."""
    for panel in ("#000000", "#2b2b2b", "#808080", "#dddddd", "#ffffff"):
        best = max(contrast(panel, INK.decode()), contrast(panel, HALO.decode()))
        assert best > 3.0


def test_icon_has_the_sizes_of_panels(qapp: QApplication) -> None:
    icon = tray_icon("working")
    assert {16, 22, 24, 32, 48, 64} <= {size.width() for size in icon.availableSizes()}


def test_a_figure_in_the_icon_differs_by_its_figure_and_keeps_the_shape(qapp: QApplication) -> None:
    drawn = {}
    for figure in ("52", "365", "0.20", ""):
        icon = tray_icon("working", True, figure)
        assert {16, 22, 24, 32, 48, 64} <= {size.width() for size in icon.availableSizes()}
        drawn[figure] = icon.pixmap(22, 22).toImage()
        alpha = [drawn[figure].pixelColor(x, y).alpha() for x in range(22) for y in range(22)]
        assert sum(value > 128 for value in alpha) > 60
    for one, other in itertools.combinations(drawn, 2):
        assert drawn[one] != drawn[other]
    working, off = (tray_icon(s, True, "52").pixmap(64, 64).toImage() for s in ("working", "off"))
    assert working != off


def test_a_flame_of_any_height_is_told_from_every_other_state(qapp: QApplication) -> None:
    """At the size of a panel; each height has its own shape, and the whole one is the plain icon."""
    heights = (0.25, 0.5, 0.75, 1.0)
    icons = [tray_icon(s.value, False) for s in IconState if s.value != "working"]
    icons += [tray_icon("working", False, flame=height) for height in heights]
    shapes = [opaque(icon.pixmap(22, 22).toImage()) for icon in icons]
    for one, other in itertools.combinations(shapes, 2):
        assert len(one ^ other) >= 5
    inked = [len(opaque(icon.pixmap(64, 64).toImage())) for icon in icons[-len(heights) :]]
    assert inked == sorted(set(inked)), "higher is fuller"


def test_a_legend_is_as_wide_as_what_it_says(qapp: QApplication) -> None:
    """Nothing is left over behind the last word: it stands at the edge of its card."""
    theme = Theme(qapp, "light")
    legend = Legend(theme)
    legend.show_items(
        (("#e8590c", "working", ""), ("#e8590c", "loaded, idle", "hatch"), ("#888", "rest", ""))
    )
    width = legend.sizeHint().width()
    assert legend._lay_out(width)[1] == legend._lay_out(10_000)[1], "one line"
    assert legend._lay_out(width - 1)[1] > legend._lay_out(width)[1], "not one dot more than that takes"
    theme.close()


def test_both_figures_of_the_small_window_stand_on_one_line(qapp: QApplication) -> None:
    drawn = Drawn(qapp, "light")
    window = drawn.show_small(made_up_day.evening())
    lines = [line for line in window.findChildren(FigureLine) if line.isVisible()]
    assert len(lines) == 2
    feet = {line.mapTo(window, QPoint(0, line.height())).y() - line.below for line in lines}
    assert len(feet) == 1
    drawn.close()


def test_no_label_is_made_without_the_helper() -> None:
    """``QLabel(x)`` and ``setTextFormat`` only in text.py; boxes that guess markup nowhere."""
    faults = []
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            where = f"{file.name}:{node.lineno}"
            if name == "QLabel" and (node.args or node.keywords):
                faults.append(f"{where}: QLabel with a text, use plain_label()")
            guessing = {"QMessageBox", "QProgressDialog", "QErrorMessage"}
            if name in guessing and file.name != "text.py":
                faults.append(f"{where}: {name} guesses markup and blocks")
            if name == "setToolTip" and file.name not in {"text.py", "keeper.py", "early.py"}:
                faults.append(f"{where}: use plain_tip()")
    assert not faults, "\n".join(faults)
    box = (SOURCE / "text.py").read_text(encoding="utf-8")
    assert "setTextFormat(Qt.TextFormat.PlainText)" in box


LONG = "hf.co/bartowski/Some-Very-Long-Model-Name-GGUF:IQ4_XS"


@pytest.mark.parametrize("shown", [LONG, "…/Some-Very-Long-Model-Name-GGUF:IQ4_XS"])
def test_a_long_model_name_loses_its_host_first(qapp: QApplication, shown: str) -> None:
    font = QFont(qapp.font())
    font.setPixelSize(13)
    metrics = QFontMetrics(font)
    room = metrics.horizontalAdvance(shown) + 4  # fonts differ between computers; this is just wide enough
    assert elided(metrics, LONG, room, name=True) == shown
    short = elided(metrics, LONG, 150, name=True)
    assert short.startswith("…/So") and short.endswith("4_XS") and metrics.horizontalAdvance(short) <= 150
    assert elided(metrics, "a sentence that is much too long to stand here", 100).endswith("…")


def test_a_verdict_beside_a_long_name_is_never_cut(qapp: QApplication) -> None:
    scene = made_up_day.evening()
    host = scene.host
    loaded = replace(host.server.running[0], name=LONG)
    server = replace(host.server, running=(loaded,))
    scene = replace(scene, state=replace(scene.state, hosts=(replace(host, server=server),)))
    drawn = Drawn(qapp, "light")
    drawn.dashboard.resize(drawn.dashboard.minimumSize())
    for window in (drawn.show_small(scene), drawn.show_page(scene, "now")):
        pills = [p for p in window.findChildren(Pill) if p.accessibleName() == "all on GPU"]
        assert pills and all(p.width() >= p.sizeHint().width() for p in pills)
    drawn.close()
