"""Sums over requests, and energy per token."""

from datetime import UTC, datetime

from wattlight.domain.tokens import (
    NO_COUNTERS,
    Counters,
    TokenUse,
    joules_per_token,
    sum_by_client,
    sum_by_model,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def use(model: str, client: str, counters: Counters = NO_COUNTERS) -> TokenUse:
    return TokenUse(model, client, "/api/chat", NOW, NOW, 500, 5, 200, True, counters)


def test_sums_never_pass_for_more_than_was_counted() -> None:
    uses = [
        use("a", "curl", Counters(prompt_tokens=3, output_tokens=10, output_ns=10**9)),
        use("a", "curl", Counters(prompt_tokens=4, output_tokens=30)),
        use("a", "python"),
        use("b", "python", Counters(output_tokens=100, output_ns=2 * 10**9)),
    ]
    by_model = sum_by_model(uses)
    assert [s.key for s in by_model] == ["b", "a"]
    a = by_model[1]
    assert (a.requests, a.counted, a.prompt_tokens, a.output_tokens, a.busy_ms) == (3, 2, 7, 40, 1500)
    assert a.output_tokens_per_s == 10.0
    curl, python = (next(s for s in sum_by_client(uses) if s.key == key) for key in ("curl", "python"))
    assert (curl.output_tokens, curl.counted) == (40, 2)
    assert (python.requests, python.counted, python.prompt_tokens, python.output_tokens) == (2, 1, None, 100)


def test_nothing_counted_is_not_zero() -> None:
    (only,) = sum_by_model([use("a", "x")])
    assert (only.output_tokens, only.prompt_tokens, only.output_tokens_per_s) == (None, None, None)


def test_joules_per_token() -> None:
    assert joules_per_token(300_000, 130) == 300 / 130
    assert joules_per_token(None, 130) is None
    assert joules_per_token(300_000, None) is None
    assert joules_per_token(300_000, 0) is None
