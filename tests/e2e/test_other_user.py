"""Another user of the same computer: sees nothing of what is recorded, holds nothing up, is told nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.power_tree import PowerTree
from wattlight.paths import Places
from wattlight.store import MeterLock
from wattlight.ui.single import SingleInstance

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
pytestmark = [
    pytest.mark.qt,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX"),
]
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another user for a moment"
)
WORDS = """
import fcntl, os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
what, path = sys.argv[1:]
if what == "listen":
    os.umask(0)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path); server.listen(); print("listening", flush=True)
        server.settimeout(8)
        try:
            link = server.accept()[0]
            print(link.recv(100)); link.sendall(b"ok\\n")
        except TimeoutError:
            print("nobody came")
    sys.exit()
try:
    if what == "connect":
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(path)
    else:
        with open(path, what) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("done")
except OSError as error:
    print(type(error).__name__)
"""


def other_user(what: str, path: Path | str) -> str:
    """What another user gets who opens, locks or connects to ``path``."""
    command = [sys.executable, "-c", WORDS, what, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may look into."""
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def places(root: Path) -> Places:
    made = Places(*(root / name for name in ("config", "data", "state", "cache", "run")))
    for folder in (made.config, made.data, made.state, made.cache):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    return made


def test_nothing_that_is_written_is_for_others_whatever_the_umask_and_the_folders(shared: Path) -> None:
    at = places(shared / "home")
    at.meter_lock.touch()
    at.meter_lock.chmod(0o666)  # of an older version
    (at.config / "settings.json").write_text(json.dumps({"first_run_done": True}))
    tree = PowerTree(shared / "machine").run(lambda: 30.0)
    env = {
        **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "VIRTUAL_ENV"}},
        "QT_QPA_PLATFORM": "offscreen",
        "WATTLIGHT_HOME": str(shared / "home"),
        "WATTLIGHT_SYSROOT": str(tree.root),
        "XDG_CONFIG_HOME": str(shared / "xdg"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests")]),
        "OLLAMA_HOST": "127.0.0.1:9",
        "DBUS_SYSTEM_BUS_ADDRESS": "",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }
    command = [sys.executable, "-m", "wattlight"]
    tray = subprocess.Popen([*command, "--hidden"], env=env, umask=0)
    try:
        end = time.monotonic() + 40
        while not (at.runtime / "tray.sock").exists() or not at.ledger_file.exists():
            assert time.monotonic() < end
            time.sleep(0.2)
        for words in (
            "tariff set --price 0.3 --currency EUR",
            "doctor",
            f"export --output {shared}/rows.csv",
        ):
            subprocess.run([*command, *words.split()], env=env, umask=0, capture_output=True, check=True)
        files = {
            file.relative_to(shared).as_posix(): file.lstat().st_mode
            for file in shared.rglob("*")
            if not file.is_dir() and "machine" not in file.parts and file.name != "settings.json"
        }
        assert {
            "home/data/meter.lock",
            "home/data/tray.lock",
            "home/state/wattlight.crash",
            "rows.csv",
        } <= set(files)
        assert {name: oct(mode) for name, mode in files.items() if mode & 0o077} == {}
        assert at.runtime.stat().st_mode & 0o077 == 0
        given = {at.config, at.data, at.state, at.cache}
        made = [folder for folder in (shared / "home").rglob("*") if folder.is_dir() and folder not in given]
        made += [shared / "xdg", *(f for f in (shared / "xdg").rglob("*") if f.is_dir())]
        assert [str(f) for f in made if f.exists() and f.stat().st_mode & 0o077] == []
    finally:
        tray.send_signal(signal.SIGTERM)
        tray.wait(20)
        tree.stop()


@as_root
def test_another_user_cannot_hold_the_lock_nor_read_the_ledger(shared: Path) -> None:
    at = places(shared)
    at.meter_lock.touch()
    at.meter_lock.chmod(0o644)
    with MeterLock(at.meter_lock) as lock:
        assert lock.acquire()
    assert {other_user(mode, at.meter_lock) for mode in ("r", "r+", "a")} == {"PermissionError"}
    assert lock.acquire()
    lock.release()


def test_a_lock_is_not_made_through_a_link(shared: Path) -> None:
    at = places(shared)
    mine = shared / "mine"
    mine.write_text("kept")
    at.meter_lock.symlink_to(mine)
    with pytest.raises(Exception, match="cannot be opened"):
        MeterLock(at.meter_lock).acquire()
    assert mine.read_text() == "kept"


@as_root
def test_only_the_user_reaches_the_living_program(shared: Path, qapp: object) -> None:
    at = places(shared / ("x" * 120))
    instance = SingleInstance(at)
    assert instance.take()
    instance.listen(lambda _token: None)
    try:
        assert not instance.socket_name.startswith(str(shared)), "the one in the folder for all"
        assert other_user("connect", instance.socket_name) == "PermissionError"
        assert {other_user(mode, at.instance_lock) for mode in ("r", "r+")} == {"PermissionError"}
    finally:
        instance.close()


@as_root
def test_a_socket_that_another_user_took_first_is_told_nothing(
    shared: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = SingleInstance(places(shared / ("y" * 120)))
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", "token-of-mine")
    command = [sys.executable, "-c", WORDS, "listen", instance.socket_name]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert listener.stdout is not None
    try:
        assert listener.stdout.readline() == "listening\n"
        answered: list[bool] = []
        asker = threading.Thread(target=lambda: answered.append(instance.ask_to_show(3.0)))
        asker.start()
        asker.join(20)
        assert answered == [False]
        assert listener.communicate(timeout=20)[0] == "nobody came\n"
    finally:
        listener.kill()
        listener.wait(10)
        Path(instance.socket_name).unlink(missing_ok=True)
