"""Windows that are read from right to left: the order on the screen, and what we paint ourselves."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QTextLayout, QTextOption
from PySide6.QtWidgets import QApplication, QSlider, QWidget

from wattlight.i18n import activate, gib, tr, watts
from wattlight.ui.charts import Legend, MemoryBar
from wattlight.ui.text import FigureLine, plain_label, speak
from wattlight.ui.theme import Theme, style_sheet
from wattlight.viewmodels.figures import figure
from wattlight.viewmodels.running import BarSegment, MemoryBarView

pytestmark = pytest.mark.qt


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    activate("ar")
    speak(qapp)
    made = Theme(qapp, "light")
    yield made
    made.close()
    activate("en")
    speak(qapp)


def ink(widget: QWidget, colour: str = "") -> list[int]:
    """The columns of a widget, 300 px wide, in which something is drawn (in ``colour``)."""
    widget.resize(300, max(widget.sizeHint().height(), 12))
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    widget.render(image)
    ground = image.pixelColor(150, 0) if not colour else None
    return [
        x
        for x in range(image.width())
        if any(
            image.pixelColor(x, y) != ground if ground else image.pixelColor(x, y).name() == colour
            for y in range(image.height())
        )
    ]


@pytest.mark.parametrize(
    ("text", "first", "then"),
    [
        (lambda: tr("{free} of {total} free", free=gib(5 << 30), total=gib(8 << 30)), "8.0", "GiB"),
        (lambda: tr("Add --yes to do it without being asked."), "--", "yes"),
        (lambda: tr("Write it like 2026-03-01."), "2026", "03"),
        (lambda: tr("Unloading {name}", name="2 qwen3"), "2", "qwen3"),
        (lambda: "2 qwen3", "2", "qwen3"),
    ],
)
@pytest.mark.usefixtures("theme")
def test_pieces_keep_their_order_on_the_screen(text: object, first: str, then: str) -> None:
    assert callable(text)
    shown = plain_label(text()).text()
    layout = QTextLayout(shown)
    option = QTextOption()
    option.setTextDirection(Qt.LayoutDirection.RightToLeft)
    layout.setTextOption(option)
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(2000)
    layout.endLayout()
    place = [line.cursorToX(shown.rindex(piece) + 1)[0] for piece in (first, then)]  # type: ignore[index]
    assert place[0] < place[1]


def test_labels_without_an_arabic_letter_begin_at_the_right(theme: Theme) -> None:
    assert min(ink(plain_label("qwen3:8b"))) > 150


def test_what_is_painted_begins_at_the_right(theme: Theme) -> None:
    line = FigureLine(theme, 24, 15)
    line.render_view(figure("", watts(52)))
    assert min(ink(line)) > 150
    bar = MemoryBar(theme)
    bar.render_view(MemoryBarView((BarSegment("", "", 0.3, "weights"),), "", ""))
    assert min(ink(bar, theme.tokens.flame)) > 150
    legend = Legend(theme)
    legend.show_items(((theme.tokens.flame, "GPU", ""),))
    assert min(ink(legend, theme.tokens.flame)) > 150


def test_a_slider_is_filled_from_where_it_begins(theme: Theme) -> None:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setStyleSheet(style_sheet(theme))
    slider.setValue(20)
    filled = ink(slider, theme.tokens.button)
    assert min(filled) > 200 and max(filled) > 290
