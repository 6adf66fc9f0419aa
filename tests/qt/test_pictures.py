"""The pictures of the README can be drawn, at the scales screens have."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from wattlight.ui.dashboard import PAGES

pytestmark = [pytest.mark.qt, pytest.mark.timeout(110)]


@pytest.mark.skipif(sys.platform == "win32", reason="without a screen Qt has no fonts on Windows")
@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
def test_every_page_is_drawn_at_every_scale(tmp_path: Path, scale: float) -> None:
    command = [sys.executable, str(Path(__file__).with_name("pictures.py")), str(tmp_path)]
    subprocess.run(
        [*command, "--scale", str(scale), "--no-menu"], check=True, capture_output=True, timeout=100
    )
    files = sorted(tmp_path.glob("*.png"))
    assert len(files) == 2 * len(["small", *PAGES])  # light and dark
    for file in files:
        size = QImage(str(file)).size()
        wanted = (360, 440) if "-small-" in file.name else (1080, 680)
        assert (size.width(), size.height()) == tuple(round(w * scale) for w in wanted), file.name
