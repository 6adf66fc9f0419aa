"""Which names of models are refused, and which registry a name means."""

from datetime import UTC, datetime

import pytest

from wattlight.domain.servers import HostContact, full_name
from wattlight.domain.state import same_model
from wattlight.runtime import RuntimeProblem, read_name


@pytest.mark.parametrize(
    ("name", "registry", "namespace", "model", "tag"),
    [
        ("llama3.2", None, None, "llama3.2", "latest"),
        ("llama3.2:3b-instruct-q4_K_M", None, None, "llama3.2", "3b-instruct-q4_K_M"),
        ("me/model:x", None, "me", "model", "x"),
        ("hf.co/me/model-GGUF:Q4_K_M", "hf.co", "me", "model-GGUF", "Q4_K_M"),
        ("hf.co/model", "hf.co", None, "model", "latest"),
        ("127.0.0.1:5055/library/tiny", "127.0.0.1:5055", "library", "tiny", "latest"),
        ("http://host/library/tiny:1", "host", "library", "tiny", "1"),
        ("localhost/x", "localhost", None, "x", "latest"),
    ],
)
def test_parts(name: str, registry: str | None, namespace: str | None, model: str, tag: str) -> None:
    found = read_name(name)
    assert (found.registry, found.namespace, found.model, found.tag) == (registry, namespace, model, tag)
    assert found.text == name


IMPOSSIBLE = ["", " ", "-rf", "--help", "../../etc/passwd", "a/../b", "a..b/c", "a%2e%2e/b", "a\0b", "a\nb"]
IMPOSSIBLE += [
    "a b",
    "<b>:8b",
    "<img src=x>",
    "a&b",
    "a\u202eb",
    "a:b:c",
    "a:",
    ":b",
    "a/b/c/d",
    "a\\b",
    "/abs",
]
IMPOSSIBLE += ["x" * 500, "a@sha256:00", "évil", "a:-x", "http:///x"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_names_are_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        read_name(name)
    assert caught.value.code == "invalid_name"
    assert caught.value.next_step
    assert not any(ch in str(caught.value) for ch in "\0\n\u202e")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost:1/a/b", True), ("127.0.0.1:5/a/b", True), ("127.0.0.1.evil.com/a/b", False), ("a", False)],
)
def test_only_a_registry_on_this_computer_is_loopback(name: str, expected: bool) -> None:
    assert read_name(name).registry_is_loopback is expected


def test_spellings_of_one_model() -> None:
    assert same_model("tiny", "tiny:latest")
    assert same_model("Tiny:Latest", "tiny")
    assert same_model("127.0.0.1:5/a/b", "127.0.0.1:5/a/b:latest")
    assert not same_model("tiny:1", "tiny")


def test_a_name_that_is_asked_for_again_is_not_read_again() -> None:
    assert full_name("Qwen3:8B") == "qwen3:8b"
    assert full_name("Qwen3:8B") is full_name("Qwen3:8B")
    assert isinstance(HostContact("host", "model", datetime(2026, 11, 24, tzinfo=UTC)), HostContact)
