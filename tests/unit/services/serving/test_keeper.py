"""The server that is ours: started on a click, installed, updated when idle, taken over, ended."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.release_server import ReleaseServer, release_list, server_archive, stub_program
from wattlight.domain.state import InstallState, RunningModel
from wattlight.domain.values import Problem
from wattlight.runtime import Endpoint, OllamaServer
from wattlight.runtime.managed import this_system
from wattlight.services.serving import KeeperNews, ManagedServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stubs are scripts")
ENV = {"PATH": "/usr/bin:/bin"}
MODEL = RunningModel("a", "d", 1, 1)


class Heard:
    """What the keeper told, and a way to wait for it."""

    def __init__(self) -> None:
        self.ups: list[Endpoint | None] = []
        self.downs: list[Problem] = []
        self.setups: list[InstallState] = []
        self.ends: list[Problem | None] = []
        self.changed = threading.Condition()

    def news(self) -> KeeperNews:
        return KeeperNews(*(self._hear(kept) for kept in (self.ups, self.downs, self.setups, self.ends)))

    def _hear(self, kept: list) -> Callable[[object], None]:  # type: ignore[type-arg]  # of several kinds
        def hear(item: object) -> None:
            with self.changed:
                kept.append(item)
                self.changed.notify_all()

        return hear

    def wait(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 20), (self.ups, self.downs, self.ends)


@pytest.fixture
def page() -> Iterator[ReleaseServer]:
    with ReleaseServer() as server:
        yield server


@pytest.fixture
def heard() -> Heard:
    return Heard()


def releases(page: ReleaseServer, version: str) -> str:
    plain = page.add(f"{version}.tar.zst", server_archive(version))
    system, machine = this_system()
    here = replace(plain, system=system, machine=machine)
    return release_list(version, here)


def keeper(root: Path, heard: Heard, text: str, port: int = 1) -> ManagedServer:
    return ManagedServer(
        root / "data", root / "state", ENV, text, heard.news(), look_below=root, installed_port=port
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put_program(root: Path) -> None:
    binary = root / "usr" / "local" / "bin" / "ollama"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(stub_program())
    binary.chmod(0o755)


def test_install_start_update_and_end(tmp_path: Path, page: ReleaseServer, heard: Heard) -> None:
    first = keeper(tmp_path, heard, releases(page, "0.33.0"))
    assert not first.ways().startable
    first.install()
    heard.wait(lambda: bool(heard.ups) and bool(heard.ends))
    assert heard.ends == [None]
    assert first.ways().startable
    endpoint = heard.ups[0]
    assert endpoint is not None
    assert OllamaServer(endpoint).version() == "0.33.0"
    assert not first.ways().newer
    assert first.close()
    assert heard.ups[-1] is None

    second = keeper(tmp_path, heard, releases(page, "0.34.0"))
    second.start()
    heard.wait(lambda: len(heard.ups) == 3)
    offer = second.ways()
    assert (offer.newer, offer.version) == (True, "0.34.0")
    second.install()
    heard.wait(lambda: len(heard.ends) == 2)
    second.tend((MODEL,))
    assert len(heard.ups) == 3, "not while a model is loaded"
    ways = second.ways()
    assert (ways.managed, ways.previous, ways.newer, ways.restart_due) == ("0.34.0", "0.33.0", False, True)
    second.tend(())
    heard.wait(lambda: len(heard.ups) == 5)
    assert heard.ups[3] is None
    assert heard.ups[4] is not None
    assert OllamaServer(heard.ups[4]).version() == "0.34.0"
    assert not second.ways().restart_due
    second.go_back()
    heard.wait(lambda: len(heard.ends) == 3)
    second.tend(())
    heard.wait(lambda: len(heard.ups) == 7)
    assert heard.ups[6] is not None
    assert OllamaServer(heard.ups[6]).version() == "0.33.0"
    assert second.close()


def test_an_installed_program_is_started_on_its_port(tmp_path: Path, heard: Heard) -> None:
    put_program(tmp_path)
    port = free_port()
    ours = keeper(tmp_path, heard, release_list("0.33.0"), port)
    assert ours.ways().startable
    ours.start()
    ours.start()
    heard.wait(lambda: bool(heard.ups))
    assert heard.ups == [Endpoint("http", "127.0.0.1", port)]
    assert ours.close()


def test_a_service_is_never_touched(tmp_path: Path, heard: Heard) -> None:
    put_program(tmp_path)
    unit = tmp_path / "etc" / "systemd" / "system" / "ollama.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]")
    ours = keeper(tmp_path, heard, release_list("0.33.0"))
    if sys.platform != "linux":
        return
    assert not ours.ways().startable
    ours.start()
    assert heard.downs[0].code == "system_service"
    assert "sudo systemctl start ollama" in heard.downs[0].next_step
    assert ours.close()


def test_nothing_to_start_and_nothing_to_install(tmp_path: Path, heard: Heard) -> None:
    ours = keeper(tmp_path, heard, release_list("0.33.0"))
    ways = ours.ways()
    assert (ways.program, ways.managed, ways.version) == (None, None, None)
    assert "names no Ollama" in ways.why_not
    ours.start()
    assert heard.downs[0].code == "nothing_installed"
    ours.install()
    heard.wait(lambda: bool(heard.ends))
    assert heard.ends[0] is not None
    assert ours.close()


def test_a_server_left_behind_is_taken_over(tmp_path: Path, page: ReleaseServer, heard: Heard) -> None:
    crashed = keeper(tmp_path, heard, releases(page, "0.33.0"))
    crashed.install()
    heard.wait(lambda: bool(heard.ups) and bool(heard.ends))
    after = keeper(tmp_path, heard, releases(page, "0.33.0"))
    after.start()
    heard.wait(lambda: len(heard.ups) == 2)
    assert heard.ups[0] == heard.ups[1]
    assert after.close()
    crashed.close()


def test_an_installation_can_be_cancelled(tmp_path: Path, page: ReleaseServer, heard: Heard) -> None:
    page.faults.gate = threading.Semaphore(0)
    ours = keeper(tmp_path, heard, releases(page, "0.33.0"))
    ours.install()
    heard.wait(lambda: any(state.stage == "fetching" for state in heard.setups))
    ours.cancel_install()
    heard.wait(lambda: bool(heard.ends))
    assert heard.ends[0] is not None
    assert heard.ends[0].code == "cancelled"
    assert ours.close()
