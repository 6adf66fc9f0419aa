"""Counters of other servers by what they really mean: cached tokens are part of the prompt, and no work."""

import json

import pytest

from fakes.recorded_servers import recorded, whole
from wattlight.domain.tokens import NO_COUNTERS, Counters, read_counters

RECORDED = {
    "llamacpp/chat": Counters(30, 0, 16, 2_575_605_000, 1_695_432_000),
    "llamacpp/chat_stream": Counters(30, 29, 6, 488_155_000, 203_825_000),
    "llamacpp/chat_stream_no_usage": Counters(30, 29, 4, 216_084_000, 220_596_000),
    "llamacpp/completion_native": Counters(13, 2, 8, 133_154_000, 187_760_000),
    "llamacpp/v1_messages": Counters(24, 13, 8),
    "llamacpp/v1_responses": Counters(24, 23, 8),
    "vllm/chat_stream": Counters(10, None, 5),
    "vllm/chat_cached_second": Counters(205, 128, 4),
    "vllm/messages": Counters(9, None, 6),
    "litellm/chat_local_stream": Counters(30, None, 4),
}


@pytest.mark.parametrize(("name", "expected"), RECORDED.items(), ids=list(RECORDED))
def test_recorded_answers(name: str, expected: Counters) -> None:
    assert read_counters(whole(name)[2]) == expected


def test_a_stream_that_was_cut_has_none() -> None:
    assert read_counters(whole("llamacpp_router/stream_cut_by_unload")[2]) == NO_COUNTERS


def test_a_long_answer_of_llama_whose_beginning_is_cut_off() -> None:
    told = recorded()["llamacpp/completion_native"]["body"]
    document = {"content": "x" * 5000, **{name: told[name] for name in told if name != "content"}}
    raw = json.dumps(document).encode()
    assert read_counters(raw[3000:]) == RECORDED["llamacpp/completion_native"]


def test_tokens_written_to_the_cache_are_part_of_the_prompt_too() -> None:
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_creation_input_tokens": 100}
    assert read_counters(json.dumps({"usage": usage}).encode()) == Counters(105, 0, 2)


@pytest.mark.parametrize(
    "timings",
    [
        {"prompt_n": -1, "predicted_n": True, "prompt_ms": -3, "predicted_ms": "4"},
        {"prompt_n": 1e3, "predicted_n": None, "predicted_ms": 1e300},
        [],
        7,
    ],
)
def test_odd_timings_are_no_counts(timings: object) -> None:
    assert read_counters(json.dumps({"timings": timings}).encode()) == NO_COUNTERS
