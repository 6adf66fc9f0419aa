"""The state changes in one place, from any thread."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wattlight.domain.state import AppState, HostState, ServerState
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.services.hub import MAX_NOTICES, StateHub

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def hub() -> StateHub:
    return StateHub(AppState(hosts=(HostState(LOCAL_HOST, "This computer", ServerState("http://x")),)))


def test_listeners_hear_changes_and_only_changes(hub: StateHub) -> None:
    heard: list[AppState] = []
    leave = hub.subscribe(heard.append)
    hub.update(lambda state: replace(state, paused=True))
    hub.update(lambda state: replace(state, paused=True))
    leave()
    hub.update(lambda state: replace(state, paused=False))
    assert [state.paused for state in heard] == [True]


def test_a_failing_listener_does_not_reach_the_changer(hub: StateHub) -> None:
    heard: list[AppState] = []

    def fail(state: AppState) -> None:
        raise ValueError

    hub.subscribe(fail)
    hub.subscribe(heard.append)
    hub.update(lambda state: replace(state, paused=True))
    assert len(heard) == 1


def test_one_host_changes_alone(hub: StateHub) -> None:
    hub.update_host(LOCAL_HOST, lambda host: replace(host, name="Tower"))
    hub.update_host(HostId("elsewhere"), lambda host: replace(host, name="No"))
    assert [host.name for host in hub.state.hosts] == ["Tower"]


def test_notices_of_one_kind_replace_each_other_and_stay_dismissed(hub: StateHub) -> None:
    hub.notify("disk", "Full.", NOW)
    hub.notify("disk", "Nearly full.", NOW)
    assert [notice.text for notice in hub.state.notices] == ["Nearly full."]
    hub.dismiss("disk", NOW)
    hub.notify("disk", "Nearly full.", NOW + timedelta(minutes=5))
    assert hub.state.notices == ()
    hub.notify("disk", "Nearly full.", NOW + timedelta(minutes=11))
    assert len(hub.state.notices) == 1


def test_fault_50_a_thousand_alerts_leave_a_few(hub: StateHub) -> None:
    heard: list[AppState] = []
    hub.subscribe(heard.append)
    for index in range(1000):
        hub.notify("disk", "Full.", NOW + timedelta(milliseconds=index))
    assert len(heard) == 1
    for index in range(50):
        hub.notify(f"kind{index}", "x", NOW)
    assert len(hub.state.notices) == MAX_NOTICES


def test_no_change_is_lost_between_threads(hub: StateHub) -> None:
    def add() -> None:
        for _ in range(200):
            hub.update_host(LOCAL_HOST, lambda host: replace(host, name=host.name + "x"))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.state.hosts[0].name.count("x") == 800
