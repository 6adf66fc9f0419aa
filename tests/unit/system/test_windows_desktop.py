"""What Windows asks of a desktop program: streams, no console windows, no orphans, one name."""

import ast
import ctypes
import io
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wattlight import __main__ as entry
from wattlight.cli.output import Output
from wattlight.system import (
    NO_WINDOW,
    Job,
    name_for_the_taskbar,
    own_command,
    process_runs,
    show_box,
    windows,
)

SOURCE = Path(entry.__file__).parent


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What boxes say."""
    said: list[str] = []
    monkeypatch.setattr("wattlight.system.show_box", said.append)
    return said


def without_a_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a fixture: pytest sets its own streams between that and the test."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "nonsense"),
        (["tariff", "check", "no-such-file.json"], 1, "no-such-file.json"),
        (["--version"], 0, None),
    ],
)
def test_without_a_console_a_sentence_is_a_box(
    boxes: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str | None,
) -> None:
    monkeypatch.setenv("WATTLIGHT_HOME", str(tmp_path))
    without_a_console(monkeypatch)
    try:
        assert entry.main(arguments) == code
    except SystemExit as ended:
        assert ended.code == code
    assert len(boxes) == (words is not None)
    assert words is None or words in boxes[0]


def test_what_is_said_without_a_console_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_console(monkeypatch)
    said = entry.ready_streams()
    assert said is not None and sys.stderr is said
    for _ in range(1000):
        sys.stderr.write("the same again\n")
    assert len(said.getvalue()) <= 4000 and not sys.stdin.isatty() and sys.stdin.read() == ""
    sys.stdout.write("nobody reads it")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes them")
def test_closed_streams_are_no_error_of_ours(tmp_path: Path, closed: str) -> None:
    env = {"PYTHONPATH": str(SOURCE.parent), "WATTLIGHT_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    line = f'"{sys.executable}" -m wattlight pull --json {closed}'
    done = subprocess.run(["sh", "-c", line], env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii", "utf-8"])
def test_json_is_utf8_whatever_the_stream_speaks(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    Output(stream, True).document({"name": "Müller 会話 🜂"})
    Output(stream, True).record({"name": "Müller 会話 🜂"})
    import json

    text = raw.getvalue().decode("utf-8")
    first, end = json.JSONDecoder().raw_decode(text)
    assert first["name"] == json.loads(text[end:])["name"] == "Müller 会話 🜂"


def test_a_pipe_gets_utf8_on_windows_and_a_console_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp850", errors="backslashreplace")
    monkeypatch.setattr(console, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "stdout", pipe)
    monkeypatch.setattr(sys, "stderr", console)
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    assert entry.ready_streams() is None
    assert (pipe.encoding, pipe.errors, console.encoding) == ("utf-8", "strict", "cp850")
    pipe.write("1,2\r\n3\n")
    pipe.flush()
    assert pipe.buffer.getvalue() == b"1,2\r\n3\n"  # type: ignore[attr-defined]


class Unread(io.StringIO):
    """A pipe of Windows whose reader went away."""

    def flush(self) -> None:
        raise OSError(22, "Invalid argument")


def test_a_reader_that_goes_away_is_told_apart_from_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.cli.output.os", SimpleNamespace(name="posix", environ={}))
    with pytest.raises(OSError, match="Invalid argument"):
        Output(Unread(), False).line("x")
    monkeypatch.setattr("wattlight.cli.output.os", SimpleNamespace(name="nt", environ={}))
    with pytest.raises(BrokenPipeError):
        Output(Unread(), False).line("x")


def test_no_program_is_started_with_a_window_of_its_own() -> None:
    """Every child, wherever it is started; what runs on one other system only is named."""
    elsewhere = {"runtime/managed/identity.py", "system/energy_permission.py"}  # ps on macOS; pkexec on Linux
    calls = []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            starts = isinstance(node, ast.Call) and ast.unparse(node.func) in {
                f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")
            }
            if starts and file.relative_to(SOURCE).as_posix() not in elsewhere:
                calls.append((f"{file.name}:{node.lineno}", {word.arg: word.value for word in node.keywords}))
    assert len(calls) > 2
    assert [
        where
        for where, words in calls
        if ast.unparse(words.get("creationflags", ast.Name(""))) != "NO_WINDOW"
    ] == []
    assert sys.platform != "win32" or NO_WINDOW == 0x08000000


@pytest.mark.parametrize(
    ("frozen", "there", "started"),
    [
        (False, ["python.exe", "pythonw.exe", "wattlight.exe", "wattlight-tray.exe"], ["wattlight-tray.exe"]),
        (False, ["python.exe", "pythonw.exe", "wattlight.exe"], ["pythonw.exe", "-m", "wattlight"]),
        (False, ["python.exe"], ["python.exe", "-m", "wattlight"]),
        (True, ["wattlight.exe", "wattlight-cli.exe"], ["wattlight.exe"]),
    ],
)
def test_the_start_at_login_has_no_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: bool, there: list[str], started: list[str]
) -> None:
    for name in there:
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ("wattlight-cli.exe" if frozen else "python.exe")))
    monkeypatch.setenv("PATH", "")
    assert own_command("win32") == [str(tmp_path / started[0]), *started[1:], "--hidden"]


class Libraries:
    """As much of Windows as is asked; ``calls`` are the functions with what they were given."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, int] = {}

    def load(self, _name: str) -> "Libraries":
        return self

    def __getattr__(self, name: str) -> Any:
        class Function:
            restype: Any = None

            def __call__(self, *given: Any) -> int:
                libraries.calls.append((name, given))
                return libraries.answers.get(name, 1)

        libraries = self
        made = Function()
        setattr(self, name, made)
        return made


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Libraries:
    fake = Libraries()
    monkeypatch.setattr("ctypes.WinDLL", fake.load, raising=False)
    return fake


def test_a_job_ends_its_processes_when_it_is_closed(libraries: Libraries) -> None:
    job = Job()
    child = type("Child", (), {"_handle": 77})()
    assert job.take(child)
    job.close()
    job.close()
    names = [name for name, _ in libraries.calls]
    assert names == ["CreateJobObjectW", "SetInformationJobObject", "AssignProcessToJobObject", "CloseHandle"]
    kind, limits = libraries.calls[1][1][1:3]
    assert kind == 9 and int.from_bytes(limits.raw[16:20], "little") == 0x2000
    assert libraries.calls[2][1][1].value == 77


@pytest.mark.parametrize("refused", ["CreateJobObjectW", "SetInformationJobObject"])
def test_a_job_that_cannot_be_made_is_an_oserror(libraries: Libraries, refused: str) -> None:
    libraries.answers[refused] = 0
    with pytest.raises(OSError, match="job object"):
        Job()


def test_boxes_and_names_are_asked_of_windows_alone(
    libraries: Libraries, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_box("a sentence")
    name_for_the_taskbar("io.github.wattlight.wattlight")
    assert [name for name, _ in libraries.calls] == ["MessageBoxW", "SetCurrentProcessExplicitAppUserModelID"]
    monkeypatch.delattr("ctypes.WinDLL")
    show_box("a sentence")
    name_for_the_taskbar("x")
    with pytest.raises(OSError, match="not Windows"):
        Job()


def test_platform_is_told_what_this_windows_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would start a shell, or ask a service that may take seconds or never answer."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a process, or the service, was asked")

    for name in ("_uname_cache", "_syscmd_ver", "_wmi_query", "win32_ver"):
        monkeypatch.setattr(platform, name, None if name == "_uname_cache" else asked, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    version = SimpleNamespace(major=10, minor=0, build=26100)
    monkeypatch.setattr(sys, "getwindowsversion", lambda: version, raising=False)
    monkeypatch.setenv("PROCESSOR_ARCHITECTURE", "ARM64")
    monkeypatch.delenv("PROCESSOR_ARCHITEW6432", raising=False)
    entry.describe_windows()
    assert (platform.system(), platform.version(), platform.machine()) == ("Windows", "10.0.26100", "ARM64")
    assert platform.node() == socket.gethostname()


def test_a_process_is_there_until_it_has_ended() -> None:
    assert process_runs(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    assert process_runs(child.pid)
    child.stdin.close()
    child.wait(30)
    assert not process_runs(child.pid)


class CostManager:
    """A COM object on paper: a table of functions behind a pointer, and the library that makes it."""

    def __init__(self, cost: int, made: int = 0, answered: int = 0) -> None:
        self.open, self._made = 0, made

        def get_cost(_self: int, found: int, _address: int) -> int:
            ctypes.c_uint32.from_address(found).value = cost
            return answered

        def release(_self: int) -> int:
            self.open -= 1
            return 0

        pointer = ctypes.c_void_p
        get = ctypes.CFUNCTYPE(ctypes.c_int32, pointer, pointer, pointer)(get_cost)
        let = ctypes.CFUNCTYPE(ctypes.c_uint32, pointer)(release)
        self._kept = get, let
        self._table = (pointer * 4)(0, 0, ctypes.cast(let, pointer), ctypes.cast(get, pointer))
        self._object = pointer(ctypes.addressof(self._table))

    def CoInitializeEx(self, _none: None, _apartment: int) -> int:
        self.open += 1
        return 0

    def CoUninitialize(self) -> None:
        self.open -= 1

    def CoCreateInstance(self, of: bytes, _outer: None, _where: int, face: bytes, to: Any) -> int:
        assert len(of) == len(face) == 16
        if self._made >= 0:
            ctypes.c_void_p.from_address(ctypes.addressof(to._obj)).value = ctypes.addressof(self._object)
            self.open += 1
        return self._made


@pytest.mark.parametrize(
    ("cost", "made", "answered", "metered"),
    [
        (0x1, 0, 0, False),
        (0x2, 0, 0, True),
        (0x4, 0, 0, True),
        (0x40001, 0, 0, True),
        (0x20001, 0, 0, False),
        (0x0, 0, 0, None),
        (0x1, -2147221164, 0, None),
        (0x2, 0, -2147467259, None),
    ],
)
def test_what_windows_says_a_connection_costs(
    monkeypatch: pytest.MonkeyPatch, cost: int, made: int, answered: int, metered: bool | None
) -> None:
    manager = CostManager(cost, made, answered)
    monkeypatch.setattr(windows, "_library", lambda _: manager)
    monkeypatch.delattr(ctypes, "WINFUNCTYPE", raising=False)
    assert windows.network_is_metered() is metered
    assert manager.open == 0, "everything was given back"


def test_elsewhere_nobody_says_it() -> None:
    if os.name != "nt":
        assert windows.network_is_metered() is None
