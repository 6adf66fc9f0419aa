"""OLLAMA_HOST in all its forms."""

import pytest

from wattlight.runtime import RuntimeProblem, find_server, parse_endpoint
from wattlight.settings import ServerAddress


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("   ", "http://127.0.0.1:11434"),
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("5000", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ('"0.0.0.0"', "http://127.0.0.1:11434"),
        ("[::]:5000", "http://[::1]:5000"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[0001:002:003:0004::1]:56789", "http://[1:2:3:4::1]:56789"),
        ("localhost", "http://localhost:11434"),
        ("box.lan:1", "http://box.lan:1"),
        ("http://box.lan", "http://box.lan:80"),
        ("https://box.lan", "https://box.lan:443"),
        ("HTTPS://box.lan:8443/", "https://box.lan:8443"),
        ("https://box.lan/ollama/", "https://box.lan:443/ollama"),
        ("box.lan/a b", None),
        ("box.lan:0", None),
        ("box.lan:99999", None),
        ("box.lan:port", None),
        ("ftp://box.lan", None),
        ("http://", "http://127.0.0.1:80"),
        ("http://box.lan/?x=1", None),
        ("http://box.lan/../etc", None),
        ("-box", None),
        ("b\nox", None),
        ("[::1", None),
        ("bücher.de", None),
        ("x" * 600, None),
    ],
)
def test_fault_63_forms(text: str, url: str | None) -> None:
    environ = {"OLLAMA_HOST": text}
    if url is None:
        with pytest.raises(RuntimeProblem) as caught:
            find_server(ServerAddress(), environ)
        assert caught.value.code == "bad_address"
        assert caught.value.next_step
        assert "\n" not in caught.value.message
    else:
        assert find_server(ServerAddress(), environ).url == url


def test_settings_win_over_the_environment() -> None:
    assert find_server(ServerAddress(url="box:1"), {"OLLAMA_HOST": "other:2"}).url == "http://box:1"


@pytest.mark.parametrize("text", ["user:secret@box.lan", "http://user:secret@box.lan:1/", "user@box"])
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        parse_endpoint(text)
    assert caught.value.code == "bad_address"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("LOCALHOST", True), ("localhost.evil", False)],
)
def test_loopback(text: str, loopback: bool) -> None:
    assert parse_endpoint(text).is_loopback is loopback
