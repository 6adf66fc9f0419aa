"""Rows of a ledger carried to the ledger of another computer: whole hours, each replaced as a whole.

An hour is named by its number since 1970 UTC and known by its mark; what is the same is not carried again,
and carrying it twice changes nothing.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wattlight.domain.energy import Batch, DeviceInfo
from wattlight.domain.values import LOCAL_HOST, HostId, clean_text
from wattlight.i18n import tr

from .pending import Pending
from .problem import LedgerProblem, translated
from .reader import LedgerReader
from .schema import QUALITIES, STATES
from .writer import LedgerWriter

HOUR_US = 3_600_000_000
HOUR_MINUTES = 60
HOUR_QUARTERS = 4
MOST_ROWS = 20_000
"""Rows of one shipment, but for a single hour that has more."""
_MOST_HOUR_ROWS = 200_000
_LARGEST = 1 << 53

_HOURS_OF = """SELECT start / {length} AS hour, state, sum(energy_mj), sum({table}.observed_ms),
sum(tokens_in), sum(tokens_out) FROM {table} JOIN device ON device.id = device
WHERE host = ? AND start >= ? AND start < ? GROUP BY 1, 2"""
_PRESENCE_OF = """SELECT start / {length}, sum(observed_ms) FROM {table}
WHERE host = ? AND start >= ? AND start < ? GROUP BY 1"""
_TABLES = (("minute", "presence", HOUR_MINUTES), ("quarter", "presence_quarter", HOUR_QUARTERS))


@dataclass(frozen=True, slots=True)
class ShippedRow:
    """One bucket of ``table`` (``minute`` or ``quarter``); state and quality are numbers of the schema."""

    start: int
    device: str
    model: str | None
    state: int
    energy_mj: int
    observed_ms: int
    quality: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """All there is of the hours from ``first`` to before ``end``."""

    first: int
    end: int
    devices: tuple[DeviceInfo, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    minutes: tuple[ShippedRow, ...] = ()
    quarters: tuple[ShippedRow, ...] = ()
    minute_presence: tuple[tuple[int, int], ...] = ()
    quarter_presence: tuple[tuple[int, int], ...] = ()


class BadShipment(LedgerProblem):
    """What came is no part of a ledger."""

    code = "bad_shipment"

    def __init__(self, what: str) -> None:
        super().__init__(
            tr("What the other computer sent of its ledger cannot be ({value}).", value=clean_text(what, 60)),
            tr("Update Wattlight on both computers."),
        )


def hour_marks(reader: LedgerReader, first: int, end: int, host: HostId = LOCAL_HOST) -> dict[int, str]:
    """Each hour of the span with rows or presence, and its mark: equal marks are equal sums."""
    parts: dict[int, dict[int, list[int]]] = {}
    with translated("read"), reader.snapshot() as connection:
        for table, presence, length in _TABLES:
            span = (host, first * length, end * length)
            for hour, state, *sums in connection.execute(
                _HOURS_OF.format(table=table, length=length), span
            ).fetchall():
                mine = parts.setdefault(hour, {}).setdefault(state, [0, 0, 0, 0])
                for index, value in enumerate(sums):
                    mine[index] += value
            for hour, seen in connection.execute(
                _PRESENCE_OF.format(table=presence, length=length), span
            ).fetchall():
                mine = parts.setdefault(hour, {}).setdefault(-1, [0, 0, 0, 0])
                mine[1] += seen
    return {
        hour: hashlib.blake2s(repr(sorted(states.items())).encode(), digest_size=8).hexdigest()
        for hour, states in sorted(parts.items())
    }


def hours_of(reader: LedgerReader, first: int, end: int, host: HostId = LOCAL_HOST) -> Shipment:
    """The rows of the hours from ``first`` on, whole hours until there are :data:`MOST_ROWS`."""
    with translated("read"), reader.snapshot() as connection:
        end = _until(connection, first, end, host)
        rows: dict[str, tuple[ShippedRow, ...]] = {}
        seen: dict[str, tuple[tuple[int, int], ...]] = {}
        for table, presence, length in _TABLES:
            span = (host, first * length, end * length)
            found = connection.execute(
                f"SELECT start, key, digest, state, energy_mj, observed_ms, quality, tokens_in, tokens_out "
                f"FROM {table} JOIN device ON device.id = device LEFT JOIN model ON model.id = model "
                "WHERE host = ? AND start >= ? AND start < ?",
                span,
            )
            rows[table] = tuple(ShippedRow(*row) for row in found)
            seen[table] = tuple(
                connection.execute(
                    f"SELECT start, observed_ms FROM {presence} WHERE host = ? AND start >= ? AND start < ?",
                    span,
                )
            )
        names = dict(connection.execute("SELECT digest, name FROM model").fetchall())
    used = {row.model for table in rows.values() for row in table if row.model is not None}
    return Shipment(
        first,
        end,
        reader.devices(host),
        tuple((digest, names[digest]) for digest in sorted(used) if digest in names),
        rows["minute"],
        rows["quarter"],
        seen["minute"],
        seen["quarter"],
    )


def _until(connection: Any, first: int, end: int, host: HostId) -> int:
    """The hour before which a shipment ends."""
    counts: dict[int, int] = {}
    for table, _, length in _TABLES:
        for hour, count in connection.execute(
            f"SELECT start / {length}, count(*) FROM {table} JOIN device ON device.id = device "
            "WHERE host = ? AND start >= ? AND start < ? GROUP BY 1",
            (host, first * length, end * length),
        ):
            counts[hour] = counts.get(hour, 0) + count
    together = 0
    for hour in sorted(counts):
        if together and together + counts[hour] > MOST_ROWS:
            return hour
        together += counts[hour]
    return end


def replace_hours(writer: LedgerWriter, host: HostId, shipment: Shipment) -> None:
    """Put the hours of a shipment in the place of what the ledger has of them for ``host``.

    Hours that were deleted here (:meth:`LedgerReader.first_hour`) while it was on its way are left out.

    Raises:
        LedgerProblem: it cannot be written; nothing was changed.
    """
    shipment = _since(shipment, LedgerReader(writer.connection, owns=False).first_hour(host))
    named = Pending()
    named.add(Batch(devices=shipment.devices))
    with translated("written"), writer.transaction() as connection:
        writer.write_names(named)
        connection.executemany("INSERT OR IGNORE INTO model (digest, name) VALUES (?,?)", shipment.models)
        for table, presence, length in _TABLES:
            span = (shipment.first * length, shipment.end * length, host)
            connection.execute(
                f"DELETE FROM {table} WHERE start >= ? AND start < ? "
                "AND device IN (SELECT id FROM device WHERE host = ?)",
                span,
            )
            connection.execute(f"DELETE FROM {presence} WHERE start >= ? AND start < ? AND host = ?", span)
            rows = shipment.minutes if table == "minute" else shipment.quarters
            connection.executemany(
                f"INSERT OR REPLACE INTO {table} VALUES (?,?,?,?,?,?,?,?,?)",
                [_stored(writer, host, row) for row in rows],
            )
            seen = shipment.minute_presence if table == "minute" else shipment.quarter_presence
            connection.executemany(
                f"INSERT OR REPLACE INTO {presence} VALUES (?,?,?)", [(host, at, ms) for at, ms in seen]
            )
        first_us = shipment.first * HOUR_US
        connection.execute(
            "DELETE FROM day WHERE host = ? "
            "AND day IN (SELECT day FROM day_closed WHERE host = ? AND end_us > ?)",
            (host, host, first_us),
        )
        connection.execute("DELETE FROM day_closed WHERE host = ? AND end_us > ?", (host, first_us))


def _since(shipment: Shipment, hour: int) -> Shipment:
    """The hours of a shipment from ``hour`` on."""
    if shipment.first >= hour:
        return shipment
    minute, quarter = hour * HOUR_MINUTES, hour * HOUR_QUARTERS
    return replace(
        shipment,
        first=hour,
        end=max(hour, shipment.end),
        minutes=tuple(row for row in shipment.minutes if row.start >= minute),
        quarters=tuple(row for row in shipment.quarters if row.start >= quarter),
        minute_presence=tuple(seen for seen in shipment.minute_presence if seen[0] >= minute),
        quarter_presence=tuple(seen for seen in shipment.quarter_presence if seen[0] >= quarter),
    )


def _stored(writer: LedgerWriter, host: HostId, row: ShippedRow) -> tuple[object, ...]:
    device, model = writer.device_number(host, row.device), writer.model_number(row.model)
    sums = row.energy_mj, row.observed_ms, row.quality, row.tokens_in, row.tokens_out
    return (row.start, device, model, row.state, *sums)


def set_watermark(writer: LedgerWriter, host: HostId, mark: tuple[str, int]) -> None:
    """Remember which ledger was carried here for ``host``, and until which hour."""
    with translated("written"):
        writer.connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"far {host}", f"{mark[0]} {mark[1]}")
        )


def make_instance(writer: LedgerWriter) -> None:
    """Give the ledger a name of its own among all ledgers, if it has none yet."""
    with translated("written"):
        writer.connection.execute(
            "INSERT OR IGNORE INTO meta VALUES ('instance', ?)", (secrets.token_hex(16),)
        )


def shipment_document(shipment: Shipment) -> dict[str, Any]:
    """As it goes over the wire."""
    return {
        "first": shipment.first,
        "end": shipment.end,
        "devices": [
            [d.device, d.name, d.kind, d.vendor, d.scope, d.source, d.error_fraction]
            for d in shipment.devices
        ],
        "models": [list(pair) for pair in shipment.models],
        "minutes": [_line(row) for row in shipment.minutes],
        "quarters": [_line(row) for row in shipment.quarters],
        "minute_presence": [list(pair) for pair in shipment.minute_presence],
        "quarter_presence": [list(pair) for pair in shipment.quarter_presence],
    }


def _line(row: ShippedRow) -> list[Any]:
    return [
        row.start, row.device, row.model, row.state, row.energy_mj, row.observed_ms, row.quality,
        row.tokens_in, row.tokens_out,
    ]  # fmt: skip


def read_shipment(document: Mapping[str, Any], host: HostId, first: int, end: int) -> Shipment:
    """The shipment for ``host`` in a parsed answer, which is not trusted.

    Raises:
        BadShipment: it is none, or of other hours than were asked for.
    """
    until = _whole(document.get("end"), first + 1, end)
    if document.get("first") != first:
        raise BadShipment("first")
    minutes = _rows(document, "minutes", first * HOUR_MINUTES, until * HOUR_MINUTES, 60_000)
    quarters = _rows(document, "quarters", first * HOUR_QUARTERS, until * HOUR_QUARTERS, 900_000)
    return Shipment(
        first,
        until,
        tuple(_device(host, item) for item in _list(document, "devices", 1000)),
        tuple((_text(pair, 0, 200), _text(pair, 1, 300)) for pair in _list(document, "models", 5000)),
        minutes,
        quarters,
        _seen(document, "minute_presence", first * HOUR_MINUTES, until * HOUR_MINUTES, 60_000),
        _seen(document, "quarter_presence", first * HOUR_QUARTERS, until * HOUR_QUARTERS, 900_000),
    )


def _list(document: Mapping[str, Any], name: str, most: int) -> Iterable[Any]:
    found = document.get(name)
    if not isinstance(found, list) or len(found) > most:
        raise BadShipment(name)
    return found


def _rows(
    document: Mapping[str, Any], name: str, low: int, high: int, longest_ms: int
) -> tuple[ShippedRow, ...]:
    found = []
    for item in _list(document, name, _MOST_HOUR_ROWS):
        if not isinstance(item, list) or len(item) != 9:
            raise BadShipment(name)
        start, _, model, state, energy, seen, quality, tokens_in, tokens_out = item
        found.append(
            ShippedRow(
                _whole(start, low, high - 1),
                _text(item, 1, 200),
                None if model is None else _text(item, 2, 200),
                _whole(state, 0, len(STATES) - 1),
                _whole(energy, -_LARGEST, _LARGEST),
                _whole(seen, 0, 2 * longest_ms),
                _whole(quality, 0, len(QUALITIES) - 1),
                _whole(tokens_in, 0, _LARGEST),
                _whole(tokens_out, 0, _LARGEST),
            )
        )
    return tuple(found)


def _seen(
    document: Mapping[str, Any], name: str, low: int, high: int, longest_ms: int
) -> tuple[tuple[int, int], ...]:
    found = []
    for pair in _list(document, name, _MOST_HOUR_ROWS):
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadShipment(name)
        found.append((_whole(pair[0], low, high - 1), _whole(pair[1], 0, 2 * longest_ms)))
    return tuple(found)


def _device(host: HostId, item: Any) -> DeviceInfo:
    error = item[6] if isinstance(item, list) and len(item) == 7 else "none"
    if isinstance(error, int | float) and not isinstance(error, bool) and 0 <= error < 1e6:
        error = float(error)
    elif error is not None:
        raise BadShipment("devices")
    device, name, kind, vendor, scope, source = (_text(item, index, 200) for index in range(6))
    return DeviceInfo(host, device, name, kind, vendor, scope, source, error)


def _whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadShipment(str(value)[:40])
    return value


def _text(item: Any, index: int, most: int) -> str:
    value = item[index] if isinstance(item, list) and len(item) > index else None
    if not isinstance(value, str):
        raise BadShipment("text")
    return clean_text(value, most)
