"""Which releases of Ollama Wattlight may install: exact files and their hashes, shipped with Wattlight.

A hash published beside a file proves that it arrived whole, not where it came from; so only what is listed
in our own release is ever installed.
"""

import json
import platform
import re
import sys
from dataclasses import dataclass

from ..address import parse_endpoint
from ..problems import RuntimeProblem

ASSET = "servers/ollama.json"
MAX_ARTEFACT_BYTES = 8 * 10**9
VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[A-Za-z0-9.]{1,20})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file of a release. ``variant`` "" is the server itself, "rocm" the libraries AMD cards need too."""

    system: str
    machine: str
    variant: str
    url: str
    sha256: str
    size_bytes: int
    unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """One version and its files for one kind of computer, the server first."""

    version: str
    artefacts: tuple[Artefact, ...]

    @property
    def download_bytes(self) -> int:
        """What is fetched."""
        return sum(item.size_bytes for item in self.artefacts)

    @property
    def disk_bytes(self) -> int:
        """What is needed on the disk while it is installed: the archives and what comes out of them."""
        return self.download_bytes + sum(item.unpacked_bytes for item in self.artefacts)


def this_system() -> tuple[str, str]:
    """("linux", "x86_64"), as the list names it."""
    machine = platform.machine().lower()
    return sys.platform, _MACHINES.get(machine, machine)


def read_releases(text: str) -> tuple[tuple[str, tuple[Artefact, ...]], ...]:
    """(version, artefacts) of the shipped list, newest first.

    Raises:
        RuntimeProblem: the list is damaged (code ``bad_release_list``).
    """
    try:
        document = json.loads(text)
        return tuple(
            (_matching(VERSION, entry["version"]), tuple(_artefact(item) for item in entry["artefacts"]))
            for entry in document["releases"]
        )
    except (ValueError, KeyError, TypeError, RuntimeProblem) as error:
        raise RuntimeProblem(
            "The list of servers that Wattlight may install is damaged.",
            "Install Wattlight again.",
            "bad_release_list",
        ) from error


def choose_release(text: str, system: str, machine: str, variants: frozenset[str] = frozenset()) -> Release:
    """The newest listed release for a computer, with the extra ``variants`` its cards need.

    Raises:
        RuntimeProblem: none is listed for it (code ``no_pinned_server``).
    """
    for version, artefacts in read_releases(text):
        mine = [a for a in artefacts if (a.system, a.machine) == (system, machine)]
        base = [a for a in mine if not a.variant]
        extra = [a for a in mine if a.variant in variants]
        if base and {a.variant for a in extra} == variants:
            return Release(version, (base[0], *extra))
    raise RuntimeProblem(
        "This version of Wattlight names no Ollama yet that it could install on this computer by itself.",
        "Install Ollama as its own web page says; Wattlight finds it by itself.",
        "no_pinned_server",
    )


def _artefact(item: dict[str, object]) -> Artefact:
    url = str(item["url"])
    endpoint = parse_endpoint("/".join(url.split("/")[:3]))
    size, unpacked = item["size_bytes"], item["unpacked_bytes"]
    if not endpoint.is_private or not isinstance(size, int) or not isinstance(unpacked, int):
        raise ValueError(url)
    if not 0 < size <= MAX_ARTEFACT_BYTES or not 0 < unpacked <= 10 * MAX_ARTEFACT_BYTES:
        raise ValueError(url)
    return Artefact(
        str(item["system"]),
        str(item["machine"]),
        str(item.get("variant", "")),
        url,
        _matching(_SHA256, item["sha256"]),
        size,
        unpacked,
    )


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError(str(value)[:80])
    return value
