"""Sums over requests: per model, per client, and energy per token."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .use import TokenUse


@dataclass(frozen=True, slots=True)
class TokenSum:
    """Requests that have something in common.

    ``counted`` of the ``requests`` came with output counters; tokens are sums over those alone and None
    when there were none, so that a sum never passes for more than was counted.
    """

    key: str
    requests: int
    counted: int
    prompt_tokens: int | None
    output_tokens: int | None
    busy_ms: int
    output_tokens_per_s: float | None


def sum_by_model(uses: Iterable[TokenUse]) -> tuple[TokenSum, ...]:
    """One sum per model, most output first."""
    return _sums(uses, lambda use: use.model)


def sum_by_client(uses: Iterable[TokenUse]) -> tuple[TokenSum, ...]:
    """One sum per program, most output first."""
    return _sums(uses, lambda use: use.client)


def joules_per_token(energy_mj: int | None, output_tokens: int | None) -> float | None:
    """Energy of a window over the tokens answered in it; None when either is unknown or no token came."""
    if energy_mj is None or not output_tokens:
        return None
    return energy_mj / 1000 / output_tokens


def _sums(uses: Iterable[TokenUse], key_of: Callable[[TokenUse], str]) -> tuple[TokenSum, ...]:
    groups: dict[str, list[TokenUse]] = {}
    for use in uses:
        groups.setdefault(key_of(use), []).append(use)
    sums = [_sum(key, group) for key, group in groups.items()]
    return tuple(sorted(sums, key=lambda s: (-(s.output_tokens or 0), s.key)))


def _sum(key: str, group: list[TokenUse]) -> TokenSum:
    outputs = [u.counters.output_tokens for u in group if u.counters.output_tokens is not None]
    prompts = [u.counters.prompt_tokens for u in group if u.counters.prompt_tokens is not None]
    timed = [
        (u.counters.output_tokens, u.counters.output_ns)
        for u in group
        if u.counters.output_tokens and u.counters.output_ns
    ]
    nanoseconds = sum(ns for _, ns in timed)
    return TokenSum(
        key=key,
        requests=len(group),
        counted=len(outputs),
        prompt_tokens=sum(prompts) if prompts else None,
        output_tokens=sum(outputs) if outputs else None,
        busy_ms=sum(u.duration_ms for u in group),
        output_tokens_per_s=sum(n for n, _ in timed) * 1e9 / nanoseconds if nanoseconds else None,
    )
