"""Big figures: a number, its unit, and one quiet line that says how sure it is and on what basis."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wattlight.domain.answers import TokenCost
from wattlight.domain.cost import Amount, CostReport
from wattlight.domain.power import PROCESSOR, REST, SUPPLY, MachineSample, MachineTotal, compose
from wattlight.domain.state import HostState
from wattlight.domain.values import DeviceSample, clean_sentence, clean_text
from wattlight.domain.wall import Wall
from wattlight.i18n import duration, interval, joined, kwh, money, number, percent, tr, watts, without_marks

from .whole import (
    estimate_basis,
    estimated_beside,
    exact_way,
    learned_hint,
    learned_note,
    learned_now,
    range_ends,
    range_watts,
)
from .words import DASH, everyday_text

_NUMBER = re.compile(r"^(\D*?)([−-]?\d[\d\s.,'’\u00a0\u202f]*)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FigureView:
    """One figure. ``before`` and ``after`` are small (a currency sign stands where its language puts it)."""

    label: str
    value: str
    before: str = ""
    after: str = ""
    note: str = ""
    hint: str = ""

    @property
    def spoken(self) -> str:
        amount = f"{self.before}{self.value} {self.after}".strip()
        if not self.note:
            return tr("{label}: {figure}.", label=self.label, figure=amount)
        return tr("{label}: {figure}. {note}", label=self.label, figure=amount, note=self.note)


def figure(label: str, text: str, note: str = "", hint: str = "") -> FigureView:
    """Split a formatted amount ("€0.20", "52 W") into its number and its sign or unit."""
    match = _NUMBER.match(without_marks(text))
    if match is None:
        return FigureView(label, text, note=note, hint=hint)
    before, value, after = (part.strip() for part in match.groups())
    return FigureView(label, value, before, after, note, hint)


def range_figure(label: str, low: str, high: str, note: str, hint: str = "") -> FigureView:
    """Two formatted ends as one figure; a sign or unit both have stands small beside it, once."""
    first, last = figure(label, low), figure(label, high)
    if (first.before, first.after) != (last.before, last.after):
        return FigureView(label, interval(low, high), note=note, hint=hint)
    value = interval(first.value, last.value)
    return FigureView(label, value, first.before, first.after, note, hint)


def total_now(sample: MachineSample | None) -> MachineTotal:
    """What all measured parts draw together; of a machine that nobody has looked at, nothing."""
    return sample.total if sample else compose(())


def counted(sample: MachineSample | None) -> tuple[DeviceSample, ...]:
    keys = total_now(sample).counted
    return tuple(d for d in sample.devices if d.id in keys) if sample else ()


def basis_now(sample: MachineSample | None) -> str:
    """Which sensors the sum rests on: "GPU + CPU sensors", "whole computer"."""
    kinds = {d.kind for d in counted(sample)}
    if "wall" in kinds:
        return next(d.name for d in counted(sample) if d.kind == "wall")
    if kinds & {"system", "battery"}:
        return tr("whole computer")
    if kinds == {"gpu", "cpu"}:
        return tr("GPU + CPU sensors")
    if kinds == {"gpu"}:
        return tr("GPU sensor only")
    if kinds == {"cpu"}:
        return tr("CPU sensor only")
    return tr("sensors of this computer") if kinds else ""


def sure_now(sample: MachineSample | None) -> str:
    """ "GPU + CPU sensors, about ±10%" for the quiet line."""
    if sample is None:
        return tr("Waiting for the first reading")
    basis, error = basis_now(sample), total_now(sample).error_fraction
    if not basis:
        return " ".join(t for t in (tr("No readable power sensor."), estimate_text(sample)) if t)
    if error is None:
        return basis
    return tr("{basis}, about ±{error}", basis=basis, error=percent(error))


def reasons_text(sample: MachineSample | None) -> str:
    """Why parts of the computer are not measured, a line each."""
    reasons = [tr(d.power.reason) for d in sample.devices if d.power.reason] if sample else []
    return "\n".join(dict.fromkeys(clean_sentence(reason, 160) for reason in reasons))


def power_figure(host: HostState, label: str, wall: Wall | None = None) -> FigureView:
    """Drawing now, and what that is at the plug where the way there is known."""
    hint = reasons_text(host.sample)
    if host.sample is None:
        return FigureView(label, DASH, note=sure_now(None), hint=hint)
    total, note = total_now(host.sample), sure_now(host.sample)
    learned = learned_now(host.sample, wall)
    if learned is not None:
        hint = "\n".join(text for text in (learned_hint(learned[1]), hint) if text)
        return figure(label, watts(learned[0].power_w), learned_note(*learned, total.measured_w), hint)
    if total.measured_w is None and host.sample.estimate_w is not None:
        low, high = (f"{number(round(edge))} W" for edge in host.sample.estimate_w)
        note = tr("estimated {basis}", basis=estimate_basis())
        exact = tr("To make it exact: {way}.", way=exact_way(host.sample))
        return range_figure(label, low, high, note, f"{exact}\n{hint}".strip())
    plug = None if wall is None else wall.figure(total)
    if plug is not None:
        at_plug = tr(
            "about {power} ± {error} at the plug", power=watts(plug.power_w), error=watts(plug.error_w)
        )
        note = f"{note} · {at_plug}"
    return figure(label, watts(total.measured_w), note, hint)


def amount_text(amount: Amount, currency: str | None) -> str:
    """Money where there is a price, else energy; as many digits as the error allows."""
    if amount.cost_micro is not None:
        return money(amount.cost_micro, currency, amount.error_fraction)
    return kwh(amount.energy_mj)


def models_amount(cost: CostReport | None) -> str:
    """What the models took; a dash while nothing was read or nothing can be told to be theirs."""
    if cost is None or cost.quality is None or cost.models_unknown:
        return DASH
    return amount_text(cost.models, cost.currency)


def machine_amount(cost: CostReport | None) -> str:
    """What the measured parts of the computer took without the models."""
    if cost is None or cost.quality is None:
        return DASH
    return amount_text(machine_without(cost), cost.currency)


def machine_without(cost: CostReport) -> Amount:
    """The computer without its models, and without what cannot be told to be a model's or not."""
    apart = (cost.models, cost.undecided)
    micro = cost.cost_micro
    if micro is not None:
        micro = max(0, micro - sum(part.cost_micro or 0 for part in apart))
    return Amount(max(0, cost.energy_mj - sum(part.energy_mj for part in apart)), micro, cost.error_fraction)


def per_million_text(tokens: TokenCost, per_million: Amount | None, currency: str | None) -> str:
    """Money (or energy) of a million tokens with its error; "at most" where not all answers were counted."""
    if per_million is None:
        return DASH
    text = amount_text(per_million, currency)
    error = per_million.cost_error_micro
    if error:
        text = f"{text} ±{number(error / 1_000_000, 2)}"
    return f"≤ {text}" if tokens.upper_bound else text


def tokens_meaning() -> str:
    """The one definition of the price of tokens."""
    return tr(
        "Per 1M tokens: all energy of the time a model was loaded, working and idle, over the output tokens "
        "counted in it."
    )


def working_text(tokens: Mapping[str, TokenCost], currency: str | None) -> str:
    """The same without the time in which the models were loaded and idle."""
    prices = (
        f"{clean_text(model, 60)} {per_million_text(t, t.working, currency)}" for model, t in tokens.items()
    )
    return tr("Of the time they answered alone: {prices}.", prices=joined(prices))


def counted_text(model: str, tokens: TokenCost) -> str:
    """How much of a model's work the price of its tokens rests on."""
    return tr(
        "{model}: tokens were counted in {share} of its work; the price is an upper bound.",
        model=clean_text(model, 60),
        share=percent(tokens.counted_share),
    )


def undecided_text(cost: CostReport | None) -> str:
    """Why a model's part is not known, how much it may be, and how it is learned; "" where all is known."""
    if cost is None or cost.undecided.energy_mj <= 0:
        return ""
    return tr(
        "{amount} more were drawn while a model was loaded and the idle power was not known yet: the model's "
        "share lies between nothing and all of it. The idle power is learned by itself in the first quiet "
        "minutes with no model loaded; to have it now, unload the model for a few minutes.",
        amount=amount_text(cost.undecided, cost.currency),
    )


def observed_text(cost: CostReport) -> str:
    """ "measured 21 h 40 of the 22 h 05 so far", or nothing when nearly all was observed."""
    if cost.span_s <= 0 or cost.observed_s >= cost.span_s * 0.98:
        return ""
    return tr(
        "measured {seen} of the {span} so far",
        seen=duration(cost.observed_s),
        span=duration(cost.span_s),
    )


def no_sensor(sample: MachineSample | None) -> bool:
    """Whether the computer was looked at and nothing of it can be measured, nor was learned."""
    return (
        sample is not None
        and sample.learned is None
        and all(d.power_w is None and d.counter_mj is None for d in sample.devices)
    )


def estimate_text(sample: MachineSample | None) -> str:
    """ "Estimated 40–92 W." of the whole computer, or where some of it is measured, of the parts that
    cannot be read; nothing where there is no estimate.

    Never added to what is measured: a range from rated power and load.
    """
    if sample is not None and sample.estimate_w is not None:
        return tr("Estimated {range}.", range=range_watts(sample.estimate_w))
    silent = [d for d in sample.devices if d.power_w is None and d.contained_in is None] if sample else []
    ranges = [d.estimate_w for d in silent if d.estimate_w is not None]
    if not ranges:
        return ""
    low, high = sum(r[0] for r in ranges), sum(r[1] for r in ranges)
    return tr("Estimated {range}.", range=interval(number(round(low)), watts(high)))


def no_sensor_text(sample: MachineSample | None) -> str:
    """What it means that nothing can be measured here, where to look, and the estimate if there is one."""
    none = tr("No readable power sensor here, so cost cannot be measured.")
    look = tr("See Machine for ways to add one.")
    return " ".join(text for text in (none, look, estimate_text(sample)) if text)


def covered_text(cost: CostReport) -> str:
    """Which parts a sum covers, and what it does not."""
    texts = []
    if cost.covers:
        texts.append(tr("Measured: {parts}.", parts=joined(cost.covers)))
    if cost.not_covered:
        texts.append(tr("{sentence}.", sentence=not_in_it(cost.not_covered)))
    return " ".join(texts)


def not_in_it(parts: Iterable[str]) -> str:
    """What a sum leaves out, for both faces."""
    return tr("Not in it: {parts}", parts=parts_text(parts))


def parts_text(parts: Iterable[str]) -> str:
    """Parts that no sensor sees, by name."""
    words = {
        PROCESSOR: tr("processor"),
        REST: tr("rest of the computer (board, memory, disks, fans, screen)"),
        SUPPLY: tr("loss of the power supply"),
    }
    return joined((dict.fromkeys(words.get(p, tr(p)) for p in parts)), "; ")


def idle_text(cost: CostReport) -> str:
    """When the idle power will be known, by which models' energy is divided from the computer's."""
    if not cost.idle_left_s:
        return tr("idle power not learned yet")
    minutes = -(-cost.idle_left_s // 60)
    if minutes == 1:
        return tr("idle power known in about a quiet minute without a model")
    return tr("idle power known in about {n} quiet minutes without a model", n=minutes)


def models_figure(
    host: HostState,
    cost: CostReport | None,
    label: str,
    with_machine: bool = True,
    whole_label: str = "",
) -> FigureView:
    """Cost (or energy) of the models in a span, with the computer itself in the quiet line; where nothing is
    measured, between what the whole computer cost."""
    if cost is not None and cost.quality is None and cost.estimated is not None:
        note = tr("whole computer, estimated {basis}", basis=estimate_basis())
        exact = tr("To make it exact: {way}.", way=exact_way(host.sample))
        when = whole_label or tr("Computer today")
        return range_figure(when, *range_ends(cost.estimated), note, exact)
    if cost is None or cost.quality is None:
        later = tr("Costs appear after the first hour of use.")
        missing = tr("Needs a power sensor. See Machine for ways to add one.")
        return FigureView(label, DASH, note=missing if no_sensor(host.sample) else later)
    notes = [idle_text(cost)] if cost.models_unknown else []
    if cost.models.cost_micro is not None and not cost.models_unknown:
        notes.append(kwh(cost.models.energy_mj))
    if with_machine:
        notes.append(tr("computer itself {amount}", amount=machine_amount(cost)))
    like = everyday_text(cost.models.energy_mj)
    parts = (
        undecided_text(cost), like, observed_text(cost), covered_text(cost), estimated_beside(cost)
    )  # fmt: skip
    hint = " ".join(part for part in parts if part)
    return figure(label, models_amount(cost), " · ".join(notes), hint)
