"""Real panels with a real mouse: xfce4-panel (menus over the bus), trayer and tint2 (the old way)."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from .desk import Desk, TrayApp, wait_until
from .pictures import MARK, find_colour, photograph

HOSTS = {
    "xfce4-panel": ["xfce4-panel", "--disable-wm-check"],
    "trayer": ["trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32"],
    "tint2": ["tint2", "-c", "tint2rc"],
}
TINT2 = """
panel_items = S
panel_position = bottom right horizontal
panel_size = 300 32
panel_monitor = primary
systray_padding = 2 2 2
systray_monitor = 1
"""
NEEDED = ("openbox", "xdotool", "import")

pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]


def mouse(desk: Desk, *words: str) -> None:
    """Move, click or type."""
    subprocess.run(["xdotool", *words], env=desk.env, check=True, timeout=20)


def icon_place(desk: Desk, app: TrayApp, shot: Path) -> tuple[int, int]:
    """Where the panel shows the marked icon."""
    place: list[tuple[int, int]] = []

    def found() -> bool:
        app.tell("mark", f"#{MARK}")  # again: a panel that came late got a new icon
        try:
            place.append(find_colour(photograph(desk.env, shot)))
        except LookupError:
            time.sleep(0.3)
        return bool(place)

    wait_until(found, 30)
    return place[0]


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_left_click_opens_and_the_menu_switches(desk: Desk, host: str, tmp_path: Path) -> None:
    missing = [name for name in (host, *NEEDED) if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    desk.spawn(["openbox"])
    (tmp_path / "tint2rc").write_text(TINT2)
    desk.spawn(HOSTS[host], cwd=tmp_path)
    app = TrayApp(desk, "evening", "--hidden")
    app.wait_call("running")
    x, y = icon_place(desk, app, tmp_path / "shot.png")
    mouse(desk, "mousemove", str(x), str(y), "sleep", "1", "click", "1")
    app.wait_call("watch")
    mouse(desk, "sleep", "1", "key", "Escape")
    app.wait_call("look_away")
    mouse(desk, "mousemove", str(x), str(y), "sleep", "1", "click", "3", "sleep", "1.5")
    mouse(desk, "key", "Down", "key", "Down", "key", "Down", "sleep", "0.3", "key", "Return")
    app.wait_call("switch", "gpt-oss:20b")
    mouse(desk, "key", "Escape", "sleep", "0.5", "mousemove", str(x), str(y), "sleep", "0.5", "click", "2")
    app.wait_call("unload")
    assert app.process.poll() is None
    assert "Traceback" not in app.errors()
