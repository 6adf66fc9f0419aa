"""What the engine itself found, from its own log, to show beside ours."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from .doctor_findings import Finding, Level

_TAIL_BYTES = 400_000
_LINE = re.compile(r'msg="inference compute"(.*)')
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_START = 'msg="server config"'


@dataclass(frozen=True, slots=True)
class EngineDevice:
    """A device in the engine's words."""

    library: str
    name: str
    pci_id: str
    total: str
    available: str


def devices_in(log: str) -> list[EngineDevice]:
    """The devices of the engine's last start in its log."""
    last_start = log.rfind(_START)
    found = []
    for line in log[max(0, last_start) :].splitlines():
        match = _LINE.search(line)
        if match:
            values = {key: clean_text(value.strip('"'), 80) for key, value in _PAIR.findall(match.group(1))}
            name = values.get("description") or values.get("name", "")
            found.append(
                EngineDevice(
                    values.get("library", ""),
                    name,
                    values.get("pci_id", ""),
                    values.get("total", ""),
                    values.get("available", ""),
                )
            )
    return found


def engine_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """One finding for each device of the engine's last start; nothing when its log cannot be read."""
    text = _tail(_log_file(environ))
    for device in devices_in(text):
        said = tr(
            "The engine's own log says: {library}, {name}, {available} of {total} free.",
            library=device.library or "?",
            name=device.name or "?",
            available=device.available or "?",
            total=device.total or "?",
        )
        yield Finding("engine_device", Level.FINE, said)


def _log_file(environ: Mapping[str, str]) -> Path | None:
    if os.name == "nt":
        base = environ.get("LOCALAPPDATA")
        return Path(base, "Ollama", "server.log") if base else None
    home = environ.get("HOME")
    return Path(home, ".ollama", "logs", "server.log") if home and sys.platform != "win32" else None


def _tail(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        with file.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
