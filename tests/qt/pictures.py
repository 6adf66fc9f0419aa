"""Draws the pictures of the README.

python tests/qt/pictures.py FOLDER --from-trace [--no-menu]
python tests/qt/pictures.py FOLDER [--scale 2] [--scenes evening busy] [--no-menu]

With --from-trace every number comes from the trace that tests/data/november.py writes; these are the pictures
in desktop/pictures. Without it every page of made-up scenes is drawn. The windows need no screen; the menu is
the one a real panel draws on a private X server (xfce4-panel, openbox, xdotool and ImageMagick).
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MENU_TOOLS = ("Xvfb", "dbus-daemon", "xfce4-panel", "openbox", "xdotool", "import")
MARK = "e0218a"
MENU_REACH = 520
"""No menu of ours is wider or higher."""
SETTLE_S = 2.5
"""A panel needs this long to draw; there is nothing to wait for that tells."""


def main() -> int:
    """Draw everything; 1 when the menu could not be drawn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=2.0)
    parser.add_argument("--scenes", nargs="+", default=["evening"])
    parser.add_argument("--from-trace", action="store_true")
    parser.add_argument("--no-menu", action="store_true")
    parser.add_argument("--draw-here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.draw_here:
        scenes = () if options.from_trace else tuple(options.scenes)
        return draw_here(options.folder, scenes)
    again = [sys.executable, __file__, str(options.folder), "--draw-here", "--scenes", *options.scenes]
    if options.from_trace:
        again.append("--from-trace")
    with tempfile.TemporaryDirectory() as scratch:
        env = unseen_screen(Path(scratch), options.scale)
        subprocess.run(again, env=env, check=True)
    if options.no_menu:
        return 0
    missing = [name for name in MENU_TOOLS if shutil.which(name) is None]
    if missing:
        print(f"The menu was not drawn; not installed: {', '.join(missing)}")
        return 1
    if options.from_trace:
        menu = draw_menu(options.folder / "menu.png", "november")
        shrink(menu)
    else:
        menu = draw_menu(options.folder / "menu-panel.png", "evening")
    print(menu)
    return 0


def unseen_screen(folder: Path, scale: float, size: tuple[int, int] = (1600, 4000)) -> dict[str, str]:
    """An environment in which Qt draws on a screen of ``size`` logical pixels; ``folder`` takes its form.
    (Without one the screen of the offscreen platform is smaller than a window.)"""
    form = folder / "screens.json"
    width, height = (round(side * scale) for side in size)
    screen = {"name": "drawn", "x": 0, "y": 0, "width": width, "height": height, "dpr": 1}
    form.write_text(json.dumps({"screens": [screen | {"logicalDpi": 96, "logicalBaseDpi": 96}]}))
    return {
        **os.environ,
        "QT_QPA_PLATFORM": f"offscreen:configfile={form}",
        "QT_SCALE_FACTOR": str(scale),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests"), str(HERE)]),
        "LC_ALL": "C.UTF-8",
    }


def draw_here(folder: Path, scenes: tuple[str, ...]) -> int:
    """Draw the windows in this process; without scenes those of the README."""
    from grab import draw_all, draw_readme
    from PySide6.QtWidgets import QApplication

    from wattlight.i18n import activate

    app = QApplication(["pictures"])
    activate("en")
    if scenes:
        files = draw_all(app, folder, scenes)
    else:
        from fakes.november_day import evening

        with tempfile.TemporaryDirectory() as scratch:
            files = draw_readme(app, folder, evening(Path(scratch)).scene)
        for file in files:
            shrink(file)
    for file in files:
        print(file)
    return 0


def shrink(file: Path) -> None:
    """Rewrite a picture with 256 colours (a README is read over slow lines too) and name its trace in it."""
    from PIL import Image, PngImagePlugin

    from data import november

    source = PngImagePlugin.PngInfo()
    source.add_text("Source", hashlib.sha256(november.trace().encode()).hexdigest())
    with Image.open(file) as image:
        colours = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    colours.save(file, optimize=True, pnginfo=source)


def draw_menu(file: Path, scene: str) -> Path:
    """Let a real panel show the icon and its menu, and photograph it."""
    sys.path[:0] = [str(ROOT / "desktop"), str(ROOT / "tests"), str(HERE)]
    from desk import Desk, TrayApp

    with tempfile.TemporaryDirectory() as scratch:
        desk = Desk(Path(scratch)).open()
        try:
            desk.env["TZ"] = "Europe/Berlin"
            desk.spawn(["openbox"])
            desk.spawn(["xfce4-panel", "--disable-wm-check"])
            time.sleep(SETTLE_S)
            app = TrayApp(desk, scene, "--hidden")
            app.wait_call("running", seconds=90)
            app.tell("mark", f"#{MARK}")
            time.sleep(SETTLE_S)
            x, y = find_colour(photograph(desk.env, Path(scratch) / "icon.png"))
            app.tell("unmark")
            click = ["xdotool", "mousemove", str(x), str(y), "sleep", "1", "click", "3"]
            subprocess.run(click, env=desk.env, check=True)
            time.sleep(SETTLE_S)
            shot = photograph(desk.env, Path(scratch) / "menu.png")
            return crop(shot, file, x, y)
        finally:
            desk.close()


def photograph(env: dict[str, str], file: Path) -> Path:
    """The whole screen."""
    subprocess.run(["import", "-window", "root", str(file)], env=env, check=True)
    return file


def find_colour(file: Path) -> tuple[int, int]:
    """The centre of everything in the colour of the mark."""
    from PIL import Image

    image = Image.open(file).convert("RGB")
    wanted = tuple(int(MARK[i : i + 2], 16) for i in (0, 2, 4))
    pixels = image.load()
    hits = [
        (x, y)
        for x in range(image.width)
        for y in range(image.height)
        if all(abs(a - b) < 12 for a, b in zip(pixels[x, y], wanted, strict=True))
    ]
    if not hits:
        raise LookupError("the panel shows no icon")
    return sum(x for x, _ in hits) // len(hits), sum(y for _, y in hits) // len(hits)


def crop(shot: Path, file: Path, x: int, y: int) -> Path:
    """The menu and the piece of the panel with the icon above it; not the panel's clock."""
    from PIL import Image

    panel = y + 16
    with Image.open(shot) as screen:
        whole = screen.convert("RGB")
    near = max(0, x - MENU_REACH)
    box = whole.crop((near, panel, min(whole.width, x + MENU_REACH), panel + MENU_REACH)).getbbox()
    if box is None:
        raise LookupError("the panel shows no menu")
    left, right = min(near + box[0], x - 14), max(near + box[2], x + 14)
    whole.crop((left, y - 13, right, panel + box[3])).save(file)
    return file


if __name__ == "__main__":
    sys.exit(main())
