"""Fault 20: a server older than the fix of a known hole is named, once, and no other."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wattlight.domain.state import AppState, HostState, ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.paths import asset_text
from wattlight.runtime.managed import read_advisories
from wattlight.services.hub import StateHub
from wattlight.services.serving import SecurityAdvisories

NOW = datetime(2026, 11, 24, tzinfo=UTC)
READY = ServerState("http://127.0.0.1:11434", ServerStatus.READY, "0.16.1")


@pytest.fixture
def hub() -> StateHub:
    return StateHub(AppState(hosts=(HostState(LOCAL_HOST, "here", ServerState("x")),)))


@pytest.fixture
def holes(hub: StateHub) -> SecurityAdvisories:
    return SecurityAdvisories(read_advisories(asset_text("servers/advisories.json")), hub, lambda: NOW)


def test_fault_20_an_old_server_is_named_with_the_version_that_closes_it(
    hub: StateHub, holes: SecurityAdvisories
) -> None:
    holes.look(LOCAL_HOST, READY)
    (notice,) = hub.state.notices
    assert notice.level == "warning"
    assert "Ollama 0.16.1 has a known vulnerability" in notice.text
    assert "CVE-2026-7482" in notice.text
    assert "Version 0.17.1 fixes" in notice.text


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


@pytest.mark.parametrize("version", ["0.17.1", "0.35.0", "0.0.0", None, "newest"])
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
