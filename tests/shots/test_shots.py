"""Every page in light and dark, at 1x and 2x, in two languages, beside the stored picture of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from .draw import LANGUAGES, SCALES, SMALL, STORED, THEMES, draw_all, reduced

pytestmark = [pytest.mark.qt, pytest.mark.timeout(600)]

FONT = "DejaVu Sans"
PAGES = (SMALL, "now", "models", "cost", "machine", "connect", "settings", "privacy")
NAMES = sorted(f"{la}-{page}-{theme}" for la in LANGUAGES for page in PAGES for theme in THEMES)
MEAN = 2.0
"""Levels (of 255) that all blocks together may differ on average: another scale, another build of a font."""
FAR, FAR_SHARE = 32, 0.002
"""So many levels are another picture; so large a share of the blocks may be."""
MOST_BYTES = 1_500_000
AGAIN = "look at them (python tests/shots/draw.py FOLDER), then keep them: python tests/shots/draw.py --store"


def family() -> str:
    """The font that windows are drawn with here."""
    code = "from PySide6.QtWidgets import QApplication as A; from PySide6.QtGui import QFontInfo as I;"
    code += "print(I(A([]).font()).family())"
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All pictures as they are drawn now."""
    if family() != FONT:
        pytest.skip(f"the stored pictures are drawn with {FONT}")
    return {file.name: file for file in draw_all(tmp_path_factory.mktemp("shots"))}


def difference(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """(mean levels, share of blocks that are far apart); all of it where the sizes differ."""
    if one.size != other.size:
        return 255.0, 1.0
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    mean = sum(ImageStat.Stat(apart).mean) / 3
    most = ImageChops.lighter(ImageChops.lighter(*apart.split()[:2]), apart.split()[2])
    far = sum(most.histogram()[FAR:])
    return mean, far / (one.width * one.height)


def test_all_pictures_are_stored_and_the_store_is_small() -> None:
    files = sorted(STORED.glob("*"))
    assert [file.name for file in files] == [f"{name}.png" for name in NAMES], AGAIN
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_every_page_looks_as_it_is_stored(drawn: dict[str, Path]) -> None:
    """At every scale: what is larger is sharper, and lies where it lay."""
    assert sorted(drawn) == sorted(f"{name}-{scale}x.png" for name in NAMES for scale in SCALES)
    other = {}
    for name in NAMES:
        for scale in SCALES:
            with Image.open(STORED / f"{name}.png") as stored:
                mean, far = difference(reduced(drawn[f"{name}-{scale}x.png"]), stored)
            if mean > MEAN or far > FAR_SHARE:
                other[f"{name} at {scale}x"] = f"{mean:.1f} levels, {far:.1%} of the blocks"
    assert not other, AGAIN


def test_a_larger_scale_is_sharper(drawn: dict[str, Path]) -> None:
    for name in NAMES:
        with Image.open(drawn[f"{name}-1x.png"]) as one, Image.open(drawn[f"{name}-2x.png"]) as two:
            assert two.size == (2 * one.width, 2 * one.height)
            enlarged = one.resize(two.size, Image.Resampling.NEAREST)
            assert ImageChops.difference(enlarged.convert("L"), two.convert("L")).getbbox(), name


def test_another_picture_is_seen(drawn: dict[str, Path]) -> None:
    """The tolerance is not so wide that a page, a theme or a card could be another."""
    page = reduced(drawn["en-now-light-1x.png"])
    for name in ("de-now-light-1x.png", "en-now-dark-1x.png", "en-cost-light-1x.png"):
        mean, far = difference(page, reduced(drawn[name]))
        assert mean > MEAN or far > FAR_SHARE, name
    without = page.copy()
    card = page.getpixel((20, 4))
    without.paste(card, (32, 2, 46, 6))  # one figure is missing
    mean, far = difference(page, without)
    assert mean > MEAN or far > FAR_SHARE
