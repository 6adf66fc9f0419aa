"""Switch: the order follows memory, and a failure never leaves less loaded than it must."""

import threading

import pytest

from fakes.fake_ollama import FakeOllama, FakeRunner
from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.domain.values import CpuProfile, Device, MachineProfile, Problem
from wattlight.runtime import OllamaServer, RuntimeProblem
from wattlight.services.models import load_beside, room_by_size, switch, unload, unload_all

OOM = "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory"


@pytest.fixture
def two(fake: FakeOllama) -> FakeOllama:
    fake.install("old")
    fake.install("new")
    fake.start("old", context=2048)
    return fake


def steps(fake: FakeOllama) -> list[str]:
    """What was loaded and unloaded, in order."""
    return [
        ("unload " if request.body.get("keep_alive") == 0 else "load ") + request.body["model"].split(":")[0]
        for request in fake.requests
        if request.path == "/api/generate"
    ]


@pytest.mark.parametrize("fits", [False, None])
def test_without_room_the_old_one_goes_first(
    two: FakeOllama, server: OllamaServer, fits: bool | None
) -> None:
    said: list[str] = []
    result = switch(server, "new", lambda *_: fits, say=said.append)
    assert steps(two) == ["unload old", "load new"]
    assert two.running_names == ["new:latest"]
    assert result.unloaded_first
    assert result.unloaded == ("old:latest",)
    assert result.loaded is not None
    assert said == ["unloading old:latest", "loading new"]


def test_with_room_the_new_one_comes_first(two: FakeOllama, server: OllamaServer) -> None:
    result = switch(server, "new", lambda *_: True, keep_alive="1h", context_length=1024)
    assert steps(two) == ["load new", "unload old"]
    assert two.running_names == ["new:latest"]
    assert not result.unloaded_first
    assert two.loads == [("new:latest", 1024)]


def test_a_failure_after_unloading_is_said_and_the_old_one_is_loaded_again(
    two: FakeOllama, server: OllamaServer
) -> None:
    two.load_errors["new:latest"] = OOM
    with pytest.raises(RuntimeProblem) as caught:
        switch(server, "new", lambda *_: False)
    assert caught.value.code == "out_of_memory"
    assert "old:latest was unloaded for it and is loaded again." in caught.value.message
    assert two.running_names == ["old:latest"]
    assert two.loads == [("old:latest", 2048)]


def test_a_failure_of_both_is_said(two: FakeOllama, server: OllamaServer) -> None:
    two.load_errors = {"new:latest": OOM, "old:latest": OOM}
    with pytest.raises(RuntimeProblem) as caught:
        switch(server, "new", lambda *_: False)
    assert "could not be loaded again" in caught.value.message
    assert two.running_names == []


def test_a_failure_with_room_loses_nothing(two: FakeOllama, server: OllamaServer) -> None:
    two.load_errors["new:latest"] = OOM
    with pytest.raises(RuntimeProblem):
        switch(server, "new", lambda *_: True)
    assert two.running_names == ["old:latest"]
    assert steps(two) == ["load new"]


@pytest.mark.parametrize("fits", [True, False, None])
def test_what_a_server_short_of_memory_takes_away_before_it_refuses_is_loaded_again(
    two: FakeOllama, server: OllamaServer, fits: bool | None
) -> None:
    two.install("huge", size=50 << 30)
    two.memory_bytes = 20 << 30
    with pytest.raises(
        RuntimeProblem, match=r"old:latest was unloaded for it and is loaded again\."
    ) as caught:
        switch(server, "huge", lambda *_: fits)
    assert caught.value.code == "out_of_memory"
    assert two.running_names == ["old:latest"]
    assert two.loads[-1] == ("old:latest", 2048)
    with pytest.raises(RuntimeProblem, match=r"old:latest was unloaded for it and is loaded again\."):
        load_beside(server, "huge")
    assert two.running_names == ["old:latest"]


def test_a_model_that_does_not_load_with_another_context_is_loaded_with_its_former_one(
    two: FakeOllama, server: OllamaServer
) -> None:
    original, served = two._make_room, []

    def make_room(runner: FakeRunner) -> bool:
        served.append(runner.context)
        return runner.context < 4096 and original(runner)

    two._make_room = make_room  # type: ignore[method-assign]
    for work in (
        lambda: switch(server, "old", lambda *_: None, context_length=4096),
        lambda: load_beside(server, "old", context_length=4096),
    ):
        with pytest.raises(RuntimeProblem, match="is loaded again"):
            work()
        assert two.running_names == ["old:latest"]
        assert two.loads[-1] == ("old:latest", 2048)
    assert served == [4096, 2048, 4096, 2048]


def test_an_unknown_model_unloads_nothing(two: FakeOllama, server: OllamaServer) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        switch(server, "nosuch", lambda *_: False)
    assert caught.value.code == "unknown_model"
    assert two.running_names == ["old:latest"]


def test_switching_to_what_runs_keeps_it(two: FakeOllama, server: OllamaServer) -> None:
    switch(server, "old", lambda *_: False, context_length=2048)
    assert two.running_names == ["old:latest"]
    assert two.loads == []


def test_a_removed_model_that_is_still_loaded_does_not_stop_a_switch(
    two: FakeOllama, server: OllamaServer
) -> None:
    server.remove("old")
    result = switch(server, "new", lambda *_: True)
    assert "new:latest" in two.running_names
    assert result.kept[0][0] == "old:latest"
    assert "cannot unload it by name" in result.kept[0][1]


def test_a_cancel_while_loading(two: FakeOllama, server: OllamaServer) -> None:
    two.load_gate = threading.Event()
    cancel = threading.Event()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    with pytest.raises(RuntimeProblem) as caught:
        switch(server, "new", lambda *_: False, cancel=cancel)
    timer.join()
    assert caught.value.code == "cancelled"
    assert two.loads == []


def test_unload_all(two: FakeOllama, server: OllamaServer) -> None:
    two.start("new")
    assert set(unload_all(server).unloaded) == {"old:latest", "new:latest"}
    assert two.running_names == []
    assert unload_all(server).unloaded == ()


def test_unload_all_that_frees_nothing_is_an_error(two: FakeOllama, server: OllamaServer) -> None:
    server.remove("old")
    with pytest.raises(Problem):
        unload_all(server)


GIB = 1 << 30


def machine(vram: int | None, ram: int) -> MachineProfile:
    devices = () if vram is None else (Device("gpu", "GPU", "cuda", vram, None),)
    return MachineProfile("m", "linux", ram, ram, CpuProfile(), devices=devices)


@pytest.mark.parametrize(
    ("profile", "loaded_gib", "new_gib", "expected"),
    [
        (machine(24 * GIB, 64 * GIB), 8, 5, True),
        (machine(24 * GIB, 64 * GIB), 12, 9, False),
        (machine(None, 32 * GIB), 4, 5, True),
        (machine(None, 8 * GIB), 4, 5, False),
        (None, 1, 1, None),
        (machine(24 * GIB, 64 * GIB), 8, 0, None),
    ],
)
def test_room_by_size(
    profile: MachineProfile | None, loaded_gib: int, new_gib: int, expected: bool | None
) -> None:
    running = (RunningModel("old", "d", loaded_gib * GIB, loaded_gib * GIB),)
    assert room_by_size(profile, InstalledModel("new", "d", new_gib * GIB), running) is expected
    assert room_by_size(profile, None, running) is None


def test_a_name_of_the_same_weights_is_loaded_in_the_end(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("base", weights="w")
    fake.install("terse", weights="w")
    for fits in (True, False, None):
        fake.start("base")
        result = switch(server, "terse", lambda *_, fits=fits: fits)
        assert fake.running_names == ["terse:latest"]
        assert result.loaded is not None and result.loaded.name == "terse:latest"
        server.unload("terse")


def test_a_load_names_the_other_that_has_its_weights(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("base", weights="w")
    fake.install("terse", weights="w")
    fake.install("other")
    fake.start("other")
    fake.start("base")
    loaded = server.load("terse")
    assert loaded is not None and loaded.name == "base:latest"
    copied = fake.install("copy", digest=fake.install("third").digest, weights="third:latest")
    fake.start("third")
    loaded = server.load("copy")
    assert copied.digest and loaded is not None and loaded.name == "third:latest"


def test_what_goes_with_an_unloaded_one_is_told(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("base", weights="w")
    fake.install("terse", weights="w")
    fake.install("other")
    fake.start("other")
    fake.start("base")
    assert unload(server, "terse").unloaded == ("terse", "base:latest")
    assert fake.running_names == ["other:latest"]


@pytest.mark.parametrize("name", ["far:cloud", "gpt-oss:20b-cloud", "mine", "odd"])
def test_nothing_is_sent_or_unloaded_for_a_model_of_the_cloud(
    two: FakeOllama, server: OllamaServer, name: str
) -> None:
    two.install("mine", remote_host="https://far.example:443")
    two.install("odd", remote_host="http://[::1")
    for act in (
        lambda: server.load(name),
        lambda: switch(server, name, lambda *_: True),
        lambda: unload(server, name),
    ):
        with pytest.raises(RuntimeProblem, match=r"runs on .*there is nothing to load") as caught:
            act()
        assert caught.value.code == "cloud_model"
    assert steps(two) == []
    assert two.running_names == ["old:latest"]
