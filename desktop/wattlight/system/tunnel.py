"""A tunnel to a port of another computer, opened with the system's own ssh and its keys."""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr

from .programs import clean_environment
from .windows import NO_WINDOW

USUAL_PORT = 9189
_OPEN_S = 10.0
_FORM = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})"
    r"(?::(?P<port>\d{1,5}))?(?:/(?P<far>\d{1,5}))?"
)
_OPTIONS = (
    "BatchMode=yes",  # it never asks: keys and known hosts are those of the person's own ssh
    "ExitOnForwardFailure=yes",
    "ConnectTimeout=5",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=2",
    "LogLevel=ERROR",
)


_GUARD = """exec 3<&0
"$@" </dev/null & tunnel=$!
{ read -r _ <&3; kill "$tunnel"; } 2>/dev/null & guard=$!
exec 3<&-
trap 'kill "$tunnel"' TERM INT HUP
wait "$tunnel"; status=$?
kill "$guard" 2>/dev/null
exit "$status"
"""
"""A shell that runs ssh until its own input ends: that is a pipe from here, which the system closes however
this program ends, by ``kill -9`` too."""


class TunnelProblem(Problem):
    """There is no way through."""

    code = "tunnel"


class Tunnel:
    """``ssh://[user@]host[:port][/far port]``. Its program runs from :meth:`port` to :meth:`close`.

    Raises:
        TunnelProblem: not such an address.
    """

    def __init__(self, address: str, environ: Mapping[str, str]) -> None:
        found = _FORM.fullmatch(address)
        if found is None:
            raise TunnelProblem(
                tr('"{value}" is not the address of a tunnel.', value=clean_text(address, 80)),
                tr("Write it like ssh://me@gpu-box, or ssh://me@gpu-box:2222/9189."),
                "bad_address",
            )
        self._environ = environ
        self._to = f"{found['user']}@{found['host']}" if found["user"] else found["host"]
        self._ssh_port = found["port"]
        self._far = int(found["far"] or USUAL_PORT)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def port(self) -> int:
        """The end on this computer; the tunnel is opened where it is not, or is gone.

        Raises:
            TunnelProblem: it cannot be opened; the words of ssh are in the sentence.
        """
        if self._process is not None and self._process.poll() is None:
            return self._port
        self.close()
        program = shutil.which("ssh", path=self._environ.get("PATH"))
        if program is None:
            raise TunnelProblem(tr("There is no ssh on this computer."), tr("Install OpenSSH's client."))
        self._port = _free_port()
        self._process = subprocess.Popen(
            guarded(self._command(program)),
            stdin=subprocess.DEVNULL if sys.platform == "win32" else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_environment(self._environ),
            creationflags=NO_WINDOW,
        )
        self._await(self._process)
        return self._port

    def _command(self, program: str) -> list[str]:
        options = [word for option in _OPTIONS for word in ("-o", option)]
        where = ["-p", self._ssh_port] if self._ssh_port else []
        forward = f"127.0.0.1:{self._port}:127.0.0.1:{self._far}"
        return [program, "-N", "-T", *options, *where, "-L", forward, "--", self._to]

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + _OPEN_S
        while time.monotonic() < end:
            if process.poll() is not None:
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 0.5):
                return
            time.sleep(0.05)
        said = self._said(process) or tr("no answer")
        self.close()
        raise TunnelProblem(
            tr("ssh could not open a tunnel to {host}: {words}.", host=self._to, words=said.rstrip(".")),
            tr("It must work without a question: try 'ssh {host}' in a terminal.", host=self._to),
        )

    @staticmethod
    def _said(process: "subprocess.Popen[bytes]") -> str:
        if process.poll() is None or process.stderr is None:
            return ""
        lines = process.stderr.read(4000).decode(errors="replace").strip().splitlines()
        return clean_text(lines[-1], 160) if lines else ""

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
        if process.poll() is None:
            process.kill()
            process.wait(2.0)
        if process.stderr is not None:
            process.stderr.close()


def guarded(command: list[str]) -> list[str]:
    """``command``, ending with its input, where there is a shell for that."""
    return command if sys.platform == "win32" else ["/bin/sh", "-c", _GUARD, "wattlight-tunnel", *command]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
