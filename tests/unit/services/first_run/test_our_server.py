"""What the running program does about a server: nothing by itself, and on a click what it said before."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.program import Services
from fakes.release_server import ReleaseServer, release_list, server_archive
from fakes.systems import needs_posix
from wattlight.domain.command import Verb
from wattlight.domain.state import AppState, HostState, ServerState, ServerStatus, SetupFacts
from wattlight.domain.values import LOCAL_HOST, Device, MachineProfile
from wattlight.paths import asset_text
from wattlight.services.answers import Extras
from wattlight.services.first_run.guide import RELEASES
from wattlight.settings import FirstRun, Settings
from wattlight.viewmodels.first_run import first_run_view
from wattlight.viewmodels.scene import Scene

LINUX_PC = ("linux", "x86_64")


class Asked(Services):
    """The services, and a way to wait for facts."""

    def facts(self, true: Callable[[SetupFacts], bool]) -> SetupFacts:
        return self.wait(lambda state: true(state.setup)).setup


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address something tried to reach."""
    found: list[object] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def watched_connect(self: socket.socket, address: Any) -> None:
        found.append(address)
        connect(self, address)

    def watched_look_up(host: Any, *rest: Any, **more: Any) -> Any:
        found.append(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    monkeypatch.setattr(socket, "getaddrinfo", watched_look_up)
    return found


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux computer without Ollama."""
    monkeypatch.setattr("wattlight.services.serving.keeper.find_installed", lambda *_: None)
    monkeypatch.setattr("wattlight.services.serving.keeper.this_system", lambda: LINUX_PC)


def page_of(facts: SetupFacts) -> Any:
    state = ServerState("x", status=ServerStatus.ABSENT)
    made = AppState(hosts=(HostState(LOCAL_HOST, "here", state),))
    settings = replace(Settings(), first_run=FirstRun("server"))
    return first_run_view(Scene(made, settings, datetime.now(UTC), Extras(), setup=facts)).server


@pytest.mark.usefixtures("bare")
def test_installing_is_offered_with_its_sizes_and_nothing_is_contacted_before_the_click(
    tmp_path: Path, reached: list[object]
) -> None:
    asked = Asked(tmp_path)
    setting_up = asked.guide()
    setting_up.begin()
    setting_up.server_seen(ServerState("x", status=ServerStatus.ABSENT))
    setting_up.look()
    page = page_of(asked.facts(lambda facts: facts.ways is not None))
    assert page.title == "Ollama is not installed"
    assert (
        "1.4 GB to download. Installing needs about 4.9 GB of disk space, of which about 3.5 GB" in page.text
    )
    assert page.actions[0].text == "Install Ollama, about 1.4 GB"
    assert page.actions[0].command.verb is Verb.INSTALL_SERVER
    assert page.actions[0].enabled
    assert setting_up.close()
    assert reached == []
    assert asked.factory.jobs().contacts() == ()
    asked.factory.jobs().close()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("system", "size"), [("darwin", "about 0.2 GB"), ("win32", "about 1.6 GB")])
def test_on_macos_and_windows_the_vendors_installer_is_offered(
    tmp_path: Path, reached: list[object], monkeypatch: pytest.MonkeyPatch, system: str, size: str
) -> None:
    monkeypatch.setattr("wattlight.services.serving.keeper.this_system", lambda: (system, "arm64"))
    asked = Asked(tmp_path)
    setting_up = asked.guide()
    setting_up.look()
    page = page_of(asked.facts(lambda facts: facts.ways is not None))
    assert page.actions[0].text == "Open Ollama's installer"
    assert page.actions[0].command.verb is Verb.INSTALL_SERVER
    assert f"{size} to download" in page.text
    assert setting_up.close()
    assert reached == []


@pytest.mark.usefixtures("bare")
def test_an_amd_card_is_told_what_it_does_not_get(tmp_path: Path) -> None:
    card = Device("0000:03:00.0", "AMD Radeon", "rocm", 16 << 30, None)
    asked = Asked(tmp_path, None, MachineProfile("this", "linux", 32 << 30, 20 << 30, devices=(card,)))
    setting_up = asked.guide()
    setting_up.look()
    ways = asked.facts(lambda facts: facts.ways is not None).ways
    assert ways is not None
    assert (ways.version is not None, ways.with_amd, ways.without_amd) == (True, False, True)
    assert setting_up.close()


@pytest.fixture
def page() -> Iterator[ReleaseServer]:
    with ReleaseServer() as server:
        yield server


@needs_posix
@pytest.mark.usefixtures("bare")
def test_the_click_fetches_and_every_host_that_was_asked_is_noted(
    tmp_path: Path, page: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = page.add("server.tar.zst", server_archive("0.33.0"))
    page.kept.files["/moved"] = page.kept.files["/server.tar.zst"]
    page.faults.redirect = page.url.replace("127.0.0.1", "localhost") + "/moved"
    text = release_list("0.33.0", artefact)
    monkeypatch.setattr(
        "wattlight.services.first_run.guide.asset_text",
        lambda name: text if name == RELEASES else asset_text(name),
    )
    asked = Asked(tmp_path)
    setting_up = asked.guide()
    setting_up.look()
    asked.facts(lambda facts: facts.ways is not None)
    assert page.requests == []
    setting_up.install_server()
    asked.facts(lambda facts: facts.server_is_ours)
    assert asked.servers.local.version() == "0.33.0"
    contacts = asked.factory.jobs().contacts()
    assert {(c.host, c.reason, c.times) for c in contacts} == {
        ("127.0.0.1", "server", 1),
        ("localhost", "server", 1),
    }
    log = asked.factory.places.state / "ollama.log"
    log.write_bytes(b"line\n" * 1_100_000)
    setting_up.server_seen(ServerState("x", status=ServerStatus.READY))
    assert log.stat().st_size < 1000, "a log that has grown too large is kept small while the server runs"
    assert setting_up.close()
    asked.factory.jobs().close()


@pytest.mark.usefixtures("bare")
def test_a_file_that_is_another_one_is_refused_and_can_be_tried_again(
    tmp_path: Path, page: ReleaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = replace(page.add("server.tar.zst", server_archive("0.33.0")), sha256="0" * 64)
    text = release_list("0.33.0", artefact)
    monkeypatch.setattr("wattlight.services.first_run.guide.asset_text", lambda _name: text)
    asked = Asked(tmp_path)
    setting_up = asked.guide()
    setting_up.install_server()
    facts = asked.facts(
        lambda facts: facts.setup is not None and facts.setup.stage == "failed" and facts.ways is not None
    )
    shown = page_of(facts)
    assert shown.title == "Ollama was not installed"
    assert "not the expected file" in shown.text
    assert setting_up.close()
    assert [p for p in (asked.factory.places.data / "servers").rglob("*") if p.is_file()] == []
    asked.factory.jobs().close()
