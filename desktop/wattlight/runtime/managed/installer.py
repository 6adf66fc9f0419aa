"""Ollama's own installer for macOS and Windows: which file it is, and opening it after a check.

It is opened as if the person had double-clicked it: never silently, never as administrator.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from ..address import parse_endpoint
from ..problems import RuntimeProblem
from .fetching import disk_problem
from .pinned import ABOUT_CAP, MAX_ARTEFACT_BYTES, SHA256, VERSION, bad_list, matching, read_size
from .signature import Runner, check_signature, run_tool

_ENDINGS = {"win32": ".exe", "darwin": ".dmg"}


@dataclass(frozen=True, slots=True)
class Installer:
    """The installer of one version for one system, whatever the processor.

    ``sha256`` and ``size_bytes`` are None where they are not known; ``about_bytes`` then says roughly what
    to expect, twice that is the most that is taken. The signature is checked in any case.
    """

    system: str
    version: str
    url: str
    sha256: str | None
    size_bytes: int | None
    about_bytes: int = 0

    @property
    def file_name(self) -> str:
        """What it is called on the disk; the system tells by the ending what to do with it."""
        return f"Ollama-{self.version}{_ENDINGS[self.system]}"

    @property
    def expected_bytes(self) -> int:
        """The size, or about the size."""
        return self.about_bytes if self.size_bytes is None else self.size_bytes

    @property
    def most_bytes(self) -> int:
        """More is never fetched."""
        return ABOUT_CAP * self.about_bytes if self.size_bytes is None else self.size_bytes


def _start_file(path: str) -> None:
    start = getattr(os, "startfile", None)
    if start is None:
        raise OSError("no startfile")
    start(path)


@dataclass(frozen=True, slots=True)
class InstallerTools:
    """What touches the system. ``start_file`` opens a file on Windows as a double click does."""

    run: Runner = field(default=run_tool)
    start_file: Callable[[str], None] = field(default=_start_file)


def choose_installer(text: str, system: str) -> Installer | None:
    """The listed installer for ``system``, the first one; None where none is listed.

    Raises:
        RuntimeProblem: the list is damaged (code ``bad_release_list``).
    """
    try:
        listed = [_installer(item) for item in json.loads(text).get("installers", ())]
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeProblem) as error:
        raise bad_list() from error
    return next((item for item in listed if item.system == system), None)


def make_room(folder: Path, installer: Installer) -> None:
    """Remove other installers from ``folder`` and see that this one has room.

    Raises:
        RuntimeProblem: ``no_room`` or ``no_folder``.
    """
    part = str(Path(installer.file_name).with_suffix(".part"))
    have = 0
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.iterdir():
            if file.name in {installer.file_name, part}:
                have = max(have, file.stat().st_size)
            else:
                with contextlib.suppress(OSError):
                    file.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise disk_problem(error, folder, installer.expected_bytes) from error
    need = max(0, installer.expected_bytes - have)
    if free < need:
        raise RuntimeProblem(
            f"There is not enough room in {folder}: {need / 1e9:.1f} GB are needed, "
            f"{free / 1e9:.1f} GB are free.",
            "Free some space and try again.",
            "no_room",
        )


def check_installer(
    path: Path, system: str, tools: InstallerTools, environ: Mapping[str, str], cancel: Event
) -> None:
    """See that Ollama's maker signed it; a file that does not pass is deleted.

    Raises:
        RuntimeProblem: see :func:`~.signature.check_signature`. After ``cancelled`` the file is still there.
    """
    try:
        check_signature(path, system, tools.run, environ, cancel)
    except RuntimeProblem as problem:
        if problem.code != "cancelled":
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def open_installer(
    path: Path, system: str, tools: InstallerTools, environ: Mapping[str, str], cancel: Event
) -> None:
    """Open a checked installer as a double click does.

    Raises:
        RuntimeProblem: ``not_opened``; the file is still there.
    """
    try:
        if system == "win32":
            tools.start_file(str(path))
            return
        opened = tools.run(("/usr/bin/open", str(path)), environ, cancel).code == 0
    except OSError:
        opened = False
    if not opened:
        raise RuntimeProblem(
            "Ollama's installer could not be opened.", f"Open it yourself: {path}", "not_opened"
        )


def _installer(item: dict[str, object]) -> Installer:
    url, system = str(item["url"]), str(item["system"])
    if not parse_endpoint("/".join(url.split("/")[:3])).is_private or not url.endswith(_ENDINGS[system]):
        raise ValueError(url)
    size, about = read_size(item, "size_bytes", "about_bytes", MAX_ARTEFACT_BYTES)
    sha256 = None if item["sha256"] is None else matching(SHA256, item["sha256"])
    return Installer(system, matching(VERSION, item["version"]), url, sha256, size, about)
