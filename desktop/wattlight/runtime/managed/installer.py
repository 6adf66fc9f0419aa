"""Ollama's own installer for macOS and Windows: which file it is, and opening it after a check.

It is opened as if the person had double-clicked it: never silently, never as administrator.
"""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from wattlight.domain.values import UNREADABLE
from wattlight.i18n import tr
from wattlight.paths import make_folder
from wattlight.system import NO_WINDOW

from ..problems import RuntimeProblem
from .fetching import cancelled, check_room, disk_problem
from .releases import (
    MAX_ARTEFACT_BYTES,
    SHA256,
    VERSION,
    Downloadable,
    bad_list,
    matching,
    read_size,
    read_url,
)

LIMIT_S = 180.0
"""A tool reads the whole file, over a gigabyte on Windows, and may ask whether a certificate was revoked."""
ORGANISATION = "Ollama Inc."
"""The signer's organisation (O) that Ollama's own install script for Windows asks for."""
APPLE_TEAM = "3MU9H2V9Y9"
"""The Apple team of "Developer ID Application: Infra Technologies, Inc", under which Ollama is released for
macOS. Several public projects, kept by different people, read it from the released app with codesign, and a
public rule set for osquery lists it."""
REQUIREMENT = (
    "anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] exists "
    "and certificate leaf[field.1.2.840.113635.100.6.1.13] exists "
    f'and certificate leaf[subject.OU] = "{APPLE_TEAM}"'
)
"""Apple's chain for a Developer ID (the two fields mark its certificates), and this team."""
_MOST_OUTPUT = 65_536
_POLL_S = 0.2
_POWERSHELL = r"System32\WindowsPowerShell\v1.0\powershell.exe"
_ASK = (
    "$ErrorActionPreference='Stop';"
    "$s=Get-AuthenticodeSignature -LiteralPath $env:WATTLIGHT_FILE;"
    "@{Status=[string]$s.Status;Subject=[string]$s.SignerCertificate.Subject}|ConvertTo-Json -Compress"
)
_ORGANISATION_KEYS = frozenset({"O", "OID.2.5.4.10", "2.5.4.10"})
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9.]*|[0-9][0-9.]*")


@dataclass(frozen=True, slots=True)
class Said:
    """How a tool ended and what it wrote."""

    code: int
    out: str = ""
    err: str = ""


Runner = Callable[[tuple[str, ...], Mapping[str, str], Event], Said]
"""Runs a program with exactly this environment. Raises OSError (not there), TimeoutError, ``cancelled``."""


def run_tool(
    argv: tuple[str, ...], environ: Mapping[str, str], cancel: Event, limit_s: float = LIMIT_S
) -> Said:
    """A :data:`Runner`: no shell, no input, no window, ended when it takes longer than ``limit_s``."""
    end = time.monotonic() + limit_s
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        creationflags=NO_WINDOW,
    ) as process:
        while True:
            try:
                out, err = process.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if cancel.is_set() or time.monotonic() >= end:
                    process.kill()
                    if cancel.is_set():
                        raise cancelled() from None
                    raise TimeoutError(argv[0]) from None
    return Said(process.returncode, _text(out), _text(err))


def check_signature(path: Path, system: str, run: Runner, environ: Mapping[str, str], cancel: Event) -> None:
    """See that Ollama's maker signed ``path`` and that the system trusts that.

    Raises:
        RuntimeProblem: ``bad_signature`` (none, or not a valid one), ``wrong_signer``,
            ``signature_unknown`` (it could not be told) or ``cancelled``.
    """
    checks = {"win32": _windows, "darwin": _macos}
    if system not in checks:
        raise _refused("signature_unknown", tr("signatures cannot be checked on this system"))
    try:
        checks[system](path, run, environ, cancel)
    except TimeoutError as error:
        raise _refused("signature_unknown", tr("checking its signature took too long")) from error
    except OSError as error:
        raise _refused(
            "signature_unknown", tr("the system's tool that checks signatures cannot be started")
        ) from error


def parse_subject(text: str) -> tuple[tuple[str, str], ...] | None:
    """The (key, value) pairs of an X.500 name as Windows writes it; None where it is not exactly such a name.

    Values with a comma, a quote or the like are written in double quotes, a quote inside is doubled; so a
    comma outside of quotes always ends a value.
    """
    pairs: list[tuple[str, str]] = []
    at = 0
    while True:
        key, equals, _ = text[at:].partition("=")
        if not equals or _KEY.fullmatch(key.strip()) is None:
            return None
        value = _value(text, at + len(key) + 1)
        if value is None:
            return None
        said, at = value
        pairs.append((key.strip().upper(), said))
        if at == len(text):
            return tuple(pairs)
        at += 1


def _value(text: str, at: int) -> tuple[str, int] | None:
    """The value that begins at ``at`` and where it ends: at a comma, a plus or the end."""
    while text[at : at + 1] == " ":
        at += 1
    if text[at : at + 1] == '"':
        found = re.compile(r'"((?:[^"]|"")*)" *(?=[,+]|\Z)').match(text, at)
        return None if found is None else (found[1].replace('""', '"'), found.end())
    found = re.compile(r'[^",+=;<>#\\\r\n]*(?=[,+]|\Z)').match(text, at)
    return None if found is None else (found[0].rstrip(" "), found.end())


def _windows(path: Path, run: Runner, environ: Mapping[str, str], cancel: Event) -> None:
    """Authenticode, as Ollama's own install script asks for it; the path never becomes part of a command."""
    roots = [value for name, value in environ.items() if name.upper() == "SYSTEMROOT"]
    tool = f"{roots[0] if roots else 'C:' + chr(92) + 'Windows'}\\{_POWERSHELL}"
    # Module paths of another PowerShell would keep this one from finding its own command.
    env = {name: value for name, value in environ.items() if name.upper() != "PSMODULEPATH"}
    env["WATTLIGHT_FILE"] = str(path)
    said = run((tool, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", _ASK), env, cancel)
    status, subject = _answer(said)
    if status == "NotSigned":
        raise _refused("bad_signature", tr("it is not signed"))
    if status != "Valid":
        raise _refused("bad_signature", tr("Windows does not accept its signature"))
    pairs = parse_subject(subject)
    organisations = [value for key, value in pairs or () if key in _ORGANISATION_KEYS]
    if organisations != [ORGANISATION]:
        raise _refused("wrong_signer", tr("it is not signed by {name}", name=ORGANISATION.rstrip(".")))


def _answer(said: Said) -> tuple[str, str]:
    """(status, subject) of PowerShell's answer."""
    try:
        document = json.loads(said.out) if said.code == 0 else None
        if isinstance(document, dict) and document.keys() == {"Status", "Subject"}:
            status, subject = document["Status"], document["Subject"]
            if isinstance(status, str) and isinstance(subject, str):
                return status, subject
    except (ValueError, RecursionError):
        pass
    raise _refused("signature_unknown", tr("Windows did not say who signed it"))


def _macos(path: Path, run: Runner, environ: Mapping[str, str], cancel: Event) -> None:
    """The signature and its chain up to Apple, then its names, then whether Gatekeeper would open it."""
    codesign = "/usr/bin/codesign"
    said = run((codesign, "--verify", "--deep", "--strict", f"-R={REQUIREMENT}", str(path)), environ, cancel)
    if said.code == 3:
        raise _refused("wrong_signer", tr("it is not signed by Ollama's maker"))
    if said.code != 0:
        raise _refused("bad_signature", tr("it has no valid signature"))
    said = run((codesign, "-dv", "--verbose=2", str(path)), environ, cancel)
    lines = (said.out + "\n" + said.err).splitlines()
    teams = [line.partition("=")[2] for line in lines if line.startswith("TeamIdentifier=")]
    signers = [line.partition("=")[2] for line in lines if line.startswith("Authority=")]
    if said.code != 0 or not teams or not signers:
        raise _refused("signature_unknown", tr("macOS did not say who signed it"))
    first = signers[0]
    if (
        teams != [APPLE_TEAM]
        or not first.startswith("Developer ID Application: ")
        or not first.endswith(f" ({APPLE_TEAM})")
    ):
        raise _refused("wrong_signer", tr("it is not signed by Ollama's maker"))
    gatekeeper = ("/usr/sbin/spctl", "--assess", "--type", "open", "--context", "context:primary-signature")
    if run((*gatekeeper, str(path)), environ, cancel).code != 0:
        raise _refused("bad_signature", tr("macOS itself does not accept it"))


def _text(data: bytes) -> str:
    return data[:_MOST_OUTPUT].decode("utf-8", "replace")


def _refused(code: str, reason: str) -> RuntimeProblem:
    return RuntimeProblem(
        tr("Ollama's installer was not opened, because {reason}.", reason=reason),
        tr("Nothing was installed; try again later, or install Ollama as its own web page says."),
        code,
    )


_ENDINGS = {"win32": ".exe", "darwin": ".dmg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer(Downloadable):
    """One version for one system, whatever the processor; the signature is checked in any case."""

    system: str
    version: str

    @property
    def file_name(self) -> str:
        """What it is called on the disk; the system tells by the ending what to do with it."""
        return f"Ollama-{self.version}{_ENDINGS[self.system]}"


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
    except (*UNREADABLE, RuntimeProblem) as error:
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
        make_folder(folder)
        for file in folder.iterdir():
            if file.name in {installer.file_name, part}:
                have = max(have, file.stat().st_size)
            else:
                with contextlib.suppress(OSError):
                    file.unlink()
    except OSError as error:
        raise disk_problem(error, folder, installer.expected_bytes) from error
    check_room(folder, max(0, installer.expected_bytes - have))


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
            tr("Ollama's installer could not be opened."),
            tr("Open it yourself: {path}", path=path),
            "not_opened",
        )


def _installer(item: dict[str, object]) -> Installer:
    url, system = read_url(item), str(item["system"])
    if not url.endswith(_ENDINGS[system]):
        raise ValueError(url)
    size, about = read_size(item, "size_bytes", "about_bytes", MAX_ARTEFACT_BYTES)
    return Installer(
        system=system,
        version=matching(VERSION, item["version"]),
        url=url,
        sha256=None if item["sha256"] is None else matching(SHA256, item["sha256"]),
        size_bytes=size,
        about_bytes=about,
    )
