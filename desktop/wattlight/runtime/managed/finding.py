"""An Ollama that is installed but not running, and how its owner starts it."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_UNITS = (
    "/etc/systemd/system/ollama.service",
    "/usr/lib/systemd/system/ollama.service",
    "/lib/systemd/system/ollama.service",
)
_USUAL = ("/usr/local/bin/ollama", "/usr/bin/ollama", "/opt/ollama/bin/ollama")
_MAC_APP = "/Applications/Ollama.app/Contents/Resources/ollama"


@dataclass(frozen=True, slots=True)
class InstalledProgram:
    """A program found on this computer.

    ``service_commands`` are what its owner types to start it as the service it is installed as; Wattlight
    only ever shows them. Empty: there is no service, and it may be started as a child.
    """

    binary: Path
    service_commands: tuple[str, ...] = ()


def find_installed(environ: Mapping[str, str], root: Path = Path("/")) -> InstalledProgram | None:
    """The installed Ollama, looked for where its installers put it; ``root`` is for tests."""
    found = shutil.which("ollama", path=environ.get("PATH", ""))
    places = [Path(found)] if found else []
    places += [_below(root, name) for name in (*_USUAL, _MAC_APP)]
    local = environ.get("LOCALAPPDATA")
    if sys.platform == "win32" and local:
        # Its installer adds this to PATH, but not to that of programs that run already.
        places.append(Path(local) / "Programs" / "Ollama" / "ollama.exe")
    binary = next((place for place in places if place.is_file()), None)
    if binary is None:
        return None
    if sys.platform == "linux" and any(_below(root, unit).is_file() for unit in _UNITS):
        return InstalledProgram(
            binary, ("sudo systemctl start ollama", "sudo systemctl enable ollama", "systemctl status ollama")
        )
    return InstalledProgram(binary)


def _below(root: Path, name: str) -> Path:
    return root / name.lstrip("/")
