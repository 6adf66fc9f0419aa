"""Energy per token."""

from wattlight.domain.tokens import joules_per_token


def test_joules_per_token() -> None:
    assert joules_per_token(300.0, 130) == 300 / 130
    assert joules_per_token(None, 130) is None
    assert joules_per_token(300.0, None) is None
    assert joules_per_token(300.0, 0) is None
    assert joules_per_token(-1.0, 130) is None
