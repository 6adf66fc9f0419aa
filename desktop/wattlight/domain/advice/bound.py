"""The most points a model could get on a machine, worked out without fitting it.

Everything here errs upward: speeds as if nearly the full bandwidth were used and part of the file read,
places as if the engine needed no memory of its own. Leaving out what cannot reach the list changes nothing.
"""

from dataclasses import dataclass

from wattlight.domain.entry import CatalogEntry, CatalogTag
from wattlight.domain.values import MachineProfile

from .editorial import Editorial
from .judgement import BEST_SPEED_POINTS, PARTIAL_LOSS, speed_points, wanted_speed
from .quality import quant_points
from .shape_estimate import PER_LAYER_FAMILIES
from .uses import Use

READ_SHARE = 0.7
"""At least this share of a dense model's file is read for a token (the rest: token table, vision tower)."""
READ_SHARE_PER_LAYER = 0.2
"""The same for models with a per-layer token table."""
REACHED_SHARE = 0.85
"""No model reaches more than this share of the nominal bandwidth."""
ROOMY = 1.1
"""A file so much larger than the free device memory cannot lie there (a token table may stay in RAM)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Bytes free on a machine's accelerators, 10^9 bytes per second there and in RAM."""

    device_bytes: int
    device_gbs: float | None
    ram_gbs: float | None
    separate: bool
    """All of them are cards of their own: what does not lie there wholly is partly in RAM."""


def pace_of(machine: MachineProfile) -> Pace:
    """The fastest a machine could be: all bandwidths of its devices together."""
    free = sum(device.memory_free_bytes or device.memory_total_bytes or 0 for device in machine.devices)
    speeds = [device.bandwidth_gbs for device in machine.devices]
    fast = None if not speeds or None in speeds else sum(speed for speed in speeds if speed)
    separate = bool(machine.devices) and not any(d.integrated or d.unified for d in machine.devices)
    return Pace(free, fast, machine.cpu.bandwidth_gbs, separate)


def bound_of(
    entry: CatalogEntry,
    tags: tuple[CatalogTag, ...],
    quality: float,
    pace: Pace,
    use: Use,
    editorial: Editorial,
) -> float:
    """No tag of ``tags`` gets more points than this on a machine of ``pace``."""
    if use is Use.EMBEDDING:
        return quality
    share = _read_share(entry)
    wanted = wanted_speed(entry, tags[0], use, editorial)

    def points(tag: CatalogTag) -> float:
        lies_wholly = tag.bytes_listed - tag.slack_bytes <= ROOMY * pace.device_bytes
        speed = _fastest(tag.bytes_listed * share, tag.bytes_listed, pace)
        most = BEST_SPEED_POINTS if speed is None else speed_points(speed, wanted)
        if pace.separate and not lies_wholly:
            most -= PARTIAL_LOSS
        return quality + quant_points(entry, tag) + most

    return max(map(points, tags))


def _read_share(entry: CatalogEntry) -> float:
    """Share of the file read for a token, at least."""
    if entry.name in PER_LAYER_FAMILIES or (entry.params_total or 1 << 40) < 1.5e9:
        return READ_SHARE_PER_LAYER
    if not entry.moe:
        return READ_SHARE
    total, active = entry.params_total, entry.params_active
    if not total or not active:
        return 0.0
    return READ_SHARE * active / total


def _fastest(read_bytes: float, file_bytes: int, pace: Pace) -> float | None:
    """Tokens a second at best; None where a bandwidth is not known."""
    on_device = min(1.0, pace.device_bytes * ROOMY / file_bytes)
    in_ram = 1.0 - on_device
    if (on_device and not pace.device_gbs) or (in_ram and not pace.ram_gbs) or read_bytes <= 0:
        return None
    seconds = read_bytes * on_device / (pace.device_gbs * 1e9) if on_device and pace.device_gbs else 0.0
    seconds += read_bytes * in_ram / (pace.ram_gbs * 1e9) if in_ram and pace.ram_gbs else 0.0
    return REACHED_SHARE / seconds if seconds else None
