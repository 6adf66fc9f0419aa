"""The bootstrap is no package of the program: its folder is put on the path for these tests."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
if str(PACKAGING) not in sys.path:
    sys.path.append(str(PACKAGING))


@pytest.fixture
def packaging_folder() -> Path:
    return PACKAGING


@pytest.fixture
def load(packaging_folder: Path) -> Callable[[str], ModuleType]:
    """Loads a script of the packaging folder by its path, without running it."""

    def load_script(name: str) -> ModuleType:
        path = packaging_folder / name
        spec = importlib.util.spec_from_file_location(f"packaging_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load_script
