"""Contrast of the colours that are drawn on each other, by the rules of WCAG 2.1."""

from wattlight.ui.tokens import Tokens, luminance

PILLS = ("good", "partly", "plain", "bad")


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.1, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def text_pairs(tokens: Tokens) -> tuple[tuple[str, str, str], ...]:
    """(what, text colour, ground) of every text that is drawn."""
    pairs = [
        (f"{name} on {ground}", getattr(tokens, name), getattr(tokens, ground))
        for name in ("text", "quiet")
        for ground in ("window", "card", "hover", "selected")
    ]
    pairs += [(f"faint on {ground}", tokens.faint, getattr(tokens, ground)) for ground in ("window", "card")]
    pairs.append(("name of a gap", tokens.quiet, tokens.plain_on))
    pairs += [(f"banner {n}", tokens.text, getattr(tokens, f"{n}_on")) for n in ("bad", "partly")]
    pairs += [(f"{n} pill", getattr(tokens, n), getattr(tokens, f"{n}_on")) for n in PILLS]
    pairs.append(("button", tokens.button_text, tokens.button))
    pairs.append(("button hover", tokens.button_text, tokens.button_hover))
    return tuple(pairs)
