"""What goes wrong on real desktops: screens that went, deaf notification daemons, other languages, a theme
that changes while somebody looks.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from dbus_fast.aio import MessageBus
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from fakes import made_up_day
from fakes.sni_probe import TrayProbe
from wattlight.i18n import activate
from wattlight.ui.dashboard import PAGES
from wattlight.ui.window import fitting, geometry_text, restore
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.now import now_view

from .contrast import contrast
from .desk import Desk, TrayApp, wait_until
from .grab import Drawn, settle

pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]

SMALL, LARGE = QRect(0, 0, 1280, 800), QRect(1280, 0, 2560, 1440)
SIZE = QSize(1080, 680)
NOTIFICATIONS = "org.freedesktop.Notifications"


# -- where the window stands (monitor unplugged, saved place off the screen, scale 1.25 and 2) --


@pytest.mark.parametrize(
    ("wanted", "rooms", "kept"),
    [
        (QRect(100, 80, 980, 660), [SMALL], True),
        (QRect(1400, 200, 980, 660), [SMALL, LARGE], True),
        (QRect(1400, 200, 980, 660), [SMALL], False),
        (QRect(-3000, 10, 980, 660), [SMALL], False),
        (QRect(100, -400, 980, 660), [SMALL], False),
        (QRect(1250, 10, 980, 660), [SMALL], False),
        (QRect(-500, 10, 980, 660), [SMALL], True),
    ],
)
def test_a_window_stands_where_its_title_bar_can_be_reached(
    wanted: QRect, rooms: list[QRect], kept: bool
) -> None:
    spot = fitting(wanted, SIZE, rooms)
    assert (spot.topLeft() == wanted.topLeft()) is kept
    assert kept or SMALL.contains(spot)


def test_fault_57_a_window_is_never_larger_than_its_screen() -> None:
    spot = fitting(QRect(0, 0, 5000, 4000), QSize(5000, 4000), [SMALL])
    assert spot.size() == SMALL.size()


@pytest.mark.parametrize("text", [None, "", "x", "980x660+0", "-5x3+0+0", "9" * 300, "980x660+1+2 max; rm"])
def test_a_damaged_place_is_ignored(qapp: QApplication, text: str | None) -> None:
    window = QWidget()
    window.resize(SIZE)
    restore(window, text)
    assert window.size() == SIZE


def test_a_place_comes_back(qapp: QApplication) -> None:
    window = QWidget()
    room = QGuiApplication.primaryScreen().availableGeometry()
    window.resize(300, 200)
    window.move(room.topLeft() + QPoint(40, 50))
    text = geometry_text(window)
    other = QWidget()
    restore(other, text)
    assert (other.pos(), other.size()) == (window.pos(), window.size())


@pytest.mark.parametrize(("scale", "size"), [("1", "1280x800"), ("1.25", "1600x1000"), ("2", "2560x1600")])
def test_fault_57_the_dashboard_comes_back_onto_a_visible_screen(
    bare_desk: Desk, scale: str, size: str
) -> None:
    desk = bare_desk
    if size != "1280x800":
        desk.close()
        desk.open(bus=False, size=size)
    desk.env["QT_SCALE_FACTOR"] = scale
    app = TrayApp(desk, "evening", "--hidden")
    app.wait_call("running")
    app.tell("place", "1000x620+4000+2500")
    app.tell("where")
    app.wait_call("where")
    spot, room, inner = app.last("where")[1:]
    assert inner == [1000, 620]
    assert 0 <= spot[0] <= room[2] - spot[2] and 0 <= spot[1] <= room[3] - spot[3], (spot, room)
    app.tell("hide")
    app.tell("hide")  # without a tray the first one explains what closing means
    wait_until(lambda: any(call[0] == "apply_settings" and call[3] for call in app.calls()))
    assert app.last("apply_settings")[3].startswith("1000x620+"), "closing keeps the place in the settings"


# -- notifications --


def test_fault_49_a_notification_daemon_that_never_answers_blocks_nothing(desk: Desk) -> None:
    """Notices stand in the windows and the icon asks for attention: QSystemTrayIcon.showMessage waits for the
    daemon's answer on the main thread, 25 seconds where none comes, so it is not used."""

    async def go() -> None:
        deaf = await MessageBus(bus_address=desk.address).connect()
        heard: list[str] = []

        def swallow(message: Any) -> bool | None:
            if message.interface != NOTIFICATIONS:
                return None
            heard.append(message.member)
            return True  # taken, and never answered

        deaf.add_message_handler(swallow)
        await deaf.request_name(NOTIFICATIONS)
        await notified(desk)
        assert heard == []
        deaf.disconnect()
        await deaf.wait_for_disconnect()

    asyncio.run(go())


def test_fault_49_without_a_notification_daemon_nothing_waits(desk: Desk) -> None:
    asyncio.run(notified(desk))


async def notified(desk: Desk) -> None:
    """Nine notices arrive with no window open; the event loop stays quick and the icon's menu works."""
    async with TrayProbe(desk.address) as probe:
        app = TrayApp(desk, "evening", "--hidden")
        await probe.wait_item()
        await app.wait_call_async("running")
        app.tell("notify")
        await app.wait_call_async("lag")
        assert app.last("lag")[1] < 0.1
        assert (await probe.texts())[0].startswith("Models")
        await probe.click("Dashboard")
        await app.wait_call_async("watch")
        app.tell("report")
        await app.wait_call_async("report")
        assert app.last("report")[2] == "now"


# -- languages --


@pytest.fixture
def english_after() -> Iterator[None]:
    """Leave the language as the other tests want it."""
    yield
    activate("en")


@pytest.mark.parametrize(
    ("lang", "amount", "clock"),
    [
        ("nl_NL.UTF-8", "€0,20", "23:05"),
        ("pl_PL.UTF-8", "0,20 €", "23:05"),
        ("ko_KR.UTF-8", "€0.20", "23:05"),
        ("he_IL.UTF-8", "0.20 €", "23:05"),
        ("C", "€0.20", "11:05 PM"),
        ("xx_NOWHERE", "€0.20", "23:05"),
    ],
)
def test_fault_62_other_languages_show_english_with_their_own_numbers(
    qapp: QApplication, english_after: None, monkeypatch: Any, lang: str, amount: str, clock: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    activate(None)
    scene = made_up_day.evening()
    view = now_view(scene)
    today = view.today
    assert " ".join(t for t in (today.before, today.value, today.after) if t).replace("€ 0", "€0") == amount
    assert view.power.note == "GPU + CPU sensors, about ±8%"
    assert view.running[0].facts.replace("\u202f", " ").endswith(f"kept until {clock}")
    assert "by 30 Nov" in view.month.note or "by Nov 30" in view.month.note
    for text in (*cost_view(scene).table.rows[0], view.month.note, view.today.note):
        assert not set(text) & set("\u200e\u200f\u061c月"), text
    drawn = Drawn(qapp, "light")
    drawn.show_small(scene)
    for page in PAGES:
        drawn.show_page(scene, page)
    drawn.close()


# -- the theme --


def ink(picture: QImage, box: QRect) -> float:
    """Contrast of the strongest pixel of a label to the ground it stands on."""
    ratio = picture.devicePixelRatio()
    pixels = Counter(
        picture.pixelColor(x, y).name()
        for x in range(round(box.left() * ratio), min(picture.width(), round(box.right() * ratio)))
        for y in range(round(box.top() * ratio), min(picture.height(), round(box.bottom() * ratio)))
    )
    ground = pixels.most_common(1)[0][0]
    return max(contrast(ground, colour) for colour in pixels)


def labels(window: QWidget) -> Iterator[tuple[QLabel, QRect]]:
    """Labels that are wholly seen."""
    for label in window.findChildren(QLabel):
        box = QRect(label.mapTo(window, QPoint(0, 0)), label.size())
        seen = label.visibleRegion().boundingRect().size() == label.size()
        if label.isVisible() and label.text().strip() and seen and window.rect().contains(box):
            yield label, box


def test_fault_58_a_theme_that_changes_while_open_can_be_read_both_ways(qapp: QApplication) -> None:
    drawn = Drawn(qapp, "light")
    scene = made_up_day.busy()
    read = 0
    try:
        drawn.show_small(scene)
        for page in PAGES:
            window = drawn.show_page(scene, page)
            for wish in ("dark", "light"):
                drawn.theme.wish(wish)
                settle()
                for shown in (window, drawn.small):
                    picture = shown.grab().toImage()
                    assert picture.pixelColor(4, picture.height() // 2) == QColor(
                        drawn.theme.tokens.window if shown is window else drawn.theme.tokens.card
                    )
                    assert drawn.theme.tokens.name == wish
                    for label, box in labels(shown):
                        if label.text() == "–":  # thinner than a pixel: its ink is mixed with the ground
                            continue
                        read += 1
                        assert ink(picture, box) >= 4.5, (page, wish, label.text())
    finally:
        drawn.close()
    assert read > 100
