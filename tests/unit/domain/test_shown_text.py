"""What is shown of a text from outside: no password of an address, and nothing else is lost."""

import io
import logging
import time

import pytest

from wattlight.domain import Problem, clean_text, without_userinfo
from wattlight.runtime import RuntimeProblem, parse_endpoint
from wattlight.system.logs import _Redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@box.lan:1/x", "http://[removed]@box.lan:1/x"),
        ("https://secret@box", "https://[removed]@box"),
        ("https:/secret@box:9/x", "https:/[removed]@box:9/x"),  # as a path is written
        ("C:/me@work/notes.txt", "C:/me@work/notes.txt"),
        ("cannot reach 'socks5://me:se/cr:et@box'.", "cannot reach 'socks5://[removed]@box'."),
        ("me:secret@box", "[removed]@box"),
        ("the proxy (me:secret@box:3128) refused", "the proxy [removed]@box:3128) refused"),
        ("http:/me:sec ret@box", "http:/[removed]@box"),
        ("http://127.0.0.1:11434 is Ollama", "http://127.0.0.1:11434 is Ollama"),
        ("qwen3:8b@sha256:0011", "qwen3:8b@sha256:0011"),
        ("me@example.org", "me@example.org"),
        ("hf.co/me/model:q4_0", "hf.co/me/model:q4_0"),
    ],
)
def test_a_password_is_taken_out_wherever_it_stands(text: str, shown: str) -> None:
    assert without_userinfo(text) == shown
    assert clean_text(text) == shown
    problem = Problem(text, f"Write {text}.")
    assert problem.message == shown
    assert "secret" not in repr(problem) + str(problem)


def test_a_cut_does_not_leave_the_beginning_of_a_password() -> None:
    assert clean_text(f"http://me:{'secret' * 30}@box", 40) == "http://[removed]@box"


def test_a_log_has_none_of_it_in_tracebacks_either() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Redacted("%(message)s"))
    log = logging.Logger("made up")
    log.addHandler(handler)
    try:
        raise OSError("http://me:secret@box is not there")
    except OSError:
        log.exception("asked %s", "https://me:secret@box")
    assert "Traceback" in stream.getvalue() and "box is not there" in stream.getvalue()
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize("text", ["a:" * 40_000 + "@", "//" * 40_000 + "@", "/a:" * 40_000, "@" * 80_000])
def test_long_texts_are_looked_through_soon(text: str) -> None:
    began = time.process_time()
    without_userinfo(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "text", ["//me:secret@box", "http://me:a/secret@box", "http://box/path@secret", "ftp://me:secret@box"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        parse_endpoint(text)
    assert caught.value.code == "bad_address"
    assert "me:" not in str(caught.value) and "a/secret" not in str(caught.value)
