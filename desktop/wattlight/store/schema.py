"""Tables of the ledger, and the steps from one version to the next."""

import contextlib
import sqlite3

from wattlight.domain.energy import State
from wattlight.domain.values import Quality

from .files import migrate, transaction, version_of

STATES: tuple[State, ...] = (State.BASE, State.PARKED, State.ACTIVE, State.MIXED, State.UNATTRIBUTED)
"""A state's number in the file is its place here; only ever append."""
QUALITIES: tuple[Quality, ...] = (
    Quality.METERED,
    Quality.COUNTER,
    Quality.SAMPLED,
    Quality.LEARNED,
    Quality.ESTIMATED,
)
"""A quality's number in the file is its place here, surest first, so that max() is the least sure."""

_BUCKET = """CREATE TABLE {name} (
    start INTEGER NOT NULL, device INTEGER NOT NULL, model INTEGER NOT NULL, state INTEGER NOT NULL,
    energy_mj INTEGER NOT NULL, observed_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    PRIMARY KEY (start, device, model, state)) WITHOUT ROWID"""

_FIRST: tuple[str, ...] = (
    """CREATE TABLE device (id INTEGER PRIMARY KEY, host TEXT NOT NULL, key TEXT NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, vendor TEXT NOT NULL, scope TEXT NOT NULL,
    source TEXT NOT NULL, UNIQUE (host, key))""",
    "CREATE TABLE model (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL)",
    # start counts whole minutes (quarter hours) since 1970 UTC; model 0 is none
    _BUCKET.format(name="minute"),
    _BUCKET.format(name="quarter"),
    """CREATE TABLE presence (host TEXT NOT NULL, start INTEGER NOT NULL,
    observed_ms INTEGER NOT NULL, PRIMARY KEY (host, start)) WITHOUT ROWID""",
    """CREATE TABLE presence_quarter (host TEXT NOT NULL, start INTEGER NOT NULL,
    observed_ms INTEGER NOT NULL, PRIMARY KEY (host, start)) WITHOUT ROWID""",
    """CREATE TABLE gap (device INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (device, start_us, end_us)) WITHOUT ROWID""",
    """CREATE TABLE counter (device INTEGER PRIMARY KEY, counter_mj INTEGER, at_us INTEGER NOT NULL,
    mono_us INTEGER NOT NULL, epoch TEXT NOT NULL, boot_id TEXT NOT NULL)""",
    """CREATE TABLE level (device INTEGER NOT NULL, models TEXT NOT NULL, power_uw INTEGER NOT NULL,
    learned_us INTEGER NOT NULL, observed_s INTEGER NOT NULL, PRIMARY KEY (device, models)) WITHOUT ROWID""",
    # a cache only: closed days cut by price, for one tariff at a time; may be emptied at any moment
    """CREATE TABLE day (day TEXT NOT NULL, host TEXT NOT NULL, device INTEGER NOT NULL,
    model INTEGER NOT NULL, state INTEGER NOT NULL, price TEXT NOT NULL, fallback INTEGER NOT NULL,
    energy_mj INTEGER NOT NULL, observed_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    PRIMARY KEY (day, host, device, model, state, price, fallback)) WITHOUT ROWID""",
    """CREATE TABLE day_closed (day TEXT NOT NULL, host TEXT NOT NULL, end_us INTEGER NOT NULL,
    observed_ms INTEGER NOT NULL, PRIMARY KEY (day, host)) WITHOUT ROWID""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)

# the relative error of a device's energy; for the parts of old ledgers as far as their scope tells it
_ERRORS: tuple[str, ...] = (
    "ALTER TABLE device ADD COLUMN error REAL",
    "UPDATE device SET error = 0.1 WHERE scope IN ('chip', 'board', 'package', 'module')",
)

# learned figures are surer than estimates; and the range between which the draw of unmeasured parts lies
_LEARNED: tuple[str, ...] = (
    *(f"UPDATE {table} SET quality = 4 WHERE quality = 3" for table in ("minute", "quarter", "day")),
    # start counts quarter hours
    """CREATE TABLE estimate (host TEXT NOT NULL, start INTEGER NOT NULL, low_mj INTEGER NOT NULL,
    high_mj INTEGER NOT NULL, seen_ms INTEGER NOT NULL, PRIMARY KEY (host, start)) WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _ERRORS, _LEARNED)
"""Statements that lead from version i to i + 1; never changed once released."""
VERSION = len(MIGRATIONS)

_TEXTS = ("device", "model", "meta", "level", "counter")
_LARGEST, _LATEST_US = 1 << 53, 1 << 58
_NUMBERS = {"state": len(STATES) - 1, "quality": len(QUALITIES) - 1}
"""The largest of those that are places in a list."""


def check(connection: sqlite3.Connection) -> None:
    """Read the whole ledger once: its pages, its tables, and whether each value is one that can be.

    Raises:
        sqlite3.DatabaseError, UnicodeDecodeError: it is damaged, or no ledger.
    """
    for (answer,) in connection.execute("PRAGMA quick_check(1)").fetchall():
        if answer != "ok":
            raise sqlite3.DatabaseError("malformed: " + str(answer)[:80])
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as sound:
        migrate(sound, MIGRATIONS[: version_of(connection)])
        tables = _columns(sound)
        if not tables.items() <= _columns(connection).items():
            raise sqlite3.DatabaseError("malformed: other tables")
        for table in _TEXTS:  # text that is none cannot be fetched
            for _ in connection.execute(f"SELECT * FROM {table}"):
                pass
        for table in sorted(set(tables) - {"day", "day_closed"}):  # a cache; damage costs it alone
            if connection.execute(f"SELECT 1 FROM {table} WHERE {_bad(sound, table)} LIMIT 1").fetchone():
                raise sqlite3.DatabaseError(f"malformed: a row of {table}")


def _bad(sound: sqlite3.Connection, table: str) -> str:
    """What a row of the table has that holds a value that cannot be."""
    told = []
    columns = sound.execute('SELECT name, type, "notnull" FROM pragma_table_info(?)', (table,))
    for name, kind, needed in columns:
        wrong = f"typeof({name}) <> '{kind.lower()}'"
        if kind == "REAL":
            wrong += f" OR {name} NOT BETWEEN 0 AND {_LARGEST}"
        elif name in _NUMBERS:
            wrong += f" OR {name} NOT BETWEEN 0 AND {_NUMBERS[name]}"
        elif kind == "INTEGER":
            most = _LATEST_US if name.endswith("_us") else _LARGEST
            wrong += f" OR {name} NOT BETWEEN {-most} AND {most}"
        told.append(wrong if needed else f"{name} IS NOT NULL AND ({wrong})")
    return " OR ".join(told)


def _columns(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: tuple(row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (name,)))
        for (name,) in tables
    }


def forget_days(connection: sqlite3.Connection) -> None:
    """Empty the cache of closed days: they are added up anew."""
    with transaction(connection):
        connection.execute("DELETE FROM day")
        connection.execute("DELETE FROM day_closed")
