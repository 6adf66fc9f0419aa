"""A tunnel by the system's ssh: never a question, never an option that came in an address, ended with us."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wattlight.system import Tunnel, process_runs
from wattlight.system.tunnel import TunnelProblem

SSH = """#!{python}
import json, os, socket, sys
open({log!r}, "a").write(json.dumps([os.getpid(), sys.argv[1:]]) + "\\n")
if "down" in sys.argv[-1]:
    sys.exit(sys.stderr.write("ssh: connect to host down port 22: Connection refused\\n") and 255)
port = int(sys.argv[sys.argv.index("-L") + 1].split(":")[1])
with socket.create_server(("127.0.0.1", port)) as listener:
    while True:
        listener.accept()[0].close()
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(python=sys.executable, log=str(tmp_path / "log")))
    program.chmod(0o755)
    return {**os.environ, "PATH": str(program.parent)}


def calls(tmp_path: Path) -> list[list[str]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for ssh")
def test_it_is_opened_once_asks_nothing_and_ends_with_us(tmp_path: Path, environ: dict[str, str]) -> None:
    tunnel = Tunnel("ssh://me@gpu-box:2222/7000", environ)
    port = tunnel.port()
    assert tunnel.port() == port
    ((pid, words),) = calls(tmp_path)
    assert "BatchMode=yes" in words
    assert words[-2:] == ["--", "me@gpu-box"]
    assert words[words.index("-L") + 1] == f"127.0.0.1:{port}:127.0.0.1:7000"
    assert words[words.index("-p") + 1] == "2222"
    os.kill(int(pid), 9)  # its connection broke
    time.sleep(0.2)
    tunnel.port()
    assert len(calls(tmp_path)) == 2
    last = int(calls(tmp_path)[-1][0])
    tunnel.close()
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)
    tunnel.close()


HOLDER = """
import os, sys, time
from wattlight.system import Tunnel
print(Tunnel("ssh://me@gpu-box", dict(os.environ)).port(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for ssh")
@pytest.mark.parametrize("how", [9, signal.SIGTERM])
def test_it_ends_with_us_however_we_end(tmp_path: Path, environ: dict[str, str], how: int) -> None:
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=environ, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip().isdigit()
        ((pid, _),) = calls(tmp_path)
        holder.send_signal(how)
    end = time.monotonic() + 5.0
    while process_runs(int(pid)):
        assert time.monotonic() < end, "ssh outlived the program that opened it"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for ssh")
def test_what_ssh_says_is_told(environ: dict[str, str]) -> None:
    with pytest.raises(TunnelProblem, match="Connection refused"):
        Tunnel("ssh://me@down", environ).port()
    with pytest.raises(TunnelProblem, match="no ssh on this computer"):
        Tunnel("ssh://me@box", {"PATH": "/nowhere"}).port()


@pytest.mark.parametrize(
    "address",
    [
        "ssh://-oProxyCommand=touch%20x",
        "ssh://me@-box",
        "ssh://me@box;reboot",
        "ssh://me@box --x",
        "ssh://",
        "ssh://me:pw@box",
        "ssh://box:99999999",
        "http://box",
    ],
)
def test_no_option_and_no_password_comes_in_by_the_address(address: str) -> None:
    with pytest.raises(TunnelProblem):
        Tunnel(address, {})
