"""Faults 20 and 21: a server with a known hole is named, once, and one that others can reach."""

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes.scripted_server import Line, ScriptedServer
from wattlight.domain.servers import ServerKind
from wattlight.domain.state import AppState, HostState, ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.paths import asset_text
from wattlight.runtime import Endpoint, heard_outside
from wattlight.runtime.managed import read_advisories
from wattlight.services.hub import StateHub
from wattlight.services.serving import SecurityAdvisories, exposure

NOW = datetime(2026, 11, 24, tzinfo=UTC)
READY = ServerState("http://127.0.0.1:11434", ServerStatus.READY, "0.16.1")


@pytest.fixture
def hub() -> StateHub:
    return StateHub(AppState(hosts=(HostState(LOCAL_HOST, "here", ServerState("x")),)))


@pytest.fixture
def holes(hub: StateHub) -> SecurityAdvisories:
    return SecurityAdvisories(
        read_advisories(asset_text("servers/advisories.json")),
        hub,
        lambda: NOW,
        lambda _endpoint, _kind: None,
    )


def test_fault_20_an_old_server_is_named_with_the_version_that_closes_it(
    hub: StateHub, holes: SecurityAdvisories
) -> None:
    holes.look(LOCAL_HOST, READY)
    (notice,) = hub.state.notices
    assert notice.level == "warning"
    assert "Ollama 0.16.1 has a known vulnerability" in notice.text
    assert "CVE-2026-86289" in notice.text
    assert "Version 0.34.3 fixes" in notice.text


def test_it_is_said_once_and_again_for_another_version(hub: StateHub, holes: SecurityAdvisories) -> None:
    holes.look(LOCAL_HOST, READY)
    hub.dismiss(f"holes {LOCAL_HOST}", NOW)
    holes.look(LOCAL_HOST, READY)
    assert hub.state.notices == ()
    holes.look(LOCAL_HOST, replace(READY, version="0.1.20"))
    assert "0.1.20" in hub.state.notices[0].text


def test_an_update_takes_the_notice_back(hub: StateHub, holes: SecurityAdvisories) -> None:
    holes.look(LOCAL_HOST, READY)
    holes.look(LOCAL_HOST, replace(READY, status=ServerStatus.ABSENT, version=None))
    assert hub.state.notices
    holes.look(LOCAL_HOST, replace(READY, version="0.35.0"))
    assert hub.state.notices == ()


@pytest.mark.parametrize("version", ["0.34.3", "0.35.0", "0.0.0", None, "newest"])
def test_no_server_is_named_that_has_none_or_cannot_be_told(
    hub: StateHub, holes: SecurityAdvisories, version: str | None
) -> None:
    holes.look(LOCAL_HOST, replace(READY, version=version))
    assert hub.state.notices == ()


def test_a_server_of_another_computer_is_named_by_its_address(
    hub: StateHub, holes: SecurityAdvisories
) -> None:
    holes.look(HostId("box"), replace(READY, url="http://box:11434"))
    holes.look(LOCAL_HOST, replace(READY, version="0.35.0"))
    (notice,) = hub.state.notices
    assert "at http://box:11434" in notice.text


class Reach:
    """Who can reach the server, as the test says."""

    text: str | None = "Other computers can use Ollama"
    asked = 0

    def __call__(self, _: object, _kind: object) -> str | None:
        self.asked += 1
        return self.text


def test_fault_21_a_server_that_others_reach_is_told_in_red_until_it_is_closed(hub: StateHub) -> None:
    reach, now = Reach(), [NOW]
    told = SecurityAdvisories((), hub, lambda: now[0], reach)
    told.look(LOCAL_HOST, replace(READY, status=ServerStatus.ABSENT))
    told.look(HostId("box"), replace(READY, url="http://box:11434"))
    assert (hub.state.notices, reach.asked) == ((), 0)
    told.look(LOCAL_HOST, READY)
    told.look(LOCAL_HOST, READY)
    (notice,) = hub.state.notices
    assert (notice.level, notice.text, reach.asked) == ("error", reach.text, 1)
    reach.text, now[0] = None, NOW + timedelta(hours=1)
    told.look(LOCAL_HOST, READY)
    assert hub.state.notices == ()


def test_holes_of_ollama_are_told_of_no_other_kind(hub: StateHub) -> None:
    told = SecurityAdvisories(
        read_advisories(asset_text("servers/advisories.json")), hub, lambda: NOW, Reach()
    )
    told.look(LOCAL_HOST, replace(READY, version="0.1.1", kind=ServerKind.VLLM))
    assert [notice.kind for notice in hub.state.notices] == ["exposed"]
    told.look(LOCAL_HOST, replace(READY, version="0.1.1"))
    assert len(hub.state.notices) == 2


@pytest.mark.parametrize(("listens", "expected"), [("0.0.0.0", "127.0.0.2"), ("127.0.0.1", None)])
def test_fault_21_real_sockets_tell_who_can_reach_it(listens: str, expected: str | None) -> None:
    with socket.create_server((listens, 0)) as server:
        port = server.getsockname()[1]
        assert heard_outside(Endpoint("http", "127.0.0.1", port), lambda: ("127.0.0.2",)) == expected
        assert heard_outside(Endpoint("http", "192.0.2.7", port), lambda: ("127.0.0.2",)) is None


@pytest.mark.parametrize(
    ("answer", "open_to_pages"),
    [
        (b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", False),
        (b"nonsense\r\n\r\n", False),
    ],
)
def test_fault_21_a_server_for_any_web_page_is_told(answer: bytes, open_to_pages: bool) -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(answer)

    with ScriptedServer(script) as behind:
        said = exposure(Endpoint("http", "127.0.0.1", behind.port))
    assert ("web page" in (said or "")) is open_to_pages
