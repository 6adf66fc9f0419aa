"""A measured speed, and which of several measurements speaks for a model."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.values import LOCAL_HOST, HostId


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """One run of the benchmark.

    Attributes:
        digest: of the model, so that another version under the same name is another model.
        device: where it ran (name of the accelerators, or "cpu").
        context: tokens of context it was loaded with.
        output_tokens, output_tokens_per_s: by the server's own counters.
        prompt_tokens_per_s: None when the server counted no prompt work.
        joules_per_token: energy of the measured parts over the output tokens; None with ``energy_reason``.
        energy_error_fraction: relative error of that; None when there is no figure.
        energy_reason: one sentence why there is no energy figure, or why its error is large.
    """

    model: str
    digest: str
    device: str
    context: int
    at: datetime
    output_tokens: int
    output_tokens_per_s: float
    prompt_tokens_per_s: float | None
    server_version: str | None
    joules_per_token: float | None = None
    energy_error_fraction: float | None = None
    energy_reason: str | None = None
    power_w: float | None = None
    host: HostId = LOCAL_HOST


@dataclass(frozen=True, slots=True)
class SpeedFigure:
    """What the measurements of one model say together."""

    low: float
    mid: float
    high: float
    runs: int
    newest: datetime


def speed_of(
    runs: Iterable[MeasuredSpeed], digest: str, device: str, context: int | None = None
) -> SpeedFigure | None:
    """The measured speed of a model on a device from its last five runs; None without any.

    With ``context`` only runs loaded with the same one count. The range spans the runs, and at least 5 % to
    each side: two runs on one machine differ by that much.
    """
    mine = [r for r in runs if r.digest == digest and r.device == device and context in {None, r.context}]
    last = sorted(mine, key=lambda r: r.at)[-5:]
    if not last:
        return None
    speeds = [r.output_tokens_per_s for r in last]
    mid = statistics.median(speeds)
    return SpeedFigure(min(*speeds, mid * 0.95), mid, max(*speeds, mid * 1.05), len(last), last[-1].at)
