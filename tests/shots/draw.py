"""Draws every page as the tests of this folder compare it: light and dark, at 1x and 2x, in two languages.

python tests/shots/draw.py FOLDER            # whole pictures, to look at
python tests/shots/draw.py --store           # the small ones beside this file, after they were looked at

Every number comes from the trace that ``tests/data/november.py`` writes and from the machine profile that
``tests/fakes/november_day.py`` names. A page is drawn as long as it is, so that nothing is below its edge.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from qt.pictures import unseen_screen  # noqa: E402

STORED = HERE / "stored"
LANGUAGES = ("en", "de")
THEMES = ("light", "dark")
SCALES = (1, 2)
SMALL = "small"
SHOWN_MODEL = "qwen3.8:27b"
"""Which offer the page of the models shows in detail."""
BLOCK = 16
"""A stored picture has one dot for so many by so many pixels of a window at 1x."""
WIDTH, LEAST_HEIGHT = 1080, 680


def draw_all(folder: Path) -> list[Path]:
    """Every picture. Qt reads the scale when it starts, so each scale has a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for part in (*LANGUAGES, *SCALES):
            command = [sys.executable, __file__, str(folder), "--part", str(part), "--scratch", name]
            scale = part if isinstance(part, int) else 1
            subprocess.run(command, env=unseen_screen(scratch, scale), check=True, timeout=300)
    return sorted(folder.glob("*.png"))


def prepare(language: str, file: Path) -> None:
    """What is drawn in a language; its tariff file is named as on any computer."""
    from fakes.november_day import evening
    from wattlight.i18n import activate

    activate(language)
    with tempfile.TemporaryDirectory() as scratch:
        scene = evening(Path(scratch)).scene
    price = replace(scene.settings.price, tariff_file="november.json")
    settled = replace(scene.setup, contacts=())  # a replay asks no host
    scene = replace(scene, settings=replace(scene.settings, price=price), setup=settled)
    file.write_bytes(pickle.dumps(scene))


def draw_here(folder: Path, scale: int, scratch: Path) -> None:
    """``LANGUAGE-PAGE-THEME-SCALEx.png``, all of this process's scale."""
    from PySide6.QtWidgets import QApplication

    from qt.grab import Drawn, save
    from wattlight.i18n import activate
    from wattlight.ui.dashboard import PAGES
    from wattlight.ui.text import speak

    app = QApplication(["shots"])
    for language in LANGUAGES:
        activate(language)
        speak(app)
        scene = pickle.loads((scratch / language).read_bytes())
        for theme in THEMES:
            drawn = Drawn(app, theme)
            save(drawn.show_small(scene), folder / f"{language}-{SMALL}-{theme}-{scale}x.png")
            for page in (*PAGES, "privacy"):
                window = drawn.show_page(scene, page, SHOWN_MODEL if page == "models" else "")
                inner = window.open_page(page).widget()
                window.resize(WIDTH, max(LEAST_HEIGHT, inner.layout().heightForWidth(inner.width())))
                save(window, folder / f"{language}-{page}-{theme}-{scale}x.png")
            drawn.close()


def reduced(file: Path) -> "Image.Image":
    """A picture as its stored form: the mean of each block."""
    from PIL import Image

    scale = int(file.stem[-2])
    with Image.open(file) as image:
        size = (-(-side // (BLOCK * scale)) for side in image.size)
        return image.convert("RGB").resize(tuple(size), Image.Resampling.BOX)


def store(scratch: Path) -> None:
    """Write the pictures that the tests compare with; one of each, since the scales show the same."""
    STORED.mkdir(exist_ok=True)
    for old in STORED.glob("*.png"):
        old.unlink()
    for file in draw_all(scratch):
        if file.stem.endswith("-1x"):
            reduced(file).save(STORED / f"{file.stem.removesuffix('-1x')}.png", optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part in LANGUAGES:
        prepare(options.part, options.scratch / options.part)
    elif options.part:
        draw_here(options.folder, int(options.part), options.scratch)
    elif options.store:
        with tempfile.TemporaryDirectory() as scratch:
            store(Path(scratch))
    elif options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        print(*draw_all(options.folder), sep="\n")
    else:
        parser.error("name a folder, or --store")
    return 0


if __name__ == "__main__":
    sys.exit(main())
