"""On macOS and Windows the vendor's installer is fetched, checked and opened; Linux stays as it is."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.release_server import ReleaseServer
from fakes.signature_tools import FakeTools, authenticode, codesign_names, good_macos, good_windows
from wattlight.domain.state import InstallState
from wattlight.domain.values import Problem
from wattlight.runtime import Endpoint
from wattlight.runtime.managed import Said
from wattlight.services.serving import KeeperNews, ManagedServer

DATA = b"MZ" * 50_000
MACOS = ("darwin", "arm64")
WINDOWS = ("win32", "x86_64")


class Heard:
    """What the keeper told."""

    def __init__(self) -> None:
        self.ups: list[Endpoint | None] = []
        self.downs: list[Problem] = []
        self.setups: list[InstallState] = []
        self.ends: list[Problem | None] = []
        self.ended = threading.Semaphore(0)

    def news(self) -> KeeperNews:
        return KeeperNews(self.ups.append, self.downs.append, self.setups.append, self._end)

    def _end(self, problem: Problem | None) -> None:
        self.ends.append(problem)
        self.ended.release()

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(str(state.stage) for state in self.setups))


Keep = Callable[[tuple[str, str], FakeTools], ManagedServer]


@pytest.fixture
def page() -> Iterator[ReleaseServer]:
    with ReleaseServer() as server:
        yield server


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def keep(tmp_path: Path, page: ReleaseServer, heard: Heard) -> Iterator[Keep]:
    made: list[ManagedServer] = []
    items = [
        {
            "system": system, "version": "0.33.0", "url": page.add(name, DATA).url,
            "sha256": None, "size_bytes": None, "about_bytes": len(DATA),
        }
        for system, name in (("darwin", "Ollama.dmg"), ("win32", "OllamaSetup.exe"))
    ]  # fmt: skip
    text = json.dumps({"schema": 1, "releases": [], "installers": items})

    def make(system: tuple[str, str], fake: FakeTools) -> ManagedServer:
        keeper = ManagedServer(
            tmp_path / "data", tmp_path / "state", {}, text, heard.news(),
            look_below=tmp_path, system=system, tools=fake.tools(),
        )  # fmt: skip
        made.append(keeper)
        return keeper

    yield make
    assert all(keeper.close() for keeper in made)


def files(root: Path) -> list[str]:
    return [file.name for file in (root / "data" / "servers" / "ollama" / "installer").iterdir()]


def install(keeper: ManagedServer, heard: Heard) -> Problem | None:
    keeper.install()
    assert heard.ended.acquire(timeout=20)
    return heard.ends[-1]


def test_windows_opens_what_ollama_signed_and_removes_it_once_a_server_runs(
    keep: Keep, heard: Heard, tmp_path: Path
) -> None:
    fake = good_windows()
    keeper = keep(WINDOWS, fake)
    ways = keeper.ways()
    assert (ways.by_installer, ways.why_not, ways.startable) == (True, "", False)
    assert install(keeper, heard) is None
    assert heard.stages == ["checking", "fetching", "verifying", "opened"]
    assert [Path(path).name for path in fake.started] == ["Ollama-0.33.0.exe"]
    assert Path(fake.started[0]).read_bytes() == DATA
    assert (heard.ups, heard.downs) == ([], []), "nothing of ours is started"
    keeper.tend(())
    assert files(tmp_path) == []


def test_macos_opens_what_ollama_signed(keep: Keep, heard: Heard) -> None:
    fake = good_macos()
    assert install(keep(MACOS, fake), heard) is None
    assert fake.calls[-1][0] == "/usr/bin/open"
    assert fake.calls[-1][1].endswith("Ollama-0.33.0.dmg")
    assert fake.answers == []


@pytest.mark.parametrize(
    ("system", "answers", "code"),
    [
        (WINDOWS, (authenticode("CN=Ollama Inc., O=Ollama Inc. Evil"),), "wrong_signer"),
        (WINDOWS, (authenticode("", "NotSigned"),), "bad_signature"),
        (WINDOWS, (Said(0, "garbage"),), "signature_unknown"),
        (WINDOWS, (FileNotFoundError(),), "signature_unknown"),
        (MACOS, (TimeoutError(),), "signature_unknown"),
        (MACOS, (Said(1),), "bad_signature"),
        (MACOS, (Said(0), codesign_names("EVIL000000")), "wrong_signer"),
    ],
)
def test_whatever_else_is_never_opened_and_is_deleted(
    keep: Keep, heard: Heard, tmp_path: Path,
    system: tuple[str, str], answers: tuple[Said | OSError, ...], code: str,
) -> None:  # fmt: skip
    fake = FakeTools(*answers)
    problem = install(keep(system, fake), heard)
    assert problem is not None
    assert problem.code == code
    assert heard.stages[-1] == "failed"
    assert str(problem) == heard.setups[-1].error
    assert fake.started == []
    assert len(fake.calls) == len(answers)
    assert files(tmp_path) == []


def test_a_download_can_be_cancelled_and_asks_nobody(keep: Keep, heard: Heard, page: ReleaseServer) -> None:
    page.faults.gate = threading.Semaphore(0)
    fake = FakeTools()
    keeper = keep(WINDOWS, fake)
    keeper.install()
    keeper.cancel_install()
    assert heard.ended.acquire(timeout=20)
    problem = heard.ends[-1]
    assert problem is not None
    assert problem.code == "cancelled"
    assert heard.stages[-1] == "cancelled"
    assert fake.calls == []


def test_with_nothing_to_start_the_installer_is_named(keep: Keep, heard: Heard) -> None:
    keep(MACOS, FakeTools()).start()
    assert heard.downs[0].code == "nothing_installed"
    assert "open Ollama's installer" in heard.downs[0].next_step


def test_linux_is_offered_no_installer(keep: Keep) -> None:
    ways = keep(("linux", "x86_64"), FakeTools()).ways()
    assert not ways.by_installer
    assert "names no Ollama" in ways.why_not
