"""Brings an environment to the state that is asked for: at once if it is there, else built anew with venv
and pip, the old one put aside until the new one has started.

Every failure is a :class:`StepError` with the cause and the way out, and leaves everything as it was.
"""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import needs, places, screen
from .places import python_of
from .say import Progress, StepError, child, child_environment, last_line, say

SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_NETWORK = (
    "NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|"
    "Name or service not known|getaddrinfo failed|nodename nor servname|NameResolutionError|"
    "Network is unreachable|No route to host|Connection refused|ConnectTimeoutError|ReadTimeoutError|"
    "Read timed out|Connection reset|RemoteDisconnected|IncompleteRead|Max retries exceeded|connection broken"
)
_TLS = (
    "CERTIFICATE_VERIFY_FAILED|confirming the ssl certificate|SSLCertVerificationError|SSLError|"
    "TLS CA certificate bundle"
)
# What pip's words mean, in the order to look: words, what happened, what to do.
# Its last line ("from versions: none") never names the cause; the warnings do.
_CAUSES = (
    ("No space left on device|Errno 28|disk quota exceeded", "The disk is full.", "Make room and run again."),
    (
        "DO NOT MATCH THE HASHES",
        "A downloaded package is not the one that was checked when this version was made.",
        "Try again later; if it stays so, report it: something changes downloads.",
    ),
    (
        _TLS,
        "The certificate of the download server was not accepted (a company proxy on the way?).",
        "Put your company's certificate into the system's store, or name it: PIP_CERT.",
    ),
    (
        "407 Proxy Authentication|ProxyError.*407",
        "The proxy wants a name and a password.",
        "Put them into HTTPS_PROXY and run again.",
    ),
    (_NETWORK, "The download server cannot be reached.", "Connect and run again."),
    (
        r"No matching distribution found for ([^\s;]+)",
        "There is no ready-made package {} for this computer and this Python.",
        "Try Python 3.11, 3.12 or 3.13; with --wheels, put it into that folder.",
    ),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for; ``again`` is the command that also installs system packages."""

    venv: str | None
    wheels: Path | None
    with_system: bool
    arguments: tuple[str, ...]
    again: str
    link: bool = True  # the command into ~/.local/bin


@dataclass(frozen=True, slots=True)
class Plan:
    """What the environment is for."""

    requirements: Path
    space_bytes: int
    displays: screen.Displays
    tools: tuple[needs.Need, ...] = ()


def prepare(venv: Path, plan: Plan, wish: Wish) -> None:
    """Make sure that ``venv`` is complete for the plan."""
    wanted = places.fingerprint(plan.requirements.read_text(encoding="utf-8"))
    if needs.missing_tools(plan.tools):
        preflight(plan, wish)
    if places.is_complete(venv, wanted):
        return
    places.check_ours(venv)
    places.check_folder(venv)
    with_ensurepip = preflight(plan, wish)
    with places.held(venv):
        if places.is_complete(venv, wanted):
            return
        with places.replaced(venv):
            places.check_space(venv, plan.space_bytes)
            fill(venv, plan.requirements, with_ensurepip, wish.wheels)
            screen.try_imports(venv)
            places.write_stamp(venv, wanted)


def preflight(plan: Plan, wish: Wish) -> bool:
    """Name everything that is missing at once, before any download; True when this Python brings pip."""
    if sys.platform.startswith("linux"):
        problem = needs.glibc_problem(*platform.libc_ver())
        if problem:
            raise StepError(problem, "Nothing was changed. There is no way around it on this system.")
    screenless = plan.displays.why_none or plan.displays.key == screen.COMMAND_LINE
    for _ in range(2):
        has_venv = needs.can_make_venv()
        other_pip = pip_wheel(wish.wheels) is not None or own_pip_is_usable()
        lacking: tuple[needs.Need, ...] = () if has_venv or other_pip else (needs.venv_need(),)
        lacking += () if screenless else needs.missing(needs.wanted(plan.displays.platforms))
        if not needs.settle(lacking + needs.missing_tools(plan.tools), wish.with_system, wish.again):
            return has_venv
    raise StepError("Something is still missing after the system packages were installed.", wish.again)


def fill(venv: Path, requirements: Path, with_ensurepip: bool, wheels: Path | None) -> None:
    """Make ``venv`` and install everything into it (the stamp is the caller's, after a trial start)."""
    places.claim(venv)
    say(f"Setting up in {venv}{'' if wheels else ' (once; about 100 MB to fetch)'} ...")
    make_venv(venv, with_ensurepip)
    scratch = venv / "setup-scratch"
    scratch.mkdir(exist_ok=True)
    command = install_command(pip_for(venv, with_ensurepip, wheels), requirements, wheels)
    total = packages_in(requirements.read_text(encoding="utf-8"), sys.platform)
    try:
        install(command, scratch, total)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    point_at_checkout(venv)


def make_venv(venv: Path, with_ensurepip: bool) -> None:
    """Run the standard library's venv (on a half-made folder it repairs it)."""
    done = child(sys.executable, "-I", "-m", "venv", *([] if with_ensurepip else ["--without-pip"]), venv)
    if done.returncode != 0:
        output = done.stdout + done.stderr
        if "No space left" in output:
            raise StepError("The disk is full.", "Nothing was changed. Make room and run again.")
        said = last_line(output, "it said nothing")
        raise StepError(f"Python could not make a virtual environment: {said}", "Nothing was changed.")


def point_at_checkout(venv: Path) -> None:
    """Let the environment find the program in the checkout (a path file: nothing to build or to fetch)."""
    packages = sysconfig.get_path("purelib", "venv", {"base": str(venv)})
    path = Path(packages, "wattlight-checkout.pth")
    path.write_text(f"{places.CHECKOUT / 'desktop'}\n", encoding="utf-8", errors="surrogateescape")


def pip_wheel(wheels: Path | None) -> Path | None:
    """A wheel of pip in the folder of wheels: runs from there, for a Python without ensurepip."""
    return max(wheels.glob("pip-*-py3-none-any.whl"), default=None) if wheels else None


def own_pip_is_usable() -> bool:
    """True when this Python's own pip can install into another environment (``--python``, since 22.3)."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = re.match(r"(\d+)\.(\d+)", version("pip"))
    except PackageNotFoundError:
        return False
    return found is not None and (int(found[1]), int(found[2])) >= (22, 3)


def pip_for(venv: Path, with_ensurepip: bool, wheels: Path | None) -> list[str]:
    """How to call pip for ``venv``: its own, or one from outside that is pointed at it."""
    python = str(python_of(venv))
    if with_ensurepip:
        return [python, "-I", "-m", "pip"]
    wheel = pip_wheel(wheels)
    return [sys.executable, "-I", *([str(wheel / "pip")] if wheel else ["-m", "pip"]), "--python", python]


def install_command(pip: Sequence[str], requirements: Path, wheels: Path | None) -> list[str]:
    """pip's arguments: hashes demanded for a ``.lock``, ready-made wheels only, few retries."""
    return [
        *(*pip, "install", *(["--require-hashes"] if requirements.suffix == ".lock" else [])),
        *("--only-binary", ":all:", "--retries", "2", "--timeout", "30", "--no-warn-script-location"),
        *("-r", str(requirements), *(["--no-index", "--find-links", str(wheels)] if wheels else [])),
    ]


def pip_environment(scratch: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for pip: no user installs (beats a pip.conf), no questions, its files in ``scratch``.

    ``--isolated`` is not used: it would also drop the certificate and index settings.
    """
    ones = ("PIP_NO_INPUT", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_COLOR", "PYTHONUNBUFFERED")
    return {
        **child_environment(environ),
        **dict.fromkeys(ones, "1"),
        "PIP_USER": "0",
        "PIP_PROGRESS_BAR": "off",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
    }


def system_certificates(candidates: tuple[str, ...] = SYSTEM_CERTIFICATES) -> str | None:
    """The system's own certificate bundle (where a company's proxy certificate would be), if there is one."""
    return next((path for path in candidates if Path(path).is_file()), None)


def install(command: Sequence[str], scratch: Path, total: int, certificates: str | None = None) -> None:
    """Run pip; a certificate that is not accepted is tried once more with the system's own bundle."""
    env = pip_environment(scratch)
    code, output = run_pip(command, env, scratch, total)
    bundle = certificates or system_certificates()
    if code and bundle and env.get("PIP_CERT") != bundle and re.search(_TLS, output, re.IGNORECASE):
        say(f"The certificate was not accepted; trying the system's own ({bundle}).")
        env |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), bundle)
        code, output = run_pip(command, env, scratch, total)
    if code:
        raise explain(output)


def run_pip(command: Sequence[str], env: dict[str, str], scratch: Path, total: int) -> tuple[int, str]:
    """Run pip to its end, showing how far it is; its exit code and all that it said."""
    progress, lines = Progress(), list[str]()
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        reader = threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            while reader.is_alive():
                progress.show(progress_text(lines, total, folder_bytes(scratch)), time.monotonic())
                reader.join(0.5)
        except BaseException:
            process.terminate()
            raise
        finally:
            progress.end()
            reader.join()
    return process.returncode, "".join(lines)


def _collect(stream: Iterable[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)  # one at a time: they are read while they come


def progress_text(lines: Sequence[str], total: int, fetched_bytes: int) -> str:
    """How far pip is, from its lines and from what lies in the download folder."""
    if any(line.startswith("Installing collected packages") for line in lines):
        return f"Unpacking {total} packages ..."
    names = re.findall(r"^\s*Collecting ([^\s=<>!;\[]+)", "".join(lines), re.MULTILINE)
    if not names:
        return "Asking for the packages ..."
    loading = re.match(r"\s*(?:Downloading|Using cached) \S+ \(([^)]+)\)", lines[-1])
    size = f" ({loading[1]})" if loading else ""
    count = f"{min(len(names), total)} of {total}"
    return f"Fetching {count}: {names[-1]}{size}; {fetched_bytes / 1e6:.0f} MB so far"


def packages_in(requirements: str, platform: str) -> int:
    """How many packages the list holds for ``platform`` (``sys.platform``), for the progress line."""
    lines = re.findall(r"^[A-Za-z0-9][^\n=]*==[^\n]*", requirements, re.MULTILINE)
    elsewhere = (f"!= '{platform}'", *(f"== '{p}'" for p in ("win32", "darwin", "linux") if p != platform))
    return sum(1 for line in lines if not any(f"sys_platform {test}" in line for test in elsewhere))


def folder_bytes(folder: Path) -> int:
    """Size of all files below ``folder``; files that vanish meanwhile do not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(root, name)).st_size
    return total


def explain(output: str) -> StepError:
    """Turn pip's whole output into one of a few causes, each with its way out."""
    for words, message, step in _CAUSES:
        found = re.search(words, output, re.IGNORECASE)
        if found:
            return StepError(message.format(*found.groups()), f"Nothing was changed. {step}")
    errors = [line for line in output.splitlines() if line.strip().startswith(("ERROR", "error"))]
    said = last_line("\n".join(errors) or output, "pip said nothing")
    return StepError(f"Installing the packages failed: {said}", "Nothing was changed. Run again.")
