"""Which model an interval's energy belongs to. The parts always sum to the whole, to the mJ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .rows import State

if TYPE_CHECKING:
    from ..state import RunningModel
    from ..values import DeviceSample

ACTIVE_MARGIN = 0.2
"""Without word from the server, power this far above the parked level counts as producing tokens."""
ACTIVE_MARGIN_UW = 10_000_000


HEAVY_PERCENT = 20.0
"""Programs that are no model server and together use the GPU more than this, or did more of the processor's
work, keep it busy."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A loaded model: its digest and how much of the device's memory it holds."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """What used a device at the beginning of an interval.

    Attributes:
        residents: loaded models; empty: none.
        busy: digests known to produce tokens; None: not known, the power tells.
        other_heavy: another program kept the device busy.
        part: the share (0..1) of the draw above idle that can be a model's; below 1 for the CPU, from
            the processor time of the model's own processes.
    """

    residents: tuple[Resident, ...] = ()
    busy: frozenset[str] | None = None
    other_heavy: bool = False
    part: float = 1.0


@dataclass(frozen=True, slots=True)
class Levels:
    """Learned power levels of a device in microwatts; None: not known yet.

    ``parked_uw`` is the whole draw with the present models resident and idle.
    """

    base_uw: int | None = None
    parked_uw: int | None = None


@dataclass(frozen=True, slots=True)
class EnergyShare:
    """A share of an interval's energy; ``model`` is a digest or None."""

    state: State
    model: str | None
    energy_mj: int


def share(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` split in proportion; whole numbers that sum to it. All weights 0: equal parts."""
    if not any(weights):
        weights = [1] * len(weights)
    whole, upto, booked = sum(weights), 0, 0
    parts = []
    for weight in weights:
        upto += weight
        edge = total * upto // whole
        parts.append(edge - booked)
        booked = edge
    return parts


def attribute(energy_mj: int, awake_us: int, load: Load | None, levels: Levels) -> tuple[EnergyShare, ...]:
    """Split an interval's energy into states and models.

    Below the idle level it is the computer's own (base). What is above belongs to the resident models:
    up to the parked level shared by resident size, beyond it to the busy ones. ``load`` None: nobody knew
    which models were resident. Without an idle level nothing can be divided: the whole is kept beside the
    residents as unattributed.
    """
    if load is None:
        return (EnergyShare(State.UNATTRIBUTED, None, energy_mj),)
    if not load.residents:
        return (EnergyShare(State.BASE, None, energy_mj),)
    if load.other_heavy:
        return (EnergyShare(State.MIXED, None, energy_mj),)
    if levels.base_uw is None:
        return tuple(_shared(State.UNATTRIBUTED, energy_mj, load.residents))
    base_mj = min(energy_mj, levels.base_uw * awake_us // 1_000_000_000)
    base_mj += int((energy_mj - base_mj) * (1 - min(1.0, max(0.0, load.part))))
    rest_mj = energy_mj - base_mj
    parts = [EnergyShare(State.BASE, None, base_mj)] if base_mj else []
    busy = _busy(energy_mj, awake_us, load, levels)
    if not busy:
        return (*parts, *_shared(State.PARKED, rest_mj, load.residents))
    parked_mj = 0
    if levels.parked_uw is not None:
        above_uw = max(0, levels.parked_uw - levels.base_uw)
        parked_mj = min(rest_mj, above_uw * awake_us // 1_000_000_000)
    if parked_mj:
        parts += _shared(State.PARKED, parked_mj, load.residents)
    return (*parts, *_shared(State.ACTIVE, rest_mj - parked_mj, busy))


def _busy(energy_mj: int, awake_us: int, load: Load, levels: Levels) -> tuple[Resident, ...]:
    if load.busy is not None:
        return tuple(r for r in load.residents if r.digest in load.busy)
    if awake_us <= 0:
        return ()
    level = levels.parked_uw if levels.parked_uw is not None else (levels.base_uw or 0)
    mean_uw = energy_mj * 1_000_000_000 // awake_us
    return load.residents if mean_uw > level + max(ACTIVE_MARGIN * level, ACTIVE_MARGIN_UW) else ()


def _shared(state: State, energy_mj: int, residents: tuple[Resident, ...]) -> list[EnergyShare]:
    parts = share(energy_mj, [r.size_bytes for r in residents])
    return [EnergyShare(state, r.digest, mj) for r, mj in zip(residents, parts, strict=True)]


def heavy_parts(devices: "Sequence[DeviceSample]", running: "Sequence[RunningModel]") -> list[str]:
    """Ids of the parts that programs beside the model servers keep busy.

    A program without a name, as all are in a container, is none of them where it holds less than a server of
    the smallest loaded model would: half of what that holds of the only GPU.
    """
    sizes = [m.size_vram_bytes for m in running if m.size_vram_bytes > 0]
    only = sum(device.kind == "gpu" for device in devices) == 1
    least = min(sizes) // 2 if sizes and only else 0
    return [device.id for device in devices if _others_percent(device, least) > HEAVY_PERCENT]


def _others_percent(device: "DeviceSample", least_bytes: int) -> float:
    if device.others_percent is not None:
        return device.others_percent
    named = (p for p in device.processes if p.name and not p.is_server)
    small = (p for p in device.processes if not p.name and (p.memory_bytes or least_bytes) < least_bytes)
    return sum(p.busy_percent or 0.0 for p in (*named, *small))
