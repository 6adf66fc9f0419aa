"""Counters from the last bytes of an answer, in each dialect, whole or cut at the front."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.tokens import NO_COUNTERS, Counters, client_name, model_in, read_counters

ANSWERS = Path(__file__).resolve().parents[3] / "data" / "answers"
"""Bodies as a real server sent them."""


def test_a_recorded_chat_stream() -> None:
    counters = read_counters((ANSWERS / "chat_stream.ndjson").read_bytes())
    assert counters == Counters(prompt_tokens=4, output_tokens=8, prompt_ns=612_000, output_ns=2_873_000)


def test_a_recorded_answer_in_one_piece() -> None:
    counters = read_counters((ANSWERS / "generate_once.json").read_bytes())
    assert (counters.prompt_tokens, counters.output_tokens) == (7, 16)
    assert counters.output_ns == 5_171_000


@pytest.mark.parametrize("name", ["openai_chat.json", "openai_chat_stream.sse"])
def test_recorded_usage_of_the_other_dialect(name: str) -> None:
    counters = read_counters((ANSWERS / name).read_bytes())
    assert (counters.prompt_tokens, counters.output_tokens, counters.output_ns) == (4, 8, None)


def test_cached_prompt_tokens() -> None:
    line = b'{"done":true,"prompt_eval_count":100,"prompt_eval_cached_count":90,"eval_count":5}\n'
    assert read_counters(line) == Counters(100, 90, 5)
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}
    assert read_counters(json.dumps({"usage": usage}).encode()) == Counters(9, 8, 2)


def test_events_of_the_two_other_dialects() -> None:
    message = (
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
        b'"usage":{"input_tokens":11,"output_tokens":3}}\n\nevent: message_stop\n'
        b'data: {"type":"message_stop"}\n\n'
    )
    assert read_counters(message) == Counters(prompt_tokens=11, output_tokens=3)
    response = (
        b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{'
        b'"input_tokens":4,"output_tokens":8,"input_tokens_details":{"cached_tokens":2}}}}\n\n'
    )
    assert read_counters(response) == Counters(4, 2, 8)


def test_a_long_object_whose_beginning_is_cut_off() -> None:
    document = {"model": "m", "response": "x" * 5000, "context": list(range(3000)), "eval_count": 7}
    raw = json.dumps(document).encode()
    assert read_counters(raw[len(raw) // 2 :]) == Counters(output_tokens=7)


def test_what_the_model_wrote_is_not_counted() -> None:
    text = 'here: "eval_count": 999, "usage": {"completion_tokens": 999}'
    line = json.dumps({"message": {"content": text}, "done": True, "eval_count": 3}).encode()
    assert read_counters(line).output_tokens == 3
    assert read_counters(b"tail of it " + line[20:]).output_tokens == 3
    tool = {"message": {"tool_calls": [{"function": {"arguments": {"eval_count": 999}}}]}, "done": False}
    assert read_counters(json.dumps(tool).encode()) == NO_COUNTERS


def test_a_stream_without_counters_has_none_and_not_zero() -> None:
    assert read_counters(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n') == NO_COUNTERS
    assert read_counters(b"") == NO_COUNTERS


@pytest.mark.parametrize("value", ["-1", "1e3", "true", '"5"', "null", "9" * 16, "[5]", "1.5"])
def test_odd_values_are_no_counts(value: str) -> None:
    assert read_counters(f'{{"eval_count":{value}}}'.encode()).output_tokens is None


@given(st.binary(max_size=400))
def test_no_bytes_break_it(raw: bytes) -> None:
    read_counters(raw)
    read_counters(b'{"eval_count":3,' + raw)
    model_in(raw)


def test_the_model_is_named_by_the_answer() -> None:
    assert model_in(b'{"model":"127.0.0.1:5055/library/tiny:latest","created_at"') == (
        "127.0.0.1:5055/library/tiny:latest"
    )
    assert model_in(rb'{"model":"a\u202e\"b"') == 'a\ufffd"b'
    assert model_in(b'{"model":"never ends') == ""


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("ollama-python/0.5.1 (x86_64 linux) Python/3.11", "ollama-python"),
        ("OpenAI/Python 1.50.0", "OpenAI"),
        ("python-httpx/0.27.0", "python-httpx"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
         "web browser"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) obsidian/1.7.4 Chrome/130 Electron/33",
         "obsidian"),
        ("", "unknown program"),
        (None, "unknown program"),
        ("\x1b[31m\u202e", "\ufffd[31m\ufffd"),
        ("x" * 5000, "x" * 39 + "…"),
    ],
)  # fmt: skip
def test_names_of_clients(agent: str | None, name: str) -> None:
    assert client_name(agent) == name
