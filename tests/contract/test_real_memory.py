"""A real Ollama whose memory is short: what a switch says, and what stays loaded.

WATTLIGHT_TEST_OLLAMA_PROGRAM names its program; no GPU is needed, but root, to limit its memory:
``pytest -m "slow and real_ollama" tests/contract/test_real_memory.py``
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import real_ollama
from wattlight.runtime import ModelServer, RuntimeProblem, connect
from wattlight.services.models import load_beside, switch
from wattlight.settings import ServerAddress

WHY_NOT = real_ollama.why_no_limit()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_ollama,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not real_ollama.PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]
LIMIT = 900 << 20
SMALL, HALF, TOO_MUCH = 8192, 65_536, 131_072
"""Contexts: of 64 MiB, 512 MiB, and 1 GiB."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ModelServer]:
    (tmp_path / "models").mkdir()
    address = real_ollama.free_address()
    with real_ollama.limited_memory(LIMIT) as group:
        process = real_ollama.begin(
            tmp_path, address, group, OLLAMA_NUM_PARALLEL="1", OLLAMA_MAX_LOADED_MODELS="3"
        )
        try:
            for seed, name in enumerate("abc"):
                real_ollama.create_tiny(f"http://{address}", name, seed)
            yield connect(ServerAddress(url=f"http://{address}"), {})
        finally:
            process.kill()
            process.wait()


def loaded(server: ModelServer) -> dict[str, int | None]:
    return {model.name.partition(":")[0]: model.context_length for model in server.running()}


@pytest.mark.parametrize("beside", [True, False, None], ids=["believed to fit", "not", "not known"])
def test_a_switch_for_which_there_is_no_room_beside_ends_with_the_new_one(
    server: ModelServer, beside: bool | None
) -> None:
    server.load("a", context_length=HALF)
    result = switch(server, "b", lambda *_: beside, context_length=HALF)
    assert result.loaded is not None
    assert result.loaded.context_length == HALF
    assert result.kept == ()
    assert loaded(server) == {"b": HALF}


@pytest.mark.parametrize("beside", [True, False, None], ids=["believed to fit", "not", "not known"])
def test_a_switch_that_the_server_refuses_leaves_what_was_loaded(
    server: ModelServer, beside: bool | None
) -> None:
    server.load("a", context_length=HALF)
    server.load("b", context_length=SMALL, keep_alive="1h")
    before = loaded(server)
    with pytest.raises(RuntimeProblem) as caught:
        switch(server, "c", lambda *_: beside, context_length=TOO_MUCH)
    problem = caught.value
    print(problem)
    assert problem.code == "out_of_memory"
    assert problem.message.startswith("c does not fit into the memory that is free now.")
    assert "were unloaded for it and are loaded again" in problem.message
    assert "\n" not in problem.message
    assert problem.next_step
    assert loaded(server) == before == {"a": HALF, "b": SMALL}
    kept = next(model for model in server.running() if model.name.startswith("b"))
    assert kept.expires_at is not None


def test_a_load_beside_that_is_refused_leaves_what_was_loaded(server: ModelServer) -> None:
    server.load("a", context_length=HALF)
    with pytest.raises(RuntimeProblem, match=r"a:latest was unloaded for it and is loaded again\."):
        load_beside(server, "c", context_length=TOO_MUCH)
    assert loaded(server) == {"a": HALF}


def test_where_there_is_room_for_both_nothing_goes_before_the_new_one_is_there(server: ModelServer) -> None:
    server.load("a", context_length=HALF)
    said: list[tuple[str, dict[str, int | None]]] = []
    switch(
        server,
        "b",
        lambda *_: True,
        context_length=SMALL,
        say=lambda text: said.append((text, loaded(server))),
    )
    assert said == [("loading b", {"a": HALF}), ("unloading a:latest", {"a": HALF, "b": SMALL})]
    assert loaded(server) == {"b": SMALL}
