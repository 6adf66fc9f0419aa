"""Rows of loads: predicted, used, reported."""

import sqlite3

from wattlight.domain.fit import Verdict
from wattlight.domain.learning import Comparison, LoadKey
from wattlight.domain.values import HostId, from_us, to_us

KEPT = 2000
"""Older loads are forgotten: servers and drivers have changed since."""
_COLUMNS = (
    "host, at_us, model, digest, server_version, device, architecture, context, kv_type, verdict, "
    "predicted_used_bytes, predicted_size_bytes, predicted_vram_bytes, used_bytes, used_source, used_reason, "
    "reported_size_bytes, reported_vram_bytes, disturbed"
)


def add(connection: sqlite3.Connection, c: Comparison) -> None:
    """Insert one row and drop the oldest above :data:`KEPT`."""
    row = (
        c.host, to_us(c.at), c.model, c.digest, c.key.server_version, c.key.device, c.key.architecture,
        c.context, c.kv_type, c.verdict.value, c.predicted_used_bytes, c.predicted_size_bytes,
        c.predicted_vram_bytes, c.used_bytes, c.used_source, c.used_reason, c.reported_size_bytes,
        c.reported_vram_bytes, c.disturbed,
    )  # fmt: skip
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(f"INSERT INTO comparison ({_COLUMNS}) VALUES ({marks})", row)
    connection.execute("DELETE FROM comparison WHERE id <= ?", ((cursor.lastrowid or 0) - KEPT,))


def newest(connection: sqlite3.Connection, host: HostId, limit: int) -> tuple[Comparison, ...]:
    """The newest rows of a computer; rows this version cannot read are left out."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM comparison WHERE host = ? ORDER BY at_us DESC, id DESC LIMIT ?",
        (host, limit),
    )
    known = {verdict.value for verdict in Verdict}
    return tuple(_read(row) for row in rows if row[9] in known)


def _read(row: tuple[object, ...]) -> Comparison:
    (host, at_us, model, digest, version, device, architecture, context, kv_type, verdict, used_p, size_p,
     vram_p, used, source, reason, size, vram, disturbed) = row  # fmt: skip
    return Comparison(
        at=from_us(_int(at_us)),
        model=str(model),
        digest=str(digest),
        key=LoadKey(str(version), str(device), str(architecture)),
        context=_int(context),
        kv_type=str(kv_type),
        verdict=Verdict(str(verdict)),
        predicted_used_bytes=_int(used_p),
        predicted_size_bytes=_int(size_p),
        predicted_vram_bytes=_int(vram_p),
        used_bytes=None if used is None else _int(used),
        used_source=str(source),
        used_reason=None if reason is None else str(reason),
        reported_size_bytes=_int(size),
        reported_vram_bytes=_int(vram),
        disturbed=None if disturbed is None else str(disturbed),
        host=HostId(str(host)),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
