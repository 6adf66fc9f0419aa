"""What the program starts: it ends with the program, shows no console, and carries the program's name."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from .desktop import PATIENCE_S, wait_until

pytestmark = pytest.mark.timeout(1800)
HOLDER = """
import subprocess, sys
from wattlight.system import NO_WINDOW, Job
command = [sys.executable, "-c", sys.argv[1]]
server = subprocess.Popen(command, stdout=subprocess.PIPE, creationflags=NO_WINDOW)
job = Job()
assert job.take(server)
print(server.pid, server.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
"""
SERVER = """
import subprocess, sys, time
time.sleep(1)  # what it starts is started in the job
runner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1800)"])
print(runner.pid, flush=True)
time.sleep(1800)
"""


def test_a_killed_program_leaves_no_server_and_no_runner(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        numbers = [int(word) for word in holder.stdout.readline().split()]
        assert len(numbers) == 2 and all(psutil.pid_exists(number) for number in numbers)
        holder.kill()
    wait_until(lambda: not any(psutil.pid_exists(number) for number in numbers), PATIENCE_S)


NAMED = """
import ctypes
from wattlight.ui.early import make_application
make_application([])
name = ctypes.c_wchar_p()
ctypes.WinDLL("shell32").GetCurrentProcessExplicitAppUserModelID(ctypes.byref(name))
print(name.value)
"""


@pytest.mark.skipif(
    hasattr(ctypes.WinDLL("ntdll"), "wine_get_version"),  # type: ignore[attr-defined, unused-ignore]
    reason="Wine keeps no such name",
)
def test_windows_and_messages_belong_to_the_shortcut() -> None:
    done = subprocess.run([sys.executable, "-c", NAMED], capture_output=True, timeout=PATIENCE_S, check=True)
    iss = Path(__file__).parents[2] / "packaging/windows/wattlight.iss"
    assert f'#define AppId "{done.stdout.decode().strip()}"' in iss.read_text(encoding="utf-8")


def test_an_empty_input_is_no_person_who_answers(tmp_path: Path) -> None:
    """The null device of Windows passes for a terminal."""
    command = [sys.executable, "-m", "wattlight", "remove", "none", "--json"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode in {1, 2}


WATCHED = """
import subprocess, sys, types
def begun(*_, **__):
    raise SystemExit("a process was started, or the management service asked")
sys.modules["_wmi"] = types.SimpleNamespace(exec_query=begun)
subprocess.Popen.__init__ = begun
from wattlight.__main__ import main
code = main(["hardware", "--json"])
import ollama
ollama.Client()
sys.exit(code)
"""


def test_what_this_computer_is_takes_no_process_and_no_service(tmp_path: Path) -> None:
    env = {**os.environ, "WATTLIGHT_HOME": str(tmp_path)}
    command = [sys.executable, "-c", WATCHED]
    done = subprocess.run(command, env=env, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["environment"]["kernel"].startswith("10.0.")
