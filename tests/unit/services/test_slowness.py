"""What is said of slow models: once, in one line, with the fix."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from wattlight.domain.power import MachineSample
from wattlight.domain.servers import ServerKind
from wattlight.domain.slowness import Cause, RunsOn, Slowness
from wattlight.domain.state import (
    AppState,
    HostState,
    RunningModel,
    SeenSpeed,
    ServerState,
    ServerStatus,
)
from wattlight.domain.values import LOCAL_HOST, Device, DeviceMemory, DeviceSample
from wattlight.i18n import activate
from wattlight.services.answers import FULL_GPU, FitNote
from wattlight.services.hub import StateHub
from wattlight.services.slowness import SlowNotices, cause_text, fix_text, slow_models

GIB = 1 << 30
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MODEL = RunningModel("m:8b", "d", 6 * GIB, 0, 8192)
NOTE = FitNote(
    "m:8b",
    FULL_GPU,
    weights_bytes=5 * GIB,
    work_bytes=GIB,
    context_length=8192,
    tokens_low=40,
    tokens_high=60,
)
EMPTY = DeviceMemory(dedicated_total_bytes=12 * GIB, dedicated_used_bytes=GIB // 2, server_holds_bytes=0)


def host(*running: RunningModel) -> HostState:
    card = DeviceSample(Device("gpu", "Card", "cuda", vendor="amd", kind="gpu"), memory=EMPTY)
    server = ServerState("http://127.0.0.1:11434", ServerStatus.READY, "0.40.2", running=running)
    return HostState(LOCAL_HOST, "here", server, sample=MachineSample(LOCAL_HOST, NOW, 1.0, (card,)))


def test_a_fit_for_another_context_says_nothing() -> None:
    assert [item.cause for item in slow_models(host(MODEL), [NOTE], (), NOW)] == [Cause.PROCESSOR]
    longer = replace(MODEL, context_length=65536)
    found = slow_models(host(longer), [NOTE], (), NOW)
    assert [item.sure for item in found] == [False]


def test_an_old_speed_is_no_signal() -> None:
    on_gpu = replace(MODEL, size_vram_bytes=6 * GIB)
    slow = SeenSpeed("M:8B", 3.0, NOW - timedelta(minutes=3))
    assert slow_models(host(on_gpu), [NOTE], [slow], NOW)
    assert not slow_models(host(on_gpu), [NOTE], [replace(slow, at=NOW - timedelta(minutes=30))], NOW)


def test_nothing_is_expected_of_other_kinds_of_server() -> None:
    there = host(MODEL)
    assert slow_models(there, [NOTE], (), NOW)
    other = replace(there, server=replace(there.server, kind=ServerKind.LM_STUDIO))
    assert not slow_models(other, [NOTE], (), NOW)


def test_it_is_told_once_and_taken_back() -> None:
    now = NOW
    hub = StateHub(AppState((host(MODEL),)))
    notices = SlowNotices(hub, lambda: now)

    def look() -> list[str]:
        notices.look(hub.state, [NOTE])
        return [notice.text for notice in hub.state.notices]

    assert look() == []
    now += timedelta(seconds=10)
    assert look() == [], "a load takes its memory in steps"
    now += timedelta(seconds=15)
    assert [text.startswith("m:8b runs on the processor, and Card") for text in look()] == [True]
    assert hub.state.notices[0].urgent
    assert hub.state.local.slow[0].cause is Cause.PROCESSOR
    hub.dismiss("slow", now)
    now += timedelta(minutes=1)
    assert look() == []
    hub.update_host(LOCAL_HOST, lambda item: replace(item, server=replace(item.server, running=())))
    assert look() == []
    assert hub.state.local.slow == ()


def test_each_cause_has_its_line_and_its_fix() -> None:
    activate("en")
    for cause in Cause:
        found = Slowness("m:8b", RunsOn.PARTLY, True, cause, "Name", 3 * GIB, 4096)
        line, fix = cause_text(found), fix_text(found)
        assert "{" not in line + fix
        assert line.startswith("m:8b ")
        assert line.endswith(".")
        assert fix.endswith(".")
        assert cause_text(replace(found, sure=False)) != line
