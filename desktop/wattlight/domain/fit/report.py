"""What ``/api/ps`` will say, which is not what is used: the server adds up lines of the engine's log.

One value counts per (function, buffer, kind); a later line with the same three replaces the earlier one. With
every layer on the devices and no expert moved, memory in RAM is left out altogether.
"""

from .log_lines import logged
from .prepared import PreparedModel
from .sizing import Share, Sizer, Taken


def reported(
    prepared: PreparedModel, sizer: Sizer, shares: list[Share], taken: list[Taken], host: Taken, mapped: bool
) -> tuple[int, int]:
    """(size, size_vram) of ``/api/ps`` in bytes; ``mapped``: the model file is memory-mapped."""
    layers = sizer.layers
    if len(shares) == 1 and shares[0].layers > layers and not shares[0].partial and sizer.backend != "metal":
        use = taken[0]
        vram = logged(use.weights) + logged(use.compute) + sizer.logged_cache(0, layers)
        return vram, vram
    units = sum(share.layers for share in shares)
    spilled = any(share.partial for share in shares)
    first = layers + 1 - units
    vram = on_devices = 0
    for share, use in zip(shares, taken, strict=True):
        end = first + share.layers
        stop = min(layers, max(first, end))
        weights = use.weights
        if mapped and sizer.backend == "metal" and share.layers:
            weights = prepared.spans.on_device(first, stop, end > layers, sizer.weights.output_tied)
        on_devices += logged(weights)
        vram += logged(weights) + logged(use.compute) + sizer.logged_cache(min(first, layers), stop)
        first = end
    if units > layers and not spilled:
        return vram, vram
    in_ram = min(layers + 1 - units, layers)
    size = vram + sizer.logged_cache(0, in_ram) + logged(host.compute)
    size += logged(4 * prepared.vocabulary * sizer.slots)
    if not shares or not mapped:
        return size + logged(host.weights), vram
    span = logged(prepared.spans.in_ram(shares))
    over = on_devices + span - prepared.shape.file_bytes
    return size + span - min(span, max(0, over)), vram
