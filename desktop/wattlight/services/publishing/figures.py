"""What other programs are given: the figures of the window, of the same state, under steady names.

What is not known is left out: there is no 0 for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wattlight.domain.cost import Amount, CostReport
from wattlight.domain.state import AppState, ServerStatus
from wattlight.domain.values import clean_text

MICRO = 1_000_000
_SHORT = 80


@dataclass(frozen=True, slots=True)
class Published:
    """One figure. ``unit`` is W, J, bytes, tokens, a currency's code, or "" (a share, or yes and no)."""

    name: str
    about: str
    unit: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def published(state: AppState) -> Iterator[Published]:
    """All figures that are known now; those of one name follow each other."""
    host = state.local
    ready = host.server.status is ServerStatus.READY
    yield Published(
        "recording", "This program records (1) or another one does (0)", "", float(state.recording)
    )
    if host.server.status is not ServerStatus.UNKNOWN:
        yield Published("server_ready", "The model server answers (1) or not (0)", "", float(ready))
    if ready:
        about = "Memory of a loaded model, as the server reports it"
        for model in host.server.running:
            name = ("model", clean_text(model.name, _SHORT))
            if model.gpu_share is not None:
                for where, size in (("gpu", model.size_vram_bytes), ("all", model.size_bytes)):
                    yield Published("model_memory", about, "bytes", size, (name, ("where", where)))
    sample = host.sample
    if sample is not None and not state.paused:
        for part in sample.devices:
            if part.id in sample.total.counted and part.power.value is not None:
                quality = part.power.quality.name.lower() if part.power.quality is not None else ""
                names = (("part", clean_text(part.name, _SHORT)), ("id", part.id), ("quality", quality))
                about = "Power of a part that is in the total"
                yield Published("part_power", about, "W", part.power.value, names)
        total = sample.total
        if total.measured_w is not None:
            yield Published("power", "Power of all measured parts", "W", total.measured_w)
        if total.measured_w is not None and total.error_w is not None:
            yield Published("power_error", "Expected error of the power, plus or minus", "W", total.error_w)
    for span, report in (("today", host.today), ("month", host.month)):
        if report is not None and report.quality is not None:
            yield from _of_report(span, report)


def _of_report(span: str, report: CostReport) -> Iterator[Published]:
    during = {"today": "today", "month": "this calendar month"}[span]
    sums: list[tuple[str, Amount]] = [("all", report)]
    if not report.models_unknown:
        sums.append(("models", report.models))
    about = f"Measured energy {during}: all of it, or that of the models"
    for whose, amount in sums:
        yield Published(f"{span}_energy", about, "J", amount.energy_mj / 1000, (("of", whose),))
    about = f"Cost {during} of that energy, by the tariff that is set"
    for whose, amount in sums:
        if amount.cost_micro is not None and report.currency:
            labels = (("of", whose), ("currency", report.currency))
            yield Published(f"{span}_cost", about, report.currency, amount.cost_micro / MICRO, labels)
    about = f"Share of the time {during} that was measured"
    if report.span_s > 0:
        yield Published(f"{span}_measured_share", about, "", min(1.0, report.observed_s / report.span_s))
    if span == "today" and not report.models_unknown:
        about = "Measured energy of a model today"
        for line in report.by_model:
            yield Published("model_today_energy", about, "J", line.energy_mj / 1000, _model(line.key))
        about = "Output tokens of a model that were counted today"
        for line in report.by_model:
            if line.tokens_out:
                yield Published("model_today_output", about, "tokens", line.tokens_out, _model(line.key))


def _model(name: str) -> tuple[tuple[str, str], ...]:
    return (("model", clean_text(name, _SHORT)),)
