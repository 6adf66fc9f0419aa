"""Runs pip with the locked list, shows how far it is, and keeps what it said."""

import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .environment import pip_environment, system_certificates, with_certificates
from .failures import explain
from .say import Progress, say


@dataclass(slots=True)
class PipProgress:
    """What pip's lines say about how far it is."""

    total: int
    done: int = 0
    name: str = ""
    size: str = ""
    installing: bool = False

    def read(self, line: str) -> None:
        """Take in one line of pip's output."""
        collecting = re.match(r"\s*Collecting ([^\s=<>!;\[]+)", line)
        loading = re.match(r"\s*(?:Downloading|Using cached) (\S+?)-[^\s]* \(([^)]+)\)", line)
        if collecting:
            self.done += 1
            self.name, self.size = collecting[1], ""
        elif loading:
            self.size = loading[2]
        elif line.startswith("Installing collected packages"):
            self.installing = True

    def text(self, fetched_bytes: int) -> str:
        """One line for the person; ``fetched_bytes`` is what lies in the download folder."""
        if self.installing:
            return f"Unpacking {self.total} packages ..."
        if not self.name:
            return "Asking for the packages ..."
        size = f" ({self.size})" if self.size else ""
        count = f"{min(self.done, self.total)} of {self.total}"
        return f"Fetching {count}: {self.name}{size}; {fetched_bytes / 1e6:.0f} MB so far"


def packages_in(requirements: str, platform: str) -> int:
    """How many packages the list holds for ``platform`` (``sys.platform``), for the progress line."""
    lines = re.findall(r"^[A-Za-z0-9][^\n=]*==[^\n]*", requirements, re.MULTILINE)
    elsewhere = (f"!= '{platform}'", *(f"== '{p}'" for p in ("win32", "darwin", "linux") if p != platform))
    return sum(1 for line in lines if not any(f"sys_platform {test}" in line for test in elsewhere))


@dataclass(slots=True)
class _Watch:
    """A pip process, its output line by line, and the size of its download folder."""

    command: Sequence[str]
    env: dict[str, str]
    scratch: Path
    progress: PipProgress
    lines: list[str] = field(default_factory=list)

    def run(self) -> int:
        """Run to the end and return the exit code."""
        screen = Progress()
        process = subprocess.Popen(
            self.command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        arrived: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_forward, args=(process.stdout, arrived), daemon=True)
        reader.start()
        try:
            self._follow(arrived, screen)
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            reader.join()
            process.stdout.close()
            screen.end()

    def _follow(self, arrived: "queue.SimpleQueue[str | None]", screen: Progress) -> None:
        while True:
            try:
                line = arrived.get(timeout=0.5)
            except queue.Empty:
                line = ""
            if line is None:
                return
            if line:
                self.lines.append(line)
                self.progress.read(line)
            screen.show(self.progress.text(folder_bytes(self.scratch)), time.monotonic())


def _forward(stream: Iterable[str], arrived: "queue.SimpleQueue[str | None]") -> None:
    for line in stream:
        arrived.put(line)
    arrived.put(None)


def folder_bytes(folder: Path) -> int:
    """Size of all files below ``folder``; files that vanish meanwhile do not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total


def install_command(pip: Sequence[str], requirements: Path, wheels: Path | None) -> list[str]:
    """pip's arguments: hashes demanded for a ``.lock``, ready-made wheels only, few retries."""
    command = [
        *pip,
        "install",
        *(["--require-hashes"] if requirements.suffix == ".lock" else []),
        "--only-binary",
        ":all:",
        "--retries",
        "2",
        "--timeout",
        "30",
        "--no-warn-script-location",
        "-r",
        str(requirements),
    ]
    if wheels is not None:
        command += ["--no-index", "--find-links", str(wheels)]
    return command


def install(command: Sequence[str], scratch: Path, total: int, certificates: str | None = None) -> None:
    """Run pip; a certificate that is not accepted is tried once more with the system's own bundle.

    Raises:
        StepError: with the cause and the way out.
    """
    env = pip_environment(scratch)
    bundle = certificates or system_certificates()
    for attempt in (1, 2):
        watch = _Watch(command, env, scratch, PipProgress(total))
        if watch.run() == 0:
            return
        failure = explain("".join(watch.lines))
        if failure.kind == "tls" and attempt == 1 and bundle and env.get("PIP_CERT") != bundle:
            say(f"The certificate was not accepted; trying the system's own ({bundle}).")
            env = with_certificates(env, bundle)
            continue
        raise failure.error
