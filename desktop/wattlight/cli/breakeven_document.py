"""The JSON document of a comparison."""

from dataclasses import fields

from wattlight.domain.breakeven import BreakEven

from .breakeven_inputs import Inputs
from .call import Document

NOT_IN_THE_SUM = ("privacy", "offline use")
NOTE = "Privacy and offline use are not in the sum."


def breakeven_document(inputs: Inputs, answer: BreakEven) -> Document:
    """All fields of the answer, then what it was worked out from. Prices are decimal numbers as text."""
    use, api, local = inputs.use, inputs.api, inputs.local
    document: Document = {field.name: getattr(answer, field.name) for field in fields(answer)}
    document["inputs"] = {
        "calls_per_month": use.calls_per_month,
        "tokens_in_per_call": use.tokens_in_per_call,
        "tokens_out_per_call": use.tokens_out_per_call,
        "cached_input_share": use.cached_input_share,
        "model": inputs.model,
        "tokens_per_second": local.output_tokens_per_s,
        "prompt_tokens_per_second": local.input_tokens_per_s,
        "watts": local.active_w,
        "at_once": local.at_once,
        "parked_watts": local.parked_w,
        "parked_hours": local.parked_hours_per_month,
        "price_per_kwh": format(local.price_per_kwh, "f"),
        "hardware_price": format(local.hardware_price, "f"),
        "life_months": local.life_months,
        "rate": format(inputs.rate, "f"),
        "rate_date": None if inputs.rate_date is None else inputs.rate_date.isoformat(),
        "origins": dict(inputs.origins),
    }
    document["api"] = {
        "id": api.id,
        "provider": api.provider,
        "model": api.model,
        "weights": api.weights or None,
        "currency": api.currency,
        "input_per_mtok": format(api.input_per_mtok, "f"),
        "output_per_mtok": format(api.output_per_mtok, "f"),
        "cached_input_per_mtok": None
        if api.cached_input_per_mtok is None
        else format(api.cached_input_per_mtok, "f"),
        "date": api.listed_on.isoformat(),
        "age_days": inputs.api_age_days,
        "source": api.source,
    }
    document["not_in_the_sum"] = list(NOT_IN_THE_SUM)
    document["note"] = NOTE
    return document
