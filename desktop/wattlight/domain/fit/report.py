"""What ``/api/ps`` will say, which is not what is used: the server adds up lines of the engine's log."""

from wattlight.domain.values import MachineProfile

from .log_lines import logged
from .prepared import PreparedModel
from .sizing import Share, Sizer, Taken


def reported(
    prepared: PreparedModel,
    sizer: Sizer,
    shares: list[Share],
    taken: list[Taken],
    host: Taken,
    mapped: bool,
    machine: MachineProfile,
) -> tuple[int, int]:
    """(size, size_vram) of ``/api/ps``."""
    layers = sizer.layers
    units = sum(share.layers for share in shares)
    overflow = any(share.partial for share in shares)
    first = layers + 1 - units
    vram = weights_on_device = 0
    for share, use in zip(shares, taken, strict=True):
        stop = min(first + share.layers, layers)
        weights = logged(use.weights)
        weights_on_device += weights
        vram += weights + logged(use.compute) + sizer.logged_cache(min(first, layers), max(stop, first))
        first += share.layers
    if units > layers and not overflow:
        return vram, vram
    in_ram = min(layers + 1 - units, layers)
    size = vram + sizer.logged_cache(0, in_ram) + logged(host.compute)
    size += logged(4 * prepared.vocabulary * sizer.slots)
    if not shares or not mapped:
        return size + logged(host.weights), vram
    span = prepared.mapped_span(sizer, shares, in_ram, units)
    span = logged(span)
    over = weights_on_device + span - prepared.shape.file_bytes
    if over > 0:
        span -= min(span, over)
    return size + span, vram
