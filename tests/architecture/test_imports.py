"""No circle of imports, through doors neither, and no import inside a function without a reason."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

from .house import HOUSE, House

HIDDEN = {
    ("__main__.py", "wattlight.bootstrap"): "only the face that was asked for is loaded",
    ("bootstrap/__init__.py", "wattlight.*"): "the command line never loads Qt",
    ("bootstrap/tray.py", "wattlight.*"): "the icon is on the screen before the program is loaded",
    ("services/plugs.py", "wattlight.probes.plugs"): "only where a plug is tried",
    ("services/factory.py", "wattlight.*"): "a verb pays for its own parts alone",
    ("services/shapes.py", "wattlight.domain.advice"): "only for a server that tells no shapes",
    ("i18n/*.py", "babel*"): "the first icon needs texts, not numbers",
    ("i18n/texts.py", "ctypes"): "only on Windows",
    ("i18n/texts.py", "plistlib"): "only on a Mac",
    ("i18n/times.py", "tzlocal"): "reads the zone of the system, which TZ mostly tells",
    ("paths.py", "importlib"): "9 ms before the first icon",
    ("paths.py", "tempfile"): "the same",
    ("ui/keeper.py", "PySide6.QtDBus"): "the icon is shown first",
    ("ui/network.py", "PySide6.QtDBus"): "the icon is shown first",
    ("ui/sleep.py", "PySide6.QtDBus"): "only where the rule for sleep is on",
    ("ui/sleep.py", "ctypes"): "only on Windows",
    ("ui/single.py", "PySide6.QtNetwork"): "only the socket to another start needs it",
    ("ui/windows.py", "wattlight.ui.compare"): "few ever open it",
    ("ui/windows.py", "wattlight.ui.first_run"): "used once in the life of an installation",
    ("runtime/*.py", "ollama"): "0.3 s; the idle poll and fit never need it",
    ("runtime/ollama_connection.py", "wattlight.runtime.package"): "the same",
    ("runtime/ollama_server.py", "wattlight.runtime.pulling"): "only a pull needs it",
    ("runtime/managed/unpacking.py", "zstandard"): "only an installation unpacks",
    ("web/connection.py", "ssl"): "the local server is asked without",
    ("web/endpoint.py", "urllib.request"): "only where the system's proxies are asked for",
    ("ui/picture.py", "PySide6.QtSvg"): "only where a drawing is saved",
    ("ui/single.py", "hashlib"): "only where the socket's own place is too long a path",
    ("ui/single.py", "tempfile"): "only where the socket's own place is too long a path",
    ("cli/options.py", "wattlight.domain.tariff"): "only a span of days needs it",
    ("cli/options.py", "wattlight.services.*"): "only an answer for another computer needs them",
    ("probes/*.py", "psutil"): "only where the system's own files do not tell",
    ("probes/linux/*.py", "ctypes"): "only where the kernel is asked by a call of its own",
    ("probes/nvidia/nvml.py", "pynvml"): "only where the driver is",
    ("probes/prober.py", "wattlight.probes.*.host"): "only this system's sources",
    ("probes/reader.py", "fcntl"): "not on Windows",
    ("system/energy_permission.py", "pwd"): "not on Windows",
    ("system/secrets.py", "keyring"): "an optional library; only where a secret is kept",
    ("cli/options.py", "getpass"): "only where a secret is typed",
    ("cli/verb_fit.py", "wattlight.cli.fit_vllm"): "few ask for vLLM",
    ("cli/verb_mcp.py", "mcp*"): "an optional library; only this verb needs it",
    ("cli/verb_mcp.py", "wattlight.catalog.registry"): "only a name that is asked about",
    ("services/publishing/home_assistant.py", "paho*"): "an optional library; only where it is wanted",
    ("services/publishing/prometheus.py", "prometheus_client*"): "the same",
    ("services/publishing/keeper.py", "wattlight.services.publishing.prometheus"): "the same",
    ("probes/windows/adapters.py", "winreg"): "only on Windows",
    ("system/programs.py", "winreg"): "only on Windows",
    ("system/variables.py", "winreg"): "only on Windows",
    ("__main__.py", "platform"): "only on Windows",
    ("__main__.py", "socket"): "only on Windows",
    ("__main__.py", "wattlight.system"): "only for a program without a console",
    ("ui/early.py", "wattlight.system"): "only on Windows; the icon is shown first",
}
"""(File, module) -> why it is imported inside a function."""


def test_no_circle_of_imports() -> None:
    assert not HOUSE.circles()


def made_up(root: Path, files: dict[str, str]) -> House:
    for name, text in files.items():
        file = root / "made_up" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        for folder in file.relative_to(root).parents:
            door = root / folder / "__init__.py"
            if str(folder) != "." and not door.exists():
                door.write_text("", encoding="utf-8")
    return House(root / "made_up")


LAZY = "from made_up import lazy_door\n__getattr__ = lazy_door(__name__, {'x': 'X', 'y': 'Y'})\n"
EAGER = "from .x import X\n"
TO_A, TO_B = "import made_up.a\n", "import made_up.b\n"


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a.py": "from . import b\n", "b.py": TO_A}, "a b"),
        ({"a.py": "from .b import B\n", "b.py": "class B:\n    from .a import A\n"}, "a b"),
        # through a door
        ({"one/__init__.py": EAGER, "one/x.py": TO_B, "b.py": "import made_up.one\n"}, "b one one.x"),
        # a file behind a door opens the door
        (
            {"one/__init__.py": EAGER, "one/x.py": TO_B, "one/y.py": "", "b.py": "import made_up.one.y\n"},
            "b one one.x",
        ),
        # a file that goes through its own door
        ({"one/__init__.py": EAGER, "one/x.py": "from made_up.one import X\n"}, "one one.x"),
        # through a lazy door, by the file behind the name that is asked for
        ({"one/__init__.py": LAZY, "one/x.py": TO_B, "b.py": "from made_up.one import X\n"}, "b one.x"),
        ({"one/__init__.py": LAZY, "one/x.py": TO_B, "b.py": "from made_up.one import Y\n"}, ""),
        # not while they are loaded
        ({"a.py": TO_B, "b.py": "def f():\n    import made_up.a\n"}, ""),
        ({"a.py": TO_B, "b.py": "if TYPE_CHECKING:\n    import made_up.a\n"}, ""),
    ],
)
def test_the_search_sees_circles_through_doors(tmp_path: Path, files: dict[str, str], circle: str) -> None:
    circles = made_up(tmp_path, files).circles()
    assert circles == ([[f"made_up.{name}" for name in circle.split()]] if circle else [])


def test_an_import_inside_a_function_has_a_reason() -> None:
    used, faults = set(), []
    for file in HOUSE.trees:
        for item in HOUSE.imports_of(file):
            if not item.hidden:
                continue
            keys = [k for k in HIDDEN if fnmatch(HOUSE.name_of(file), k[0]) and fnmatch(item.module, k[1])]
            used.update(keys)
            if not keys:
                faults.append(f"{HOUSE.name_of(file)}:{item.line}: {item.module}")
    assert not faults, "\n".join(faults)
    assert used == set(HIDDEN), f"no longer needed: {set(HIDDEN) - used}"


def test_the_search_sees_imports_in_methods_and_branches(tmp_path: Path) -> None:
    method = " def f(self):\n  if self:\n   import ssl\n  with self:\n   import re\n"
    code = f"import os\nclass A:\n{method}if TYPE_CHECKING:\n import ast\n"
    house = made_up(tmp_path, {"a.py": code})
    (file,) = (file for file in house.trees if file.name == "a.py")
    found = {i.module: (i.hidden, i.typing) for i in house.imports_of(file)}
    assert found == {"os": (False, False), "ssl": (True, False), "re": (True, False), "ast": (False, True)}
