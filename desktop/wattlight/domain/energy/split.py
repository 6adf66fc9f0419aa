"""Energy spread evenly over a span and cut into minutes, to the last mJ."""

from collections.abc import Iterator

MINUTE_US = 60_000_000
QUARTER_US = 900_000_000


def split_minutes(energy_mj: int, start_us: int, end_us: int) -> Iterator[tuple[int, int, int]]:
    """(UTC minute, mJ, milliseconds) of each minute the span touches; the mJ sum to ``energy_mj``.

    Up to the end of each minute the share of the time is rounded down, and the latest minute takes what is
    left, so the sum up to any minute is off by less than one mJ, however many there are.
    """
    minute = start_us // MINUTE_US
    last = max(minute, (end_us - 1) // MINUTE_US)
    if minute == last:
        yield minute, energy_mj, end_us // 1000 - start_us // 1000
        return
    length_us = end_us - start_us
    booked_mj, at_us = 0, start_us
    while minute < last:
        edge_us = (minute + 1) * MINUTE_US
        upto_mj = energy_mj * (edge_us - start_us) // length_us
        yield minute, upto_mj - booked_mj, edge_us // 1000 - at_us // 1000
        booked_mj, at_us = upto_mj, edge_us
        minute += 1
    yield minute, energy_mj - booked_mj, end_us // 1000 - at_us // 1000
