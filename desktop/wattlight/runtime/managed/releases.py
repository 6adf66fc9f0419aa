"""Releases of Ollama: which one is listed for this system, which is newer, which have known holes."""

import json
import platform
import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass

from wattlight.domain.values import UNREADABLE
from wattlight.i18n import tr

from ..opening import parse_endpoint
from ..problems import RuntimeProblem

_NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[A-Za-z0-9.]+)?")

Order = tuple[int, int, int, int]


def version_order(version: str) -> Order | None:
    """A key to compare by, None for what is no version; a pre-release comes before its release."""
    found = _NUMBERS.match(version.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), 0 if found[4] else 1


def is_newer(version: str, than: str | None) -> bool:
    """True when ``version`` is newer; False where that cannot be told."""
    first, second = version_order(version), None if than is None else version_order(than)
    return first is not None and second is not None and first > second


_CONVERTS = (0, 40, 0, 0)


def converts_models(version: str | None) -> bool:
    """Whether this Ollama converts older GGUF models in the background as they are used: digests and sizes
    change, and copies stay beside (0.40.0; a later version is to drop them)."""
    order = version_order(version or "")
    return order is not None and order >= _CONVERTS


@dataclass(frozen=True, slots=True)
class Advisory:
    """A hole that versions before ``fixed_in`` have, from ``since`` on where that is known; ``text`` is one
    sentence, ``source`` its public name."""

    fixed_in: str
    text: str
    source: str
    since: str = "0.0.0"


def read_advisories(text: str) -> tuple[Advisory, ...]:
    """The shipped list, the one with the newest fix first."""
    items = [
        Advisory(str(a["fixed_in"]), str(a["text"]), str(a["source"]), str(a.get("since", "0.0.0")))
        for a in json.loads(text)["advisories"]
    ]
    return tuple(sorted(items, key=lambda a: version_order(a.fixed_in) or (0, 0, 0, 0), reverse=True))


def advisories_for(version: str | None, advisories: tuple[Advisory, ...]) -> tuple[Advisory, ...]:
    """Those that concern ``version``; none for an unknown one or a development build (0.0.0)."""
    order = None if version is None else version_order(version)
    if order is None or order[:3] == (0, 0, 0):
        return ()
    none = (0, 0, 0, 0)
    return tuple(
        a
        for a in advisories
        if (version_order(a.since) or none) <= order < (version_order(a.fixed_in) or none)
    )


def floor_version(advisories: tuple[Advisory, ...]) -> str | None:
    """The oldest version without a known hole."""
    return advisories[0].fixed_in if advisories else None


MAX_ARTEFACT_BYTES = 8 * 10**9
ABOUT_CAP = 2
"""So many times a rough size may really come."""
VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[A-Za-z0-9.]{1,20})?")
SHA256 = re.compile(r"[0-9a-f]{64}")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloadable(ABC):
    """A file that may be fetched: the list of releases names it. What it is decides the hash; ``sha256`` is
    None where whoever uses the file checks in another way what it is.

    ``size_bytes`` is None where the exact size is not known; ``about_bytes`` then says roughly what to
    expect, and twice that is the most that is taken.
    """

    url: str
    sha256: str | None
    size_bytes: int | None
    about_bytes: int = 0

    @property
    @abstractmethod
    def file_name(self) -> str:
        """What it is called on the disk."""

    @property
    def expected_bytes(self) -> int:
        return self.about_bytes if self.size_bytes is None else self.size_bytes

    @property
    def most_bytes(self) -> int:
        """More is never fetched."""
        return ABOUT_CAP * self.about_bytes if self.size_bytes is None else self.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact(Downloadable):
    """One file of a release. ``variant`` "" is the server itself, "rocm" the libraries AMD cards need too.

    What comes out of it is as large as ``unpacked_bytes`` says, or about as ``about_unpacked_bytes``.
    """

    system: str
    machine: str
    variant: str = ""
    sha256: str
    unpacked_bytes: int | None
    about_unpacked_bytes: int = 0

    @property
    def file_name(self) -> str:
        return self.sha256

    @property
    def expected_unpacked_bytes(self) -> int:
        return self.about_unpacked_bytes if self.unpacked_bytes is None else self.unpacked_bytes

    @property
    def most_unpacked_bytes(self) -> int:
        """More is never written."""
        return ABOUT_CAP * self.about_unpacked_bytes if self.unpacked_bytes is None else self.unpacked_bytes


@dataclass(frozen=True, slots=True)
class Release:
    """One version and its files for one kind of computer, the server first.

    ``lacking`` are variants that this computer's cards need and no pinned file brings.
    """

    version: str
    artefacts: tuple[Artefact, ...]
    lacking: frozenset[str] = frozenset()

    @property
    def download_bytes(self) -> int:
        """What is fetched, as far as it is known: see :attr:`download_is_exact`."""
        return sum(item.expected_bytes for item in self.artefacts)

    @property
    def unpacked_bytes(self) -> int:
        """What stays on the disk, as far as it is known: see :attr:`disk_is_exact`."""
        return sum(item.expected_unpacked_bytes for item in self.artefacts)

    @property
    def disk_bytes(self) -> int:
        """What is needed on the disk while it is installed: the archives and what comes out of them."""
        return self.download_bytes + self.unpacked_bytes

    @property
    def download_is_exact(self) -> bool:
        """False where the size of a file is only roughly known."""
        return all(item.size_bytes is not None for item in self.artefacts)

    @property
    def disk_is_exact(self) -> bool:
        """False where what is needed on the disk is only roughly known."""
        return self.download_is_exact and all(item.unpacked_bytes is not None for item in self.artefacts)


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
            (matching(VERSION, entry["version"]), tuple(_artefact(item) for item in entry["artefacts"]))
            for entry in document["releases"]
        )
    except (*UNREADABLE, RuntimeProblem) as error:
        raise bad_list() from error


def bad_list() -> RuntimeProblem:
    """The shipped list is not as it was shipped."""
    return RuntimeProblem(
        tr("The list of servers that Wattlight may install is damaged."),
        tr("Install Wattlight again."),
        "bad_release_list",
    )


def choose_release(text: str, system: str, machine: str, variants: frozenset[str] = frozenset()) -> Release:
    """The newest listed release for a computer, with the extra ``variants`` its cards need.

    Where no release brings all of them, the newest without is taken, and ``lacking`` says what is not there.

    Raises:
        RuntimeProblem: none is listed for it (code ``no_pinned_server``).
    """
    found = [
        _assembled(version, [a for a in artefacts if (a.system, a.machine) == (system, machine)], variants)
        for version, artefacts in read_releases(text)
    ]
    fit = [release for release in found if release is not None]
    best = next((release for release in fit if not release.lacking), fit[0] if fit else None)
    if best is not None:
        return best
    raise RuntimeProblem(
        tr("This version of Wattlight names no Ollama that it could install on this computer by itself."),
        tr("Install Ollama as its own web page says; Wattlight finds it by itself."),
        "no_pinned_server",
    )


def _assembled(version: str, mine: list[Artefact], variants: frozenset[str]) -> Release | None:
    base = [a for a in mine if not a.variant]
    extra = [a for a in mine if a.variant in variants]
    lacking = variants - {a.variant for a in extra}
    return Release(version, (base[0], *extra), lacking) if base else None


def _artefact(item: dict[str, object]) -> Artefact:
    size, about = read_size(item, "size_bytes", "about_bytes", MAX_ARTEFACT_BYTES)
    unpacked, about_unpacked = read_size(
        item, "unpacked_bytes", "about_unpacked_bytes", 10 * MAX_ARTEFACT_BYTES
    )
    return Artefact(
        system=str(item["system"]),
        machine=str(item["machine"]),
        variant=str(item.get("variant", "")),
        url=read_url(item),
        sha256=matching(SHA256, item["sha256"]),
        size_bytes=size,
        about_bytes=about,
        unpacked_bytes=unpacked,
        about_unpacked_bytes=about_unpacked,
    )


def read_url(item: dict[str, object]) -> str:
    """An address to which nothing goes unencrypted, else a ValueError."""
    url = str(item["url"])
    if not parse_endpoint("/".join(url.split("/")[:3])).is_private:
        raise ValueError(url)
    return url


def read_size(item: dict[str, object], exact: str, about: str, most: int) -> tuple[int | None, int]:
    """An exact size, or None and about which."""
    size = item[exact]
    rough = 0 if size is not None else item.get(about)
    value = rough if size is None else size
    if not isinstance(value, int) or not isinstance(rough, int) or not 0 < value <= most:
        raise ValueError(f"{exact} {value!r}"[:80])
    return (value, 0) if size is not None else (None, value)


def matching(pattern: re.Pattern[str], value: object) -> str:
    """``value`` if it is a text of this form, else a ValueError."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError(str(value)[:80])
    return value
