"""Bytes that must be read for each generated token, per place they lie in."""

from dataclasses import dataclass

from wattlight.domain.fit import FitResult, PreparedModel


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes per token read from the accelerators' memory and from RAM.

    ``active_weights`` is the part that is weights, wherever it lies; ``device_shares`` how the accelerators
    split theirs (sums to 1).
    """

    device_bytes: int
    host_bytes: int
    active_weights: int
    device_shares: tuple[float, ...]


def traffic_of(prepared: PreparedModel, result: FitResult, tokens_in_cache: int) -> Traffic:
    """What a token costs with ``tokens_in_cache`` tokens already there.

    Every block's weights, of the experts only those used, the output matrix, the cache in use; recurrent
    state is read and written. The input embedding is one row and does not count.
    """
    arch = prepared.arch
    weights = prepared.weights("cpu", 512)
    layers = arch.layers
    share = arch.experts_used / arch.experts if arch.experts else 1.0
    first = min(layers, result.layers_total - result.layers_on_gpu) if result.layers_on_gpu else layers
    experts_from = layers - result.expert_blocks_in_ram
    device = host = 0.0
    for block in range(layers):
        experts = weights.experts_host[block] * share
        dense = weights.host[block] - weights.experts_host[block]
        if block < first:
            host += dense + experts
        else:
            device += dense
            if block >= experts_from:
                host += experts
            else:
                device += experts
    output = weights.output_host
    if weights.output_tied and output < prepared.token_matrix_bytes:
        output += prepared.token_matrix_bytes
    if result.layers_on_gpu:
        device += output
    else:
        host += output
    active = device + host
    cache = prepared.cache(result.kv_type, result.flash_attention, 512)
    windowed = min(tokens_in_cache, arch.window) if arch.window else 0

    def kept(start: int, stop: int) -> int:
        return (
            tokens_in_cache * (cache.full[stop] - cache.full[start])
            + windowed * (cache.swa[stop] - cache.swa[start])
            + 2 * (cache.state[stop] - cache.state[start])
        )

    device += kept(first, layers)
    host += kept(0, first)
    total = sum(use.weights_bytes for use in result.devices)
    shares = tuple(use.weights_bytes / total for use in result.devices) if total else ()
    return Traffic(round(device), round(host), round(active), shares)
