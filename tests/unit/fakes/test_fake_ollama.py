"""The fake answers as the recorded real server did, and its faults are what they say."""

import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes import faulty_answers
from fakes.fake_ollama import FakeOllama
from fakes.recordings import recorded, recordings


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    before = threading.active_count()
    with FakeOllama() as server:
        yield server
    assert threading.active_count() == before, "a thread of the fake outlived it"


def ask(fake: FakeOllama, method: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    finally:
        connection.close()


def lines(raw: bytes) -> list[Any]:
    return [json.loads(line) for line in raw.splitlines()]


def keys(document: Any) -> Any:
    """The shape of a document: its keys, without the values."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    return [keys(document[0])] if isinstance(document, list) and document else type(document).__name__


@pytest.mark.parametrize(
    ("name", "path"), [("tags_two", "/api/tags"), ("ps_one", "/api/ps"), ("version", "/api/version")]
)
def test_lists_have_the_recorded_shape(fake: FakeOllama, name: str, path: str) -> None:
    fake.install("tiny")
    fake.start("tiny")
    status, content_type, raw = ask(fake, "GET", path)
    assert (status, content_type) == (200, recorded(name).content_type)
    assert keys(json.loads(raw)) == keys(recorded(name).answer)


@pytest.mark.parametrize(
    "name",
    [
        "load_missing",
        "delete_missing",
        "show_missing",
        "pull_invalid_name",
        "unknown_path",
        "pull_empty_body",
    ],
)
def test_refusals_are_the_recorded_ones(fake: FakeOllama, name: str) -> None:
    real = recorded(name)
    status, _, raw = ask(fake, real.method, real.path, real.body or None)
    assert status == real.status
    assert raw == real.raw or json.loads(raw) == real.answer


def test_load_and_unload_answer_as_recorded(fake: FakeOllama) -> None:
    fake.install("tiny")
    for name, more in (("load", {}), ("unload", {"keep_alive": 0})):
        status, _, raw = ask(fake, "POST", "/api/generate", {"model": "tiny", **more})
        real = recorded(name).answer
        assert status == 200
        assert keys(json.loads(raw)) == keys(real)
        assert json.loads(raw)["done_reason"] == real["done_reason"]
    assert fake.running_names == []


def test_a_bad_duration_is_refused_in_the_recorded_words(fake: FakeOllama) -> None:
    fake.install("tiny")
    status, _, raw = ask(fake, "POST", "/api/generate", {"model": "tiny", "keep_alive": "soon"})
    assert status == recorded("generate_bad_keep_alive").status
    assert json.loads(raw) == recorded("generate_bad_keep_alive").answer


def test_a_pull_ends_as_recorded(fake: FakeOllama) -> None:
    fake.offer("tiny", size=1_000_000)
    _, content_type, raw = ask(fake, "POST", "/api/pull", {"model": "tiny"})
    got, real = lines(raw), recorded("pull_again_already_present")
    assert content_type == real.content_type
    assert got[0] == real.lines[0]
    assert [line["status"] for line in got[-3:]] == [line["status"] for line in real.lines[-3:]]
    assert keys(got[1]) == keys(real.lines[1])
    assert fake.installed_names == ["tiny:latest"]


def test_an_unknown_model_fails_inside_http_200(fake: FakeOllama) -> None:
    status, _, raw = ask(fake, "POST", "/api/pull", {"model": "none"})
    assert status == 200
    assert lines(raw)[-1] == recorded("pull_manifest_unknown").lines[-1]
    assert fake.installed_names == []


def test_a_pull_left_early_keeps_its_parts_and_goes_on_from_them(fake: FakeOllama) -> None:
    model = fake.offer("tiny", size=1_000_000)
    fake.pulling.gate = threading.Semaphore(2)
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=10)
    connection.request("POST", "/api/pull", json.dumps({"model": "tiny"}))
    answer = connection.getresponse()
    for _ in range(3):
        answer.readline()
    answer.close()
    connection.close()
    for _ in range(200):
        if fake.abandoned_pulls:
            break
        threading.Event().wait(0.01)
    assert fake.abandoned_pulls == ["tiny:latest"]
    kept = fake.parts["tiny:latest"]
    assert 0 < kept < model.size
    fake.pulling.gate = None
    _, _, raw = ask(fake, "POST", "/api/pull", {"model": "tiny"})
    assert min(line["completed"] for line in lines(raw) if line.get("total") == model.layers[0][1]) > kept


def test_a_deleted_model_stays_loaded_and_cannot_be_unloaded_by_name(fake: FakeOllama) -> None:
    fake.install("tiny")
    fake.start("tiny")
    assert ask(fake, "DELETE", "/api/delete", {"model": "tiny"})[0] == 200
    assert fake.running_names == ["tiny:latest"]
    status, _, _ = ask(fake, "POST", "/api/generate", {"model": "tiny", "keep_alive": 0})
    assert status == recorded("unload_deleted").status


def test_a_context_over_the_trained_one_is_clipped_and_another_one_reloads(fake: FakeOllama) -> None:
    fake.install("tiny", trained_context=8192)
    for context in (40_000_000, 8192, 1024):
        ask(fake, "POST", "/api/generate", {"model": "tiny", "options": {"num_ctx": context}})
    assert fake.loads == [("tiny:latest", 8192), ("tiny:latest", 1024)]


def test_loaded_models_expire_and_minus_one_is_far_away() -> None:
    now = [datetime(2026, 11, 24, tzinfo=UTC)]
    with FakeOllama(now=lambda: now[0]) as fake:
        fake.install("a")
        fake.install("b")
        ask(fake, "POST", "/api/generate", {"model": "a", "keep_alive": "30m"})
        ask(fake, "POST", "/api/generate", {"model": "b", "keep_alive": -1})
        forever = json.loads(ask(fake, "GET", "/api/ps")[2])["models"][1]["expires_at"]
        assert forever[:4] == recorded("ps_keep_forever").answer["models"][0]["expires_at"][:4] == "2319"
        now[0] += timedelta(minutes=31)
        assert fake.running_names == ["b:latest"]


def test_memory_pushes_others_out_and_then_says_so(fake: FakeOllama) -> None:
    fake.memory_bytes = 3_000_000_000
    for name, size in (("a", 2_000_000_000), ("b", 2_000_000_000), ("c", 9_000_000_000)):
        fake.install(name, size=size)
    ask(fake, "POST", "/api/generate", {"model": "a"})
    ask(fake, "POST", "/api/generate", {"model": "b"})
    assert fake.running_names == ["b:latest"]
    status, _, raw = ask(fake, "POST", "/api/generate", {"model": "c"})
    assert status == 500
    assert b"out of memory" in raw


def test_old_and_new_versions(fake: FakeOllama) -> None:
    fake.install("tiny")
    fake.start("tiny")
    fake.omit_fields = frozenset({"context_length"})
    fake.extra_fields = {"tokens_per_second": {"now": 3}}
    record = json.loads(ask(fake, "GET", "/api/ps")[2])["models"][0]
    assert "context_length" not in record
    assert record["tokens_per_second"] == {"now": 3}


def test_a_load_is_given_up_when_the_client_goes_away(fake: FakeOllama) -> None:
    fake.install("tiny")
    fake.load_gate = threading.Event()
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=0.2)
    connection.request("POST", "/api/generate", json.dumps({"model": "tiny"}))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    fake.close()
    assert fake.loads == []


@pytest.mark.parametrize(
    ("fault", "first_bytes"),
    [
        (faulty_answers.html, b"HTTP/1.1 200"),
        (faulty_answers.ssh_banner, b"SSH-2.0-"),
        (faulty_answers.not_found, b"HTTP/1.1 404"),
        (faulty_answers.close_at_once, b""),
        (faulty_answers.redirect("http://example.invalid/"), b"HTTP/1.1 307"),
        (faulty_answers.gzip_bomb, b"HTTP/1.1 200"),
        (faulty_answers.error(503, "server busy"), b"HTTP/1.1 503"),
    ],
)
def test_faults_are_on_the_wire(fake: FakeOllama, fault: faulty_answers.Fault, first_bytes: bytes) -> None:
    import socket

    fake.faults["*"] = fault
    with socket.create_connection(("127.0.0.1", fake.port), timeout=10) as connection:
        connection.sendall(b"GET /api/ps HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12)[: len(first_bytes)] == first_bytes


@pytest.mark.parametrize(
    ("name", "stream"), [("generate_once", False), ("generate_stream", True), ("chat_stream", True)]
)
def test_words_come_in_the_recorded_shape(fake: FakeOllama, name: str, stream: bool) -> None:
    fake.install("tiny")
    real = recorded(name)
    status, content_type, raw = ask(fake, "POST", real.path, {**real.body, "model": "tiny"})
    got = lines(raw)
    assert (status, content_type) == (real.status, real.content_type)
    assert keys(got[-1]) == keys(real.lines[-1])
    assert len(got) == (real.body["options"]["num_predict"] + 1 if stream else 1)
    if stream:
        assert keys(got[0]) == keys(real.lines[0])
    assert got[-1]["eval_count"] == real.body["options"]["num_predict"]
    assert fake.running_names == ["tiny:latest"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_the_openai_interface_counts(fake: FakeOllama, path: str) -> None:
    fake.install("tiny")
    asked = {
        "model": "tiny",
        "prompt": "a b",
        "messages": [{"role": "user", "content": "a b"}],
        "max_tokens": 3,
    }
    whole = json.loads(ask(fake, "POST", path, asked)[2])
    assert whole["usage"] == {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}
    _, content_type, raw = ask(
        fake, "POST", path, {**asked, "stream": True, "stream_options": {"include_usage": True}}
    )
    events = raw.decode().split("\n\n")
    assert content_type == "text/event-stream"
    assert events[-2:] == ["data: [DONE]", ""]
    assert json.loads(events[-3].removeprefix("data: "))["usage"] == whole["usage"]


def test_every_recording_is_readable() -> None:
    assert len(recordings()) > 40
    assert all(100 <= item.status < 600 for item in recordings().values())
