"""Energy and money of a million tokens."""

from dataclasses import dataclass

MILLION = 1_000_000
LEAST_TOKENS = 1000
"""A price of a million is not told from less."""


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Per million output tokens; prompt tokens stand apart. None with a sentence why."""

    energy_mj: int | None
    cost_micro: int | None
    output_tokens: int
    prompt_tokens: int
    reason: str | None = None


def token_cost(
    energy_mj: int, cost_micro: int | None, output_tokens: int | None, prompt_tokens: int | None = None
) -> TokenCost:
    """Energy (and money) of a model over the tokens it answered in the same span.

    ``energy_mj`` is its active and parked energy. ``output_tokens`` None: no client's tokens were seen.
    """
    prompts = prompt_tokens or 0
    if output_tokens is None:
        return TokenCost(None, None, 0, prompts, "Tokens are counted only with the pass-through on.")
    if output_tokens < LEAST_TOKENS:
        return TokenCost(None, None, output_tokens, prompts, "Too few tokens were counted so far.")
    return TokenCost(
        energy_mj=round(energy_mj * MILLION / output_tokens),
        cost_micro=None if cost_micro is None else round(cost_micro * MILLION / output_tokens),
        output_tokens=output_tokens,
        prompt_tokens=prompts,
    )
