"""The bootstrap is no package of the program: its folder is put on the path for these tests."""

import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
if str(PACKAGING) not in sys.path:
    sys.path.append(str(PACKAGING))


@pytest.fixture
def packaging_folder() -> Path:
    return PACKAGING
