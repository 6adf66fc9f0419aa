"""What painted widgets tell a screen reader, on every system."""

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QWidget

from fakes import made_up_day
from wattlight.ui.charts import Chart, MemoryBar
from wattlight.ui.controls import Pill
from wattlight.ui.dashboard import PAGES
from wattlight.ui.text import FigureLine, Spoken

from .grab import Drawn

pytestmark = pytest.mark.qt


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (Chart, QAccessible.Role.Chart),
        (MemoryBar, QAccessible.Role.Graphic),
        (Pill, QAccessible.Role.StaticText),
        (FigureLine, QAccessible.Role.StaticText),
    ],
)
def test_painted_widgets_are_what_they_show(qapp: QApplication, kind: type, role: QAccessible.Role) -> None:
    drawn = Drawn(qapp, "light")
    made = made_up_day.evening()
    found: list[QWidget] = []
    for page in PAGES:
        window = drawn.show_page(made, page, "qwen3:8b" if page == "models" else "")
        found += [w for w in window.findChildren(Spoken) if isinstance(w, kind) and w.isVisible()]
    assert found
    for widget in found:
        face = QAccessible.queryAccessibleInterface(widget)
        assert face is not None and face.role() == role
        assert face.text(QAccessible.Text.Name).strip()
    drawn.close()


def test_a_painted_widget_can_go(qapp: QApplication) -> None:
    """The interface of a widget goes with it; another widget at its address gets one of its own."""
    for number in range(50):
        widget = Spoken()
        widget.setAccessibleName(f"widget {number}")
        face = QAccessible.queryAccessibleInterface(widget)
        assert face is not None and face.text(QAccessible.Text.Name) == f"widget {number}"
        widget.deleteLater()
        QApplication.sendPostedEvents(None, 52)
