"""The last resort: between what the computer drew while nothing of it is measured, by quarter hours."""

from wattlight.domain.energy import (
    QUARTER_US,
    EstimateRow,
    Gap,
    Integrator,
    Reading,
    RollingCadence,
    Rules,
    split_minutes,
)
from wattlight.domain.power import MachineSample
from wattlight.domain.values import HostId, to_us

_MINUTES = QUARTER_US // 60_000_000


class RangeMeter:
    """Both ends of the range are integrated by the ledger's own rules: no gap is filled."""

    def __init__(self, host: HostId) -> None:
        self._host = host
        self._ends: list[Integrator[None]] = []

    def feed(self, sample: MachineSample) -> tuple[EstimateRow, ...]:
        """What a look settles; nothing where something is measured or learned, or nothing can be said."""
        estimate = sample.estimate_w
        if estimate is None:
            self._ends = []
            return ()
        if not self._ends:
            self._ends = [Integrator[None](Rules(), RollingCadence()) for _ in range(2)]
        low, high = (
            integrator.feed(
                Reading(
                    to_us(sample.at),
                    round(sample.monotonic_s * 1_000_000),
                    round(watts * 1_000_000),
                    boot_id=sample.boot_id,
                ),
                None,
            )
            for integrator, watts in zip(self._ends, estimate, strict=True)
        )
        rows = []
        for least, most in zip(low, high, strict=True):
            if isinstance(least, Gap) or isinstance(most, Gap):
                continue
            span = least.start_us, least.end_us, _MINUTES
            pieces = zip(
                split_minutes(least.energy_mj, *span), split_minutes(most.energy_mj, *span), strict=True
            )
            for (minute, low_mj, seen_ms), (_, high_mj, _) in pieces:
                rows.append(EstimateRow(self._host, minute // _MINUTES, low_mj, high_mj, seen_ms))
        return tuple(rows)
