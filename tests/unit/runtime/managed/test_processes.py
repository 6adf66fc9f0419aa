"""The managed server as a process: no orphan, no stranger signalled, no endless restarting."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from fakes.release_server import stub_program
from wattlight.domain.state import ServerStatus
from wattlight.runtime import Endpoint, OllamaServer, RuntimeProblem
from wattlight.runtime.managed import ManagedProcess, RestartPolicy, ServerLog, Supervisor
from wattlight.runtime.managed import identity as identities
from wattlight.runtime.managed.identity import Handle, Identity, identity_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes of POSIX systems")
DESKTOP = Path(__file__).resolve().parents[4] / "desktop"
ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    return program(tmp_path, stub_program())


def program(folder: Path, text: bytes) -> Path:
    path = folder / "bin" / "ollama"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def log(tmp_path: Path) -> ServerLog:
    return ServerLog(tmp_path / "logs" / "ollama.log")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "state" / "managed.json"


@pytest.fixture
def process(record: Path, log: ServerLog) -> ManagedProcess:
    return ManagedProcess(record, log, ENV)


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def gone(pid: int) -> bool:
    for _ in range(200):
        if identity_of(pid) is None:
            return True
        time.sleep(0.02)
    return False


def test_start_and_stop(process: ManagedProcess, binary: Path, record: Path, log: ServerLog) -> None:
    running = process.start(binary, Event())
    pid = running.handle.identity.pid
    assert OllamaServer(running.endpoint).state().status is ServerStatus.READY
    assert running.endpoint.is_loopback
    assert json.loads(record.read_text())["pid"] == pid
    assert process.stop(running)
    assert gone(pid)
    assert not record.exists()
    assert log.last_lines() == ("stub server 0.33.0 starts",)


def test_a_server_that_does_not_listen_to_reason_is_ended_anyway(
    tmp_path: Path, process: ManagedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.runtime.managed.process.STOP_S", 0.3)
    stubborn = stub_program().replace(
        b"import http", b"import signal; signal.signal(15, signal.SIG_IGN)\nimport http", 1
    )
    running = process.start(program(tmp_path, stubborn), Event())
    assert process.stop(running)
    assert gone(running.handle.identity.pid)


def test_a_server_that_ends_at_once(tmp_path: Path, process: ManagedProcess) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        process.start(program(tmp_path, b"#!/bin/sh\necho no GPU for you; exit 1\n"), Event())
    assert caught.value.code == "server_did_not_start"
    assert caught.value.server_text == "no GPU for you"


def test_a_start_can_be_cancelled(tmp_path: Path, process: ManagedProcess, record: Path) -> None:
    cancel = Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with pytest.raises(RuntimeProblem) as caught:
        process.start(program(tmp_path, b"#!/bin/sh\nexec sleep 60\n"), cancel)
    timer.join()
    assert caught.value.code == "cancelled"
    assert not record.exists()


PARENT = """
import sys, time
from pathlib import Path
from threading import Event
from wattlight.runtime.managed import ManagedProcess, ServerLog
record, log, binary = map(Path, sys.argv[1:])
running = ManagedProcess(record, ServerLog(log), {"PATH": "/usr/bin:/bin"}).start(binary, Event())
print(running.handle.identity.pid, flush=True)
time.sleep(60)
"""


def killed_parent(record: Path, log: ServerLog, binary: Path) -> int:
    """The pid of a server whose Wattlight was killed."""
    argv = [sys.executable, "-c", textwrap.dedent(PARENT), str(record), str(log.file), str(binary)]
    env = {**ENV, "PYTHONPATH": str(DESKTOP)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    return pid


def test_fault_24_a_server_left_behind_is_adopted_and_ended(
    process: ManagedProcess, binary: Path, record: Path, log: ServerLog
) -> None:
    pid = killed_parent(record, log, binary)
    running = process.adopt()
    assert running is not None
    assert running.adopted
    assert running.handle.identity.pid == pid
    waiter = threading.Thread(target=process.wait_for_end, args=(running,))
    waiter.start()
    assert process.stop(running)
    waiter.join(5)
    assert not waiter.is_alive()
    assert gone(pid)


def test_fault_24_a_server_left_behind_that_does_not_answer_is_ended(
    process: ManagedProcess, binary: Path, record: Path, log: ServerLog
) -> None:
    pid = killed_parent(record, log, binary)
    document = json.loads(record.read_text())
    record.write_text(json.dumps({**document, "port": 1 + 1}))
    assert process.adopt() is None
    assert gone(pid)


def test_fault_24_the_supervisor_takes_it_over(
    process: ManagedProcess, binary: Path, record: Path, log: ServerLog
) -> None:
    pid = killed_parent(record, log, binary)
    up: list[Endpoint] = []
    heard = Event()
    supervisor = Supervisor(process, log, lambda e: (up.append(e), heard.set())[0], lambda _: None)
    supervisor.start(binary)
    assert heard.wait(10)
    assert supervisor.stop()
    assert gone(pid)


@pytest.mark.parametrize("forge", ["start", "program", "both"])
def test_fault_25_a_number_that_means_another_process_now(
    process: ManagedProcess, record: Path, bystander: "subprocess.Popen[bytes]", forge: str
) -> None:
    real = identity_of(bystander.pid)
    assert real is not None
    forged = Identity(
        real.pid,
        real.start if forge == "program" else "1",
        real.program if forge == "start" else "/opt/wattlight/bin/ollama",
    )
    record.parent.mkdir()
    record.write_text(
        json.dumps(
            {"schema": 1, "port": 11434, "pid": forged.pid, "start": forged.start, "program": forged.program}
        )
    )
    assert process.adopt() is None
    assert not record.exists()
    assert bystander.poll() is None


DAMAGED = ["", "{", "[]", '{"pid": 1}', '{"pid": -1, "start": "1", "program": "x", "port": 5}']
DAMAGED += ['{"pid": "7", "start": "1", "program": "x", "port": 5}']


@pytest.mark.parametrize("text", DAMAGED)
def test_fault_25_a_damaged_record_names_nobody(process: ManagedProcess, record: Path, text: str) -> None:
    record.parent.mkdir()
    record.write_text(text)
    assert process.adopt() is None


def test_a_handle_never_signals_a_process_that_ended(bystander: "subprocess.Popen[bytes]") -> None:
    identity = identity_of(bystander.pid)
    assert identity is not None
    handle = Handle.open(identity)
    assert handle is not None
    bystander.kill()
    bystander.wait()
    assert handle.wait(5)
    assert not handle.send(signal.SIGTERM)
    assert not handle.alive()
    assert Handle.open(identity) is None
    assert identity_of(os.getpid()) is not None
    handle.close()


def test_fault_23_a_server_that_crashes_in_a_loop(
    tmp_path: Path, process: ManagedProcess, log: ServerLog
) -> None:
    crashing = program(tmp_path, b'#!/bin/sh\necho started >> "$0.count"\nseq 1 60\nexit 1\n')
    downs: list[RuntimeProblem] = []
    heard = Event()

    def on_down(problem: RuntimeProblem) -> None:
        downs.append(problem)
        heard.set()

    supervisor = Supervisor(process, log, lambda _: None, on_down)
    supervisor.start(crashing)
    assert heard.wait(20)
    assert supervisor.stop()
    assert (tmp_path / "bin" / "ollama.count").read_text().count("started") == 4
    assert len(downs) == 1
    assert downs[0].code == "server_crashes"
    lines = (downs[0].server_text or "").split("\n")
    assert len(lines) == 50
    assert lines[-1] == "60"


def test_fault_23_three_restarts_in_a_minute() -> None:
    now = [0.0]
    policy = RestartPolicy(lambda: now[0])
    assert [policy.may_restart() for _ in range(4)] == [True, True, True, False]
    now[0] = 59.9
    assert not policy.may_restart()
    now[0] = 60.0
    assert policy.may_restart()


def test_a_crash_is_followed_by_a_restart(process: ManagedProcess, binary: Path, log: ServerLog) -> None:
    ups: list[Endpoint] = []
    changed = threading.Condition()

    def on_up(endpoint: Endpoint) -> None:
        with changed:
            ups.append(endpoint)
            changed.notify_all()

    supervisor = Supervisor(process, log, on_up, lambda _: None)
    supervisor.start(binary)
    with changed:
        assert changed.wait_for(lambda: len(ups) == 1, 10)
    assert supervisor._running is not None
    os.kill(supervisor._running.handle.identity.pid, signal.SIGKILL)
    with changed:
        assert changed.wait_for(lambda: len(ups) == 2, 10)
    assert supervisor.stop()


def test_fault_61_the_log_is_kept_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.runtime.managed.process.MAX_BYTES", 1000)
    log = ServerLog(tmp_path / "server.log")
    assert log.last_lines() == ()
    assert not log.keep_small()
    with log.file.open("ab") as writer:
        writer.write(b"line \x1b[31m one\n" * 100)
        writer.flush()
        assert log.last_lines(2) == ("line \ufffd[31m one",) * 2
        assert log.keep_small()
        writer.write(b"after\n")
        writer.flush()
    assert log.file.read_bytes() == b"after\n"
    assert (tmp_path / "server.log.1").stat().st_size > 1000


def leader_with_runner(folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """A "server" that has started a "runner", both programs of one installed version."""
    for name, source in (("bin/ollama", "/bin/sh"), ("lib/ollama/runner", "/bin/sleep")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    child = subprocess.Popen(
        [str(folder / "bin/ollama"), "-c", f"{folder}/lib/ollama/runner 60 & echo $!; wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdout is not None
    return child, int(child.stdout.readline())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_fault_24_runners_of_a_server_that_crashed_unwatched_are_ended(
    tmp_path: Path, process: ManagedProcess, record: Path
) -> None:
    leader, runner = leader_with_runner(tmp_path / "0.33.0")
    identity = identity_of(leader.pid)
    assert identity is not None
    leader.kill()
    leader.wait()
    assert leader.stdout is not None
    leader.stdout.close()
    assert identity_of(runner) is not None
    record.parent.mkdir()
    other = {
        "pid": identity.pid,
        "start": identity.start,
        "program": str(tmp_path / "9.9.9/bin/ollama"),
        "port": 9,
    }
    record.write_text(json.dumps(other))
    assert process.adopt() is None
    assert identity_of(runner) is not None, "the program is not of that version: left alone"
    record.write_text(json.dumps({**other, "program": identity.program}))
    assert process.adopt() is None
    assert gone(runner)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_fault_24_runners_of_a_server_that_crashes_are_ended(tmp_path: Path, process: ManagedProcess) -> None:
    runner_file = tmp_path / "runner"
    text = stub_program().replace(
        b"import http",
        b"import subprocess; open('%s', 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\nimport http"
        % str(runner_file).encode(),
        1,
    )
    running = process.start(program(tmp_path, text), Event())
    runner = int(runner_file.read_text())
    os.kill(running.handle.identity.pid, signal.SIGKILL)
    assert process.wait_for_end(running) == -signal.SIGKILL
    assert gone(runner)
    process.stop(running)


def test_a_system_that_cannot_tell_processes_apart(
    process: ManagedProcess, binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.runtime.managed.process.identity_of", lambda _: None)
    running = process.start(binary, Event())
    waiter = threading.Thread(target=process.wait_for_end, args=(running,))
    waiter.start()
    assert process.stop(running)
    waiter.join(5)
    assert not waiter.is_alive()
    assert process.adopt() is None


@pytest.mark.parametrize(
    ("said", "program"),
    [
        (b"Mon Nov 24 12:00:00 2026 /opt/ollama/bin/ollama\n", "/opt/ollama/bin/ollama"),
        (b"Mon Nov 24 12:00:00 2026 /Users/a b/bin/ollama\n", "/Users/a b/bin/ollama"),
        (b"Mon Nov 24 12:00:00 2026 \xff\n", "\ufffd"),
        (b"Mon Nov 24 12:00:00 2026\n", None),
        (b"", None),
    ],
)
def test_a_process_as_ps_tells_it(said: bytes, program: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, said)
    monkeypatch.setattr(identities, "_PLATFORM", "darwin")
    monkeypatch.setattr(identities.subprocess, "run", lambda *_args, **_named: done)
    found = identity_of(7)
    assert found == (None if program is None else Identity(7, "Mon Nov 24 12:00:00 2026", program))


@pytest.mark.parametrize("error", [OSError(2, "no ps"), subprocess.TimeoutExpired("ps", 5)])
def test_a_process_that_ps_does_not_tell_is_unknown(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(identities, "_PLATFORM", "darwin")
    monkeypatch.setattr(identities.subprocess, "run", fails)
    assert identity_of(7) is None
    monkeypatch.setattr(identities, "_PLATFORM", "win32")
    assert identity_of(os.getpid()) is None


def test_without_a_handle_a_signal_goes_to_the_same_process_or_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(_pid: int) -> int:
        raise OSError(38, "not implemented")

    monkeypatch.setattr(identities.os, "pidfd_open", none)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        known = identity_of(process.pid)
        assert known is not None
        handle = Handle(known)
        assert handle.alive()
        assert not handle.wait(0)
        other = Handle(Identity(process.pid, "another time", known.program))
        assert not other.send(signal.SIGKILL)
        assert process.poll() is None
        assert handle.send(signal.SIGKILL)
        process.wait(20)
        assert handle.wait(10)
        assert not handle.send(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(20)
