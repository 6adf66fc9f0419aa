"""Several hosts in one program: each watched, loaded and metered apart; keys stay in the keyring."""

import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fakes import faulty_answers
from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import LLAMA_UNKNOWN, RecordedServer
from wattlight.domain.servers import ServerKind, ServerState, ServerStatus
from wattlight.domain.state import AppState, HostState, TaskState
from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.runtime import connect
from wattlight.services.current import Servers
from wattlight.services.hosts import loaded_here
from wattlight.services.models import ModelTasks, ServerWatch, TaskEnd
from wattlight.settings import ServerAddress

TOWER = HostId("tower")
KEY = "Zq7xhostkey53Yw"


@pytest.fixture
def here() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("tiny")
        yield fake


@pytest.fixture
def tower() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("tiny")
        fake.install("large")
        yield fake


def both(here: FakeOllama, tower: FakeOllama, key: bool = False) -> tuple[ServerAddress, ...]:
    return (ServerAddress(url=here.url), ServerAddress(TOWER, "Tower", tower.url, key=key))


def test_a_key_is_asked_for_once_where_its_server_is_and_sent_there_alone(
    here: FakeOllama, tower: FakeOllama
) -> None:
    asked: list[str] = []

    def secret(name: str) -> str | None:
        asked.append(name)
        return None if len(asked) == 1 else KEY

    servers = Servers(both(here, tower, key=True), {}, secret)
    assert asked == [], "the keyring may wait for the person"
    assert servers.state(LOCAL_HOST).status is ServerStatus.READY
    for _ in range(3):
        refused = servers.state(TOWER)
        assert refused.status is ServerStatus.ERROR
        assert "keyring did not give the key of Tower" in str(refused.message)
    assert asked == ["host tower"], "one that is locked is not asked at every beat"
    assert tower.requests == []
    servers.ask_keys_again()
    assert servers.state(TOWER).status is ServerStatus.READY
    assert {r.headers.get("Authorization") for r in tower.requests} == {f"Bearer {KEY}"}
    assert not any("Authorization" in r.headers for r in here.requests)
    servers.set_addresses(both(here, tower, key=True)[::-1])
    servers.state(TOWER)
    assert len(asked) == 2, "what did not change stays known"


def test_an_address_that_cannot_be_used_is_left_out_and_told(here: FakeOllama) -> None:
    bad = ServerAddress(HostId("far"), "Far", "http://models.example.org")
    twice = ServerAddress(LOCAL_HOST, "Again", "http://127.0.0.1:9")
    servers = Servers((ServerAddress(url=here.url), bad, twice), {})
    assert [a.host for a in servers.addresses] == list(servers) == [LOCAL_HOST]
    assert servers[LOCAL_HOST].url == here.url
    assert "not encrypted" in str(servers.problems[0][1])


@pytest.mark.parametrize("fault", [faulty_answers.hang, faulty_answers.close_at_once])
def test_fault_63_a_dead_host_is_noticed_in_time_and_slows_no_other(
    here: FakeOllama, tower: FakeOllama, fault: faulty_answers.Fault
) -> None:
    servers = Servers(both(here, tower), {})
    seen: dict[HostId, list[tuple[float, ServerState]]] = {LOCAL_HOST: [], TOWER: []}
    watches = {
        host: ServerWatch(servers, host, lambda h, s: seen[h].append((time.monotonic(), s)))
        for host in servers
    }
    watches[TOWER].share(2)
    for watch in watches.values():
        watch.set_shown(True)
        watch.start()
    try:
        wait_for(lambda: bool(seen[TOWER]) and seen[TOWER][-1][1].status is ServerStatus.READY)
        died = time.monotonic()
        tower.faults["*"] = fault
        wait_for(lambda: seen[TOWER][-1][1].status is not ServerStatus.READY, 8)
        noticed = next(
            at for at, state in seen[TOWER] if at > died and state.status is not ServerStatus.READY
        )
        assert noticed - died <= 5
        wait_for(lambda: len(seen[LOCAL_HOST]) > 3)
        beats = [at for at, _ in seen[LOCAL_HOST]]
        assert max(b - a for a, b in itertools.pairwise(beats)) < 2.5
        assert all(state.status is ServerStatus.READY for _, state in seen[LOCAL_HOST])
    finally:
        tower.faults.clear()
        assert all(watch.stop() for watch in watches.values())


def test_what_is_done_on_one_host_waits_for_no_other(here: FakeOllama, tower: FakeOllama) -> None:
    servers = Servers(both(here, tower), {})
    ended: list[TaskEnd] = []
    known: list[tuple[TaskState, ...]] = []
    tasks = ModelTasks(servers, lambda _: lambda *_: None, known.append, ended.append)
    tower.faults["*"] = faulty_answers.hang
    try:
        tasks.load("tiny", host=TOWER)
        tasks.load("tiny")
        assert {t.host for t in known[-1]} == {LOCAL_HOST, TOWER}, "the same on two hosts is two things"
        wait_for(lambda: any(end.host == LOCAL_HOST for end in ended))
        assert [(end.host, end.problem) for end in ended] == [(LOCAL_HOST, None)]
        tasks.cancel_task("tiny", TOWER)
        wait_for(lambda: len(ended) == 2)
        assert ended[1].cancelled
    finally:
        tower.faults.clear()
        assert tasks.close(3)


def test_what_is_learned_of_loads_is_of_this_computer(here: FakeOllama, tower: FakeOllama) -> None:
    told: list[str] = []
    done = threading.Semaphore(0)
    tasks = ModelTasks(
        Servers(both(here, tower), {}),
        lambda _: lambda *_: None,
        lambda *_: None,
        lambda _: done.release(),
        announce=lambda model, _context: told.append(model),
    )
    for act in (tasks.load, tasks.switch):
        act("large", host=TOWER)
        assert done.acquire(timeout=10)
    assert told == []
    tasks.load("tiny")
    assert done.acquire(timeout=10)
    assert told == ["tiny"]
    assert tasks.close(3)


def test_fault_22_two_servers_of_one_computer_are_both_listed_and_its_energy_is_counted_once(
    here: FakeOllama, tower: FakeOllama
) -> None:
    tower.install("other")
    for fake, model in ((here, "tiny"), (tower, "tiny"), (tower, "other")):
        connect(ServerAddress(url=fake.url), {}).load(model)
    servers = Servers(both(here, tower), {})
    hosts = tuple(HostState(a.host, a.name, servers.state(a.host)) for a in servers.addresses)
    assert {host.server.url for host in hosts} == {here.url, tower.url}
    state = AppState(hosts)
    loaded = loaded_here(state, servers)
    assert loaded is not None
    assert sorted(m.name for m in loaded) == ["other:latest", "tiny:latest"], "a model of both is one"
    assert servers.here == (LOCAL_HOST, TOWER)
    # a port that leads elsewhere has a meter of its own: its models are none of this computer's
    tunnelled = replace(both(here, tower)[1], meter="127.0.0.1:9189")
    servers.set_addresses((both(here, tower)[0], tunnelled))
    assert [m.name for m in loaded_here(state, servers) or ()] == ["tiny:latest"]


def test_processes_of_every_server_here_are_known_by_their_ports(here: FakeOllama) -> None:
    with RecordedServer({"GET /v1/models": "llamacpp/xllamacpp_v1_models"}, LLAMA_UNKNOWN) as llama:
        addresses = (ServerAddress(url=here.url), ServerAddress(TOWER, "Tower", llama.url))
        servers = Servers(addresses, {})
        servers.state(TOWER)
        assert servers.ports_here == (int(llama.url.rpartition(":")[2]),)


@pytest.mark.parametrize(
    "fault",
    [
        faulty_answers.huge_body(100 << 20),
        faulty_answers.endless_line,
        faulty_answers.gzip_bomb,
        faulty_answers.deep_json,
        faulty_answers.html,
        faulty_answers.redirect("http://models.example.org/"),
    ],
)
def test_a_hostile_host_is_one_sentence_and_leaves_the_others_be(
    here: FakeOllama, tower: FakeOllama, fault: faulty_answers.Fault
) -> None:
    servers = Servers(both(here, tower), {}, lambda _: KEY)
    before = servers.state(TOWER)
    tower.faults["*"] = fault
    tracemalloc.start()
    state = servers.state(TOWER, before)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert state.status is not ServerStatus.READY
    assert state.message and "\n" not in state.message and len(state.message) < 500
    assert most < 64 << 20, "what comes is read up to a limit"
    assert servers.state(LOCAL_HOST).status is ServerStatus.READY


def test_a_host_that_becomes_another_kind_is_known_as_that(here: FakeOllama) -> None:
    with RecordedServer({"GET /v1/models": "llamacpp/xllamacpp_v1_models"}, LLAMA_UNKNOWN) as llama:
        servers = Servers((ServerAddress(url=here.url), ServerAddress(TOWER, "Tower", llama.url)), {})
        first = servers.state(TOWER)
        assert first.kind is ServerKind.LLAMA_CPP
        with FakeOllama() as other:
            other.install("tiny")
            moved = ServerAddress(TOWER, "Tower", other.url)
            servers.set_addresses((ServerAddress(url=here.url), moved))
            assert servers.state(TOWER, first).kind is ServerKind.OLLAMA


def wait_for(true: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
