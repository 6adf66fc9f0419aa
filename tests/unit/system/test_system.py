"""Starting at login, the log, the environment of children."""

import faulthandler
import logging
import plistlib
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

import pytest

from wattlight.system import AutostartProblem, autostart_for_platform, clean_environment, open_log


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "autostart" / "io.github.wattlight.wattlight.desktop"


def test_autostart_is_what_the_file_says(config: Path) -> None:
    start = autostart_for_platform(["/opt/w/wattlight", "--hidden"], "linux")
    assert not start.enabled()
    start.set_enabled(True)
    assert start.enabled()
    assert "TryExec=/opt/w/wattlight\n" in config.read_text()
    config.write_text(config.read_text() + "Hidden=true\n")
    assert not start.enabled()
    start.set_enabled(False)
    assert not config.exists()
    start.set_enabled(False)


def test_fault_54_a_moved_program_counts_as_off_and_is_rewritten(config: Path) -> None:
    autostart_for_platform(["/old/wattlight"], "linux").set_enabled(True)
    moved = autostart_for_platform(["/new/wattlight"], "linux")
    assert not moved.enabled()
    moved.set_enabled(True)
    assert "Exec=/new/wattlight\n" in config.read_text()


def test_fault_54_spaces_quotes_and_percent_are_quoted(config: Path) -> None:
    start = autostart_for_platform(['/o p/"w"$%/wattlight', "--hidden"], "linux")
    start.set_enabled(True)
    assert 'Exec="/o p/\\\\"w\\\\"\\\\$%%/wattlight" --hidden\n' in config.read_text()
    assert start.enabled()


def test_a_folder_that_cannot_be_written_is_one_sentence(config: Path) -> None:
    config.parent.write_text("a file")
    with pytest.raises(AutostartProblem) as caught:
        autostart_for_platform(["/w"], "linux").set_enabled(True)
    assert str(config) in caught.value.message


def test_the_launch_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    agent = autostart_for_platform(["/w", "--hidden"], "darwin")
    assert not agent.enabled()
    agent.set_enabled(True)
    file = tmp_path / "Library/LaunchAgents/io.github.wattlight.wattlight.plist"
    assert plistlib.loads(file.read_bytes())["ProgramArguments"] == ["/w", "--hidden"]
    assert agent.enabled()
    file.write_text("garbage")
    assert not agent.enabled()


def test_children_of_a_bundle_get_the_users_own_library_path() -> None:
    env = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/mine", "PATH": "/bin", "_PYI_X": "1"}
    assert clean_environment(env, frozen=True) == {"LD_LIBRARY_PATH": "/mine", "PATH": "/bin"}
    assert clean_environment({"LD_LIBRARY_PATH": "/bundle"}, frozen=True) == {}
    assert clean_environment({"LD_LIBRARY_PATH": "/mine"}, frozen=False) == {"LD_LIBRARY_PATH": "/mine"}


def test_fault_61_the_log_is_private_rotates_and_keeps_no_secret(
    tmp_path: Path, logging_restored: None
) -> None:
    log = open_log(tmp_path / "state" / "wattlight.log")
    log.info("Authorization: Bearer abc123 for %s", "host")
    for index in range(1000):
        log.info("flood %d", index)
    text = (tmp_path / "state" / "wattlight.log").read_text()
    assert "abc123" not in text
    assert text.count("flood") < 400
    if sys.platform != "win32":  # there are no modes
        assert stat.S_IMODE((tmp_path / "state" / "wattlight.log").stat().st_mode) == 0o600


def test_a_launch_agent_that_is_no_dictionary_counts_as_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    file = tmp_path / "Library/LaunchAgents/io.github.wattlight.wattlight.plist"
    file.parent.mkdir(parents=True)
    file.write_bytes(plistlib.dumps(["/w"]))
    agent = autostart_for_platform(["/w"], "darwin")
    assert not agent.enabled()
    agent.set_enabled(False)
    assert not file.exists()
    agent.set_enabled(False)


def test_an_agent_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "Library").write_text("a file")
    with pytest.raises(AutostartProblem, match=r"The agent .* could not be changed"):
        autostart_for_platform(["/w"], "darwin").set_enabled(True)


class Registry(ModuleType):
    """Stands for ``winreg``: keys are dictionaries of values; ``refuses`` makes every change fail."""

    HKEY_CURRENT_USER, REG_SZ, KEY_SET_VALUE = "HKCU", 1, 2

    def __init__(self) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, str]] = {}
        self.refuses = False

    @contextmanager
    def OpenKey(self, root: str, name: str, reserved: int = 0, access: int = 0) -> Iterator[dict[str, str]]:
        if self.refuses:
            raise PermissionError(13, "Access is denied")
        if name not in self.keys:
            raise FileNotFoundError(2, name)
        yield self.keys[name]

    def CreateKeyEx(self, root: str, name: str, reserved: int = 0, access: int = 0) -> object:
        self.keys.setdefault(name, {})
        return self.OpenKey(root, name)

    def QueryValueEx(self, key: dict[str, str], name: str) -> tuple[str, int]:
        if name not in key:
            raise FileNotFoundError(2, name)
        return key[name], self.REG_SZ

    def SetValueEx(self, key: dict[str, str], name: str, reserved: int, kind: int, value: str) -> None:
        key[name] = value

    def DeleteValue(self, key: dict[str, str], name: str) -> None:
        if name not in key:
            raise FileNotFoundError(2, name)
        del key[name]


RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    fake = Registry()
    monkeypatch.setitem(sys.modules, "winreg", fake)
    return fake


def test_the_run_key_of_windows(registry: Registry) -> None:
    registry.keys[RUN] = {"Other": "x"}
    start = autostart_for_platform([r"C:\Program Files\w.exe", "--hidden"], "win32")
    assert not start.enabled()
    start.set_enabled(False)
    start.set_enabled(True)
    assert start.enabled()
    assert registry.keys[RUN]["Wattlight"] == r'"C:\Program Files\w.exe" --hidden'
    assert not autostart_for_platform([r"D:\w.exe"], "win32").enabled(), "another program"
    start.set_enabled(False)
    assert registry.keys[RUN] == {"Other": "x"}


def test_an_account_without_a_run_key_gets_one(registry: Registry) -> None:
    """A new account of Windows may have none; turning it on must not silently do nothing."""
    start = autostart_for_platform(["w.exe"], "win32")
    start.set_enabled(False)
    assert registry.keys == {}
    start.set_enabled(True)
    assert start.enabled()


def test_a_registry_that_refuses_is_one_sentence(registry: Registry) -> None:
    registry.refuses = True
    start = autostart_for_platform(["w.exe"], "win32")
    assert not start.enabled()
    with pytest.raises(AutostartProblem, match="in the registry") as caught:
        start.set_enabled(True)
    assert "Task Manager" in caught.value.next_step


@pytest.fixture
def logging_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    crashes: list[IO[str]] = []
    monkeypatch.setattr(faulthandler, "enable", crashes.append)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    yield
    for crash in crashes:
        crash.close()
    for handler in list(logging.getLogger("wattlight").handlers):
        logging.getLogger("wattlight").removeHandler(handler)
        handler.close()


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - with its traceback
        return caught


def test_an_uncaught_error_is_written_without_the_secret_in_it(
    tmp_path: Path, logging_restored: None
) -> None:
    open_log(tmp_path / "w.log")
    error = raised(ValueError("bad header: api_key=s3cret-value"))
    sys.excepthook(type(error), error, error.__traceback__)
    text = (tmp_path / "w.log").read_text()
    assert "uncaught in main" in text and "ValueError: bad header" in text
    assert "s3cret-value" not in text


def test_fault_59_an_uncaught_error_of_a_thread_names_it(tmp_path: Path, logging_restored: None) -> None:
    open_log(tmp_path / "w.log")

    def fails() -> None:
        raise RuntimeError("broken inside")

    thread = threading.Thread(target=fails, name="the-recorder")
    thread.start()
    thread.join()
    text = (tmp_path / "w.log").read_text()
    assert "uncaught in the-recorder" in text and "broken inside" in text


def test_a_person_who_stops_the_program_is_no_error(tmp_path: Path, logging_restored: None) -> None:
    open_log(tmp_path / "w.log")
    for error in (KeyboardInterrupt(), SystemExit(3)):
        sys.excepthook(type(error), error, None)
    assert (tmp_path / "w.log").read_text() == ""


def test_a_log_that_cannot_be_written_goes_to_the_error_stream(
    tmp_path: Path, logging_restored: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    open_log(tmp_path / "file" / "w.log").warning("still said; password=%s", "hunter2")
    said = capsys.readouterr().err
    assert "still said" in said and "hunter2" not in said


def test_opening_the_log_twice_writes_each_line_once(tmp_path: Path, logging_restored: None) -> None:
    open_log(tmp_path / "w.log")
    open_log(tmp_path / "w.log").info("one line")
    assert (tmp_path / "w.log").read_text().count("one line") == 1
