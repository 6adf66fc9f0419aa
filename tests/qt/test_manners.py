"""Good manners on a desktop: on the screen as a whole, a sentence for what cannot start, nothing "
"done unseen."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetricsF, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QTableView, QWidget

from fakes import font_metrics, made_up_day
from wattlight.i18n import activate
from wattlight.ui.dashboard import PAGES
from wattlight.ui.messages import SIGNS, BusyLines
from wattlight.ui.text import speak
from wattlight.ui.window import bound
from wattlight.ui.windows import Windows

from .desk import ROOT, Desk, TrayApp
from .grab import Drawn, settle
from .test_languages import cut_texts

pytestmark = [pytest.mark.qt, pytest.mark.timeout(180)]


@pytest.fixture
def drawn(qapp: QApplication) -> Iterator[Drawn]:
    made = Drawn(qapp, "light")
    yield made
    made.close()


# -- the screen --


@pytest.mark.skipif(sys.platform == "win32", reason="needs an X server")
@pytest.mark.parametrize("scale", ["1", "1.25", "1.5", "2"])
def test_every_window_is_within_a_laptops_screen_at_every_scale(bare_desk: Desk, scale: str) -> None:
    bare_desk.close()
    bare_desk.open(bus=False, size="1366x768")
    bare_desk.env["QT_SCALE_FACTOR"] = scale
    app = TrayApp(bare_desk, "busy", "--hidden")
    app.wait_call("running")
    app.tell("sizes")
    app.wait_call("sizes")
    sizes, room = app.last("sizes")[1:]
    assert room[2] == pytest.approx(1366 / float(scale), abs=1)
    assert set(sizes) == {"small", "dashboard", "first run"}
    for name, (width, height) in sizes.items():
        assert width <= room[2] and height <= room[3], (name, width, height, room)


def test_a_window_that_has_room_keeps_its_size(qapp: QApplication) -> None:
    window = QWidget()
    window.setMinimumSize(300, 200)
    window.resize(600, 400)
    bound(window, QRect(0, 0, 1000, 700))
    assert (window.size(), window.minimumSize()) == (QSize(600, 400), QSize(300, 200))
    bound(window, QRect(0, 0, 500, 190))
    assert window.size() == QSize(500, 158)
    assert window.minimumSize() == QSize(300, 158)


LAPTOP = QSize(683, 352)
"""What is left of 1366x768 at a scale of 2, below a title bar."""


@pytest.fixture
def metrics(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[str]:
    """A font of these measures is the application's."""
    sources = font_metrics.found()
    if len(sources) < len(font_metrics.SOURCES):
        pytest.skip("DejaVu Sans is not installed")
    before, family = qapp.font(), font_metrics.family(request.param)
    made = [
        QFontDatabase.addApplicationFontFromData(font_metrics.with_metrics(f.read_bytes(), request.param))
        for f in sources
    ]
    font = QFont(before)
    font.setFamily(family)
    assert QFontInfo(font).family() == family
    qapp.setFont(font)
    yield request.param
    qapp.setFont(before)
    for number in made:
        QFontDatabase.removeApplicationFont(number)


@pytest.mark.parametrize("metrics", font_metrics.METRICS, indirect=True)
@pytest.mark.parametrize("scene", ["evening", "busy", "ranged", "no_model"])
def test_nothing_is_cut_with_the_fonts_of_systems(qapp: QApplication, metrics: str, scene: str) -> None:
    """At the size windows open with."""
    made = Drawn(qapp, "light")
    _, above, below = font_metrics.METRICS[metrics]
    font = made.theme.font(100)
    assert QFontMetricsF(font).height() == pytest.approx(100 * (above + below), abs=1.5)
    try:
        assert cut_texts(made, scene) == []
    finally:
        made.close()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("scene", ["evening", "busy", "ranged", "no_model", "hostile"])
def test_nothing_is_cut_on_the_smallest_screen(qapp: QApplication, language: str, scene: str) -> None:
    activate(language)
    speak(qapp)
    made = Drawn(qapp, "dark")
    made.dashboard.setMinimumSize(0, 0)
    made.dashboard.resize(LAPTOP)
    try:
        assert cut_texts(made, scene) == []
        assert made.dashboard.width() == LAPTOP.width()
        page = made.show_page(made_up_day.SCENES["evening"](), "models")
        table = page.findChild(QTableView)
        assert table is not None and table.columnWidth(0) >= 90, "a name can be read"
    finally:
        made.close()


def test_a_narrow_window_tells_its_pages_by_icons(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "now")
    window.setMinimumSize(0, 0)
    for width, words in ((LAPTOP.width(), False), (1000, True)):
        window.resize(width, 352)
        settle()
        buttons = [window._buttons[name] for name in PAGES]
        assert [bool(made.text()) for made in buttons] == [words] * len(PAGES)
        assert all(made.accessibleName() for made in buttons)
        assert all(bool(made.toolTip()) is not words for made in buttons)


@pytest.mark.parametrize("told", [True, False], ids=["by the host", "by the pointer"])
@pytest.mark.parametrize("edges", [(-30, -15), (12, 12), (0, -15), (-30, 12)])
def test_the_small_window_opens_beside_the_icon(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, edges: tuple[int, int], told: bool
) -> None:
    """Hosts on the bus do not tell where the icon is: then the pointer that clicked is at it.

    ``edges``: how far from those of the screen, from the right and below where negative; 0: in the middle.
    """
    screen = qapp.primaryScreen().geometry()
    across, down = edges
    spot = QPoint(
        screen.center().x() if across == 0 else across % screen.width(),
        down % screen.height(),
    )
    monkeypatch.setattr("wattlight.ui.windows.QCursor", SimpleNamespace(pos=lambda: spot))
    icon = QRect(spot, QSize(2, 2)) if told else QRect()
    window = QWidget()
    window.resize(360, 440)
    Windows._place(window, SimpleNamespace(geometry=lambda: icon))  # type: ignore[arg-type]
    room, placed = qapp.primaryScreen().availableGeometry(), window.geometry()
    assert room.contains(placed)
    assert placed.left() - 8 <= spot.x() <= placed.right() + 60, (
        "above or below it, as far as the edge allows"
    )
    away = min(abs(spot.y() - placed.top()), abs(placed.bottom() - spot.y()))
    assert away <= 80 and not placed.contains(spot)


# -- what cannot start --


@pytest.mark.skipif(sys.platform != "linux", reason="platforms of Linux")
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DISPLAY": ":7791"}, ":7791"),
        ({"QT_QPA_PLATFORM": "no-such-platform"}, "no-such-platform"),
        ({"WAYLAND_DISPLAY": "wayland-7791"}, "Qt cannot start here"),
    ],
)
def test_where_qt_would_abort_there_is_a_sentence(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "WATTLIGHT_HOME": str(tmp_path)}
    base |= {"PYTHONPATH": str(ROOT / "desktop"), "XDG_RUNTIME_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "wattlight", "tray", "--hidden"]
    done = subprocess.run(
        command, env=base | environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, "a signal would be negative"
    assert said in done.stderr and "wattlight cost" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 2


# -- what is done and what is said --


@pytest.mark.parametrize("page", [*PAGES, "privacy"])
def test_what_is_under_way_is_seen_on_every_page(drawn: Drawn, page: str) -> None:
    scene = made_up_day.busy()
    window = drawn.show_page(scene, page)
    seen = [lines for lines in window.findChildren(BusyLines) if lines.isVisible()]
    assert seen, page
    drawn.show_page(made_up_day.evening(), page)
    assert not [lines for lines in window.findChildren(BusyLines) if lines.isVisible()]
    small = drawn.show_small(scene)
    assert [lines for lines in small.findChildren(BusyLines) if lines.isVisible()]


def test_a_notice_is_told_apart_without_its_colour(drawn: Drawn) -> None:
    scene = made_up_day.evening()
    notices = made_up_day.busy().state.notices or made_up_day.hostile().state.notices
    levels = [replace(notices[0], kind=level, level=level) for level in SIGNS]
    window = drawn.show_page(replace(scene, state=replace(scene.state, notices=tuple(levels))), "now")
    names = [w.accessibleName() for w in window.findChildren(QWidget) if w.objectName().startswith("banner_")]
    told = [name.split(":")[0] for name in names if ":" in name]
    assert {"Problem", "Warning", "Note"} <= set(told)
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_diagnostics_are_copied_by_a_click(drawn: Drawn) -> None:
    window = drawn.show_page(made_up_day.evening(), "privacy")
    copy = next(b for b in window.findChildren(QAbstractButton) if b.text() == "Copy diagnostics")
    copy.click()
    text = QGuiApplication.clipboard().text()
    assert "server here: ready" in text and "qwen3" not in text
    names = next(b for b in window.findChildren(QCheckBox) if b.text().startswith("With the names"))
    names.click()
    copy.click()
    assert "qwen3:8b" in QGuiApplication.clipboard().text()
    settle()
