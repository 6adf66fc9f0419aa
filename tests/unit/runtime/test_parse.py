"""Lists are read record by record and field by field, whatever the server sends."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.recordings import recorded
from wattlight.runtime.reading import (
    moment,
    read_installed,
    read_object,
    read_pull_line,
    read_running,
)
from wattlight.web import FaultKind, WireFault

NOW = datetime(2026, 11, 23, 15, 17, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["name", "model", "size", "size_vram", "digest", "details", "expires_at", "modified_at"]
FIELDS += ["context_length", "remote_host"]
RECORD = st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON
GOOD = {"name": "good:1b", "size": 5, "size_vram": 3, "digest": "ab"}


def test_the_recorded_lists() -> None:
    listed = read_installed(recorded("tags_two").answer)
    first = listed.models[0]
    assert (first.name, first.size_bytes) == ("127.0.0.1:5055/library/tinyb:latest", 126581430)
    assert (first.family, first.parameter_size, first.quantization) == ("llama", "3.2M", "F16")
    assert first.modified_at == datetime(2026, 11, 23, 15, 17, 29, 718875, tzinfo=UTC)
    running = read_running(recorded("ps_two").answer, NOW).models
    assert [model.expires_at is None for model in running] == [True, False]
    assert running[0].size_vram_bytes == recorded("ps_two").answer["models"][0]["size_vram"]
    assert read_running(recorded("ps_context_clipped").answer, NOW).models[0].context_length == 8192
    assert read_running(recorded("ps_empty").answer, NOW).models == ()


@given(st.lists(RECORD, max_size=5), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_a_bad_record_never_hides_a_good_one(bad: list[Any], at: int) -> None:
    document = {"models": [*bad[:at], GOOD, *bad[at:]]}
    for listed in (read_installed(document), read_running(document, NOW)):
        assert any(model.name == "good:1b" and model.size_bytes == 5 for model in listed.models)
        assert len(listed.models) <= len(bad) + 1
        for model in listed.models:
            assert isinstance(model.name, str)
            assert model.size_bytes >= 0
            assert all(ch.isprintable() or ch == "\ufffd" for ch in model.name if ch != "\u00ad")


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_document_is_read(document: Any) -> None:
    if not isinstance(document, dict):
        return
    read_installed(document)
    read_running(document, NOW)
    line = read_pull_line(document)
    assert line.total_bytes is None or line.total_bytes >= 0


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_an_object_or_a_fault(raw: bytes) -> None:
    try:
        assert isinstance(read_object(raw), dict)
    except WireFault:
        pass


def test_wrong_numbers_reject_their_field_only() -> None:
    raw = b'{"models":[{"name":"a","size":NaN},{"name":"b","size":1e400},{"name":"c","size":%s},' % (
        b"9" * 5000
    )
    raw += b'{"name":"d","size":7,"modified_at":Infinity,"digest":5},{"name":"e","size":true}]}'
    listed = read_installed(read_object(raw))
    assert [model.name for model in listed.models] == ["d"]
    assert listed.models[0].modified_at is None
    assert listed.models[0].digest == ""


def test_documents_made_to_exhaust_memory_are_refused() -> None:
    with pytest.raises(WireFault):
        read_object(b'{"models":[' + b"[]," * 500_000 + b"[]]}")
    with pytest.raises(WireFault):
        read_object(b'{"models":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_two_names_that_look_alike_stay_apart() -> None:
    listed = read_installed({"models": [{"name": "a\u0001", "size": 1}, {"name": "a\u0002", "size": 2}]})
    first, second = (model.name for model in listed.models)
    assert first != second
    assert listed.raw_names == {first: "a\u0001", second: "a\u0002"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T15:17:29.718875738Z", datetime(2026, 11, 23, 15, 17, 29, 718875, tzinfo=UTC)),
        ("2026-11-23T15:17:29+02:00", datetime(2026, 11, 23, 13, 17, 29, tzinfo=UTC)),
        ("2026-11-23T15:17:29.5-05:30", datetime(2026, 11, 23, 20, 47, 29, 500000, tzinfo=UTC)),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-23", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("soon", None),
        (5, None),
    ],
)
def test_times(text: object, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_gos_zero_time_is_long_past_and_can_be_shown_in_any_zone() -> None:
    document = {"models": [{**GOOD, "expires_at": "0001-01-01T00:00:00Z"}]}
    expiry = read_running(document, NOW).models[0].expires_at
    assert expiry is not None
    assert expiry.year == 2000


def test_an_error_line_is_text() -> None:
    line = recorded("pull_disk_full").lines[-1]
    assert read_pull_line(line).error == line["error"]
    assert read_pull_line({"error": {"a": 1}}).error == "unreadable error"
    assert read_pull_line(json.loads("{}")).error is None


def named(*names: str) -> dict[str, Any]:
    return {"models": [{"name": name, "size": 1} for name in names]}


def test_names_that_look_alike_are_told_apart_and_lead_back() -> None:
    alike = [f"{'n' * 300}{i}:1b" for i in range(3)] + ["a\x01b", "a\x02b", "plain", "plain"]
    listed = read_installed(named(*alike))
    shown = [model.name for model in listed.models]
    raw = dict(listed.raw_names)
    assert [raw[name] for name in shown] == alike
    assert len(set(shown)) == len(set(alike))
    assert all(len(name) <= 200 for name in shown)


def test_a_name_that_was_given_to_another_is_not_taken_twice() -> None:
    stem = "x" * 300
    first = read_installed(named(f"{stem}1", f"{stem}2")).models[1].name
    listed = read_installed(named(first, f"{stem}1", f"{stem}2", f"{stem}3"))
    shown = [model.name for model in listed.models]
    assert len(set(shown)) == 4
    assert dict(listed.raw_names)[shown[0]] == first


def test_thousands_of_names_alike_take_no_squares() -> None:
    def seconds(count: int) -> float:
        document = named(*(f"{'n' * 300}{i}" for i in range(count)))
        began = time.process_time()
        assert len({model.name for model in read_installed(document).models}) == count
        return time.process_time() - began

    assert seconds(8000) < 40 * max(seconds(400), 0.005)  # squares would be 400 times


@pytest.mark.parametrize("value", [b"0", b'"a"', b"0.5", b"null", b"[]"])
def test_values_are_counted_not_only_brackets(value: bytes) -> None:
    many = b'{"models": [' + value + (b"," + value) * 700_000 + b"]}"
    with pytest.raises(WireFault) as caught:
        read_object(many)
    assert caught.value.kind is FaultKind.TOO_LARGE


def test_the_answer_of_five_thousand_models_is_no_attack() -> None:
    details = {"format": "gguf", "family": "x", "families": ["x"], "parameter_size": "8B", "level": "Q4"}
    one = {"name": "n:1b", "model": "n:1b", "modified_at": "t", "size": 1, "digest": "d", "details": details}
    document = json.dumps({"models": [{**one, "name": f"n{i}:1b"} for i in range(5000)]})
    assert len(read_installed(read_object(document.encode())).models) == 5000
