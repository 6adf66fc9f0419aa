"""The engine's own rule for making a model fit: which layers and experts go to which device.

The engine measures a distribution without allocating, and searches by the method of false position: it fills
the devices from the last to the first with whole layers (of a mixture of experts: without the experts), then
turns as many of them as fit, front to back, into complete ones. Reproduced step by step, because where the
search stops depends on its path.
"""

from .sizing import Share, Sizer, Taken
from .weights import KEEP_GATE, KEEP_UP, WHOLE

Shares = list[Share]


class Layering:
    """Finds the distribution the engine would choose under ``limits`` (bytes usable per device)."""

    __slots__ = ("_count", "_experts", "_limits", "_sizer", "_units")

    def __init__(self, sizer: Sizer, limits: list[int], has_experts: bool) -> None:
        self._sizer = sizer
        self._limits = limits
        self._count = len(limits)
        self._units = sizer.fit_units
        self._experts = has_experts

    def choose(self, surplus_without_experts: int) -> Shares:
        """The distribution for a model that does not fit as a whole.

        ``surplus_without_experts``: bytes left over on all devices with every layer there and all experts
        in RAM (ignored for dense models).
        """
        shares, taken = self._fill_layers()
        if not self._experts or surplus_without_experts <= 0:
            return shares
        return self._complete_layers(shares, taken)

    def _fill_layers(self) -> tuple[Shares, list[Taken]]:
        """Whole layers, last device first; of a mixture only their dense part."""
        last = self._count - 1
        shares: Shares = [Share() for _ in range(self._count)]
        taken: list[Taken] | None = None  # of nothing: laid out where a step starts from it
        for index in range(last, -1, -1):
            free = self._units - sum(share.layers for share in shares[index + 1 :])
            if free <= 0:
                continue
            high = _with(shares, index, self._dense_share(free, index == last))
            taken_high = self._sizer.measure(high)
            if taken_high[index].total <= self._limits[index]:
                shares, taken = high, taken_high
                continue
            while (delta := high[index].layers - shares[index].layers) > 1:
                taken = taken or self._sizer.measure(shares)
                step = _step(delta, self._limits[index], taken[index].total, taken_high[index].total)
                test = _with(shares, index, self._dense_share(shares[index].layers + step, index == last))
                taken_test = self._sizer.measure(test)
                if taken_test[index].total <= self._limits[index]:
                    shares, taken = test, taken_test
                else:
                    high, taken_high = test, taken_test
        return shares, taken or self._sizer.measure(shares)

    def _dense_share(self, layers: int, is_last: bool) -> Share:
        if not self._experts:
            return Share(layers)
        return Share(layers, layers - 1 if is_last else layers)

    def _complete_layers(self, shares: Shares, taken: list[Taken]) -> Shares:
        """Turn dense-only layers into complete ones, first device first."""
        start = next((i for i in range(self._count) if shares[i].layers), self._count)
        index = 0
        while index <= start < self._count:
            shares, taken, start = self._complete_device(shares, taken, index, start)
            shares, start = self._one_more(shares, index, start)
            index += 1
        return shares

    def _complete_device(
        self, shares: Shares, taken: list[Taken], index: int, start: int
    ) -> tuple[Shares, list[Taken], int]:
        last = self._count - 1
        high = list(shares)
        for j in range(start, self._count):
            move = high[j].layers - (0 if j < last else 1)
            high[index] = high[index]._replace(layers=high[index].layers + move)
            high[j] = high[j]._replace(layers=high[j].layers - move, partial=0)
        start_high = last
        taken_high = self._sizer.measure(high)
        if taken_high[index].total <= self._limits[index]:
            return high, taken_high, start_high
        while (delta := _complete(high[index]) - _complete(shares[index])) > 1:
            step = _step(delta, self._limits[index], taken[index].total, taken_high[index].total)
            test, start_test = self._convert(shares, index, start, step)
            taken_test = self._sizer.measure(test)
            if taken_test[index].total <= self._limits[index]:
                shares, taken, start = test, taken_test, start_test
            else:
                high, taken_high = test, taken_test
        return shares, taken, start

    def _convert(self, shares: Shares, index: int, start: int, count: int) -> tuple[Shares, int]:
        """Take ``count`` dense-only layers from the devices at ``start`` and give them to ``index`` whole."""
        test = list(shares)
        done = 0
        while start < self._count:
            here = min(count - done, test[start].partial)
            source = test[start]
            test[start] = source._replace(layers=source.layers - here, partial=source.partial - here)
            test[index] = test[index]._replace(layers=test[index].layers + here)
            done += here
            if test[start].partial > 0:
                break
            start += 1
        return test, start

    def _one_more(self, shares: Shares, index: int, start: int) -> tuple[Shares, int]:
        """Try to place at least a part of one more block on ``index``."""
        last = self._count - 1
        if start >= self._count or shares[start].layers <= (0 if index < last else 1):
            return shares, start
        test = list(shares)
        source = test[start]
        test[start] = source._replace(layers=source.layers - 1, partial=source.partial - 1)
        target = test[index]
        test[index] = Share(target.layers + 1, target.partial + 1, KEEP_UP, index < last)
        start_test = start + 1 if test[start].partial <= 0 else start
        if self._fits_strictly(test, index):
            shares, start = test, start_test
            better = _with(test, index, test[index]._replace(overflow=KEEP_GATE))
            return (better, start) if self._fits_strictly(better, index) else (shares, start)
        test = _with(test, index, test[index]._replace(overflow=WHOLE))
        return (test, start_test) if self._fits_strictly(test, index) else (shares, start)

    def _fits_strictly(self, shares: Shares, index: int) -> bool:
        taken = self._sizer.measure(shares)
        return taken[index].total < self._limits[index] and (
            index + 1 >= self._count or taken[index + 1].total < self._limits[index + 1]
        )


def fits(taken: list[Taken], limits: list[int]) -> bool:
    return all(use.total <= limit for use, limit in zip(taken, limits, strict=True))


def split_by_free(units: int, free: list[int]) -> Shares:
    """The engine's default: unit k of n to the first device whose share of free memory exceeds k/n."""
    total = sum(free)
    counts = [0] * len(free)
    sums, running = [], 0
    for value in free:
        running += value
        sums.append(running / total if total else 1.0)
    device = 0
    for unit in range(units):
        while device < len(free) - 1 and not sums[device] > unit / units:
            device += 1
        counts[device] += 1
    return [Share(count) for count in counts]


def expert_blocks_in_ram(shares: Shares, layers: int, trunk: int) -> int:
    """Blocks on a device some or all of whose experts are in RAM (the next device's memory is none).

    Of ``layers`` blocks the first ``trunk`` answer.
    """
    units = sum(share.layers for share in shares)
    first = layers + 1 - units
    count = 0
    for share in shares:
        begin = first + share.layers - share.partial + (1 if share.spill_next else 0)
        count += max(0, min(first + share.layers, trunk) - begin)
        first += share.layers
    return count


def _complete(share: Share) -> int:
    return share.layers - share.partial


def _step(delta: int, limit: int, low: int, high: int) -> int:
    """The engine's interpolation, in unsigned 32-bit arithmetic: a negative guess becomes the largest one."""
    if high == low:
        return 1
    guess = delta * (limit - low)
    guess = guess // (high - low) if guess >= 0 else -(-guess // (high - low))
    if guess < 0:
        return delta - 1
    return min(max(guess, 1), delta - 1)


def _with(shares: Shares, index: int, share: Share) -> Shares:
    changed = list(shares)
    changed[index] = share
    return changed
