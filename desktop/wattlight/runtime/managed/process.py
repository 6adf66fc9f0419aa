"""The managed server as a process, its log, and an Ollama that is installed but not running."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

from wattlight.domain.values import UNREADABLE, clean_lines
from wattlight.i18n import tr
from wattlight.paths import make_folder, read_small
from wattlight.system import NO_WINDOW, Job
from wattlight.web import Endpoint, with_system_proxies

from ..ollama_server import OllamaServer
from ..problems import RuntimeProblem
from .identity import Handle, Identity, end_group, identity_of
from .unpacking import sync_path

READY_S = 30.0
STOP_S = 8.0
_LOOK_S = 0.1
MAX_BYTES = 5_000_000
_TAIL_BYTES = 64_000


class ServerLog:
    """One file and the one before it. The server appends, so the file can be emptied under its hands."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def keep_small(self) -> bool:
        """Copy a log that has grown too large aside and empty it; True when it was."""
        try:
            if self.file.stat().st_size <= MAX_BYTES:
                return False
            shutil.copyfile(self.file, self.file.with_name(self.file.name + ".1"))
            with self.file.open("r+b") as stream:
                stream.truncate(0)
        except OSError:
            return False
        return True

    def last_lines(self, count: int = 50) -> tuple[str, ...]:
        with contextlib.suppress(OSError), self.file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
            return tuple(clean_lines(text, _TAIL_BYTES).rstrip("\n").split("\n")[-count:])
        return ()


@dataclass(frozen=True, slots=True)
class Running:
    """A managed server that runs. ``adopted``: an earlier Wattlight started it."""

    handle: Handle
    endpoint: Endpoint
    adopted: bool = False


class ManagedProcess:
    """Starts and ends the server. ``record`` remembers it on the disk, so that a crash leaves no orphan.

    ``environ`` is the cleaned environment children get; ``models`` None leaves Ollama's own folder, so that
    models are shared with an Ollama installed later. Nothing here is meant for two threads at once.
    """

    def __init__(
        self,
        record: Path,
        log: ServerLog,
        environ: Mapping[str, str],
        models: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._record = record
        self._log = log
        self._environ = environ
        self._models = models
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None
        self._reaping = threading.Lock()
        self._job: Job | None = None

    def start(
        self, binary: Path, cancel: Event, more: Mapping[str, str] | None = None, port: int | None = None
    ) -> Running:
        """Start ``binary serve`` on ``port`` of this computer (a free one if None), wait until it answers.

        ``more`` is added to its environment (HTTPS_PROXY, say).

        Raises:
            RuntimeProblem: ``server_did_not_start`` with the last lines of its log, or ``cancelled``.
        """
        endpoint = Endpoint("http", "127.0.0.1", port or _free_port())
        env = {**self._environ, **(more or {}), "OLLAMA_HOST": f"127.0.0.1:{endpoint.port}"}
        if self._models is not None:
            env["OLLAMA_MODELS"] = str(self._models)
        self._child = self._spawn(binary, env)
        self._hold(self._child)
        found = identity_of(self._child.pid)
        identity = found or Identity(self._child.pid, "", str(binary))
        self._remember(identity, endpoint)
        running = Running(Handle(identity), endpoint)
        self._wait_until_ready(running, cancel)
        return running

    def adopt(self) -> Running | None:
        """The server an earlier Wattlight left behind, if it is still exactly that process and answers."""
        known = self._recalled()
        if known is None:
            return None
        identity, endpoint = known
        handle = Handle.open(identity)
        if handle is None:
            end_group(identity)
            self._forget()
            return None
        running = Running(handle, endpoint, adopted=True)
        try:
            OllamaServer(endpoint).version()
        except RuntimeProblem:
            self.stop(running)
            return None
        return running

    def stop(self, running: Running) -> bool:
        """End it, politely first; True when it has ended. What is not ours any more is left alone."""
        if not running.handle.identity.start:
            return self._stop_child()
        handle = running.handle
        if handle.send(signal.SIGTERM) and not handle.wait(STOP_S):
            handle.kill_group()
            handle.wait(2.0)
        ended = not handle.alive()
        if ended:
            self._reap(handle.identity.pid)
        self._forget()
        return ended

    def wait_for_end(self, running: Running) -> int | None:
        """Wait until it ends by itself; its exit code where that can be known. Costs no wake-ups.

        Runners of a server that crashed live on and keep their memory: they are ended as well.
        """
        if not running.handle.identity.start:
            code = None if self._child is None else self._child.wait()
            self._let_go()
            return code
        running.handle.wait(None)
        return self._reap(running.handle.identity.pid)

    def _spawn(self, binary: Path, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        self._log.keep_small()
        try:
            make_folder(self._log.file.parent)
            with self._log.file.open("ab") as log:
                return subprocess.Popen(
                    [str(binary), "serve"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=binary.parent,
                    start_new_session=True,
                    creationflags=NO_WINDOW,
                )
        except OSError as error:
            raise RuntimeProblem(
                tr("The managed Ollama cannot be started ({reason}).", reason=error.strerror),
                tr("Install it again."),
                "server_did_not_start",
            ) from error

    def _hold(self, child: "subprocess.Popen[bytes]") -> None:
        """On Windows nothing else ends the server and its runners when this program is killed."""
        self._let_go()
        with contextlib.suppress(OSError, AttributeError):
            self._job = Job()
            self._job.take(child)

    def _let_go(self) -> None:
        if self._job is not None:
            self._job.close()
            self._job = None

    def _wait_until_ready(self, running: Running, cancel: Event) -> None:
        server = OllamaServer(running.endpoint)
        end = self._clock() + READY_S
        while True:
            try:
                server.version(cancel)
                return
            except RuntimeProblem as problem:
                code = problem.code
            ended = self._has_ended(running)
            if not ended and code != "cancelled" and self._clock() < end and not cancel.wait(_LOOK_S):
                continue
            self.stop(running)
            if cancel.is_set():
                raise RuntimeProblem(tr("Stopped."), "", "cancelled")
            raise RuntimeProblem(
                tr("The managed Ollama ended while it started.")
                if ended
                else tr("The managed Ollama did not answer in time after it was started."),
                tr("Its log is {file}.", file=self._log.file),
                "server_did_not_start",
                "\n".join(self._log.last_lines()) or None,
            )

    def _has_ended(self, running: Running) -> bool:
        if running.handle.identity.start:
            return not running.handle.alive()
        return self._child is None or self._child.poll() is not None

    def _stop_child(self) -> bool:
        """Where processes cannot be told apart (Windows) only our own child, of this run, is ever ended."""
        child = self._child
        if child is None:
            return False
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
        self._let_go()
        self._forget()
        return child.returncode is not None

    def _reap(self, pid: int) -> int | None:
        """Collect our child that has ended, and end what is left of its group.

        As long as it is not collected its number, and so its group's, cannot mean anything else.
        """
        with self._reaping:
            child = self._child
            if child is None or child.pid != pid:
                return None
            if child.returncode is None:
                if hasattr(os, "killpg"):
                    with contextlib.suppress(OSError):
                        os.killpg(pid, signal.SIGKILL)
                child.wait()
            return child.returncode

    def _remember(self, identity: Identity, endpoint: Endpoint) -> None:
        document = {"schema": 1, "port": endpoint.port, **asdict(identity)}
        temporary = self._record.with_suffix(f".{os.getpid()}")
        try:
            make_folder(self._record.parent)
            temporary.write_text(json.dumps(document), encoding="utf-8")
            sync_path(temporary)
            temporary.replace(self._record)
        except OSError:
            temporary.unlink(missing_ok=True)

    def _recalled(self) -> tuple[Identity, Endpoint] | None:
        try:
            document = json.loads(read_small(self._record, 10_000))
            identity = Identity(document["pid"], document["start"], document["program"])
            port = document["port"]
        except UNREADABLE:
            return None
        if not all(isinstance(value, int) and value > 1 for value in (identity.pid, port)) or port > 65535:
            return None
        return identity, Endpoint("http", "127.0.0.1", port)

    def _forget(self) -> None:
        self._record.unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_LOOPBACK = "127.0.0.1,localhost,::1"


def proxy_environment(environ: Mapping[str, str], platform: str = sys.platform) -> dict[str, str]:
    """Variables to add, so that the server reaches the registry where this computer needs a proxy.

    On Linux the proxy is in ``environ``, which children inherit; macOS and Windows keep it elsewhere.
    """
    found = with_system_proxies(environ, platform)
    added = {
        name.upper(): found[name]
        for name in ("http_proxy", "https_proxy")
        if name not in environ and name in found
    }
    if added and "no_proxy" not in {name.lower() for name in environ}:
        added["NO_PROXY"] = _LOOPBACK
    return added


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
