"""Deletes what is older than the person wants to keep."""

from .problem import translated
from .writer import LedgerWriter

_MINUTE_US = 60_000_000
_QUARTER_US = 15 * _MINUTE_US


def forget_before(writer: LedgerWriter, before_us: int) -> int:
    """Delete every row that ended before ``before_us`` (microseconds since 1970 UTC); how many went.

    Raises:
        LedgerProblem: it could not; nothing was deleted.
    """
    connection = writer.connection
    limits = (
        ("minute", "start", before_us // _MINUTE_US),
        ("presence", "start", before_us // _MINUTE_US),
        ("quarter", "start", before_us // _QUARTER_US),
        ("presence_quarter", "start", before_us // _QUARTER_US),
        ("gap", "end_us", before_us),
        ("day_closed", "end_us", before_us),
    )
    gone = 0
    with translated("written"):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for table, column, limit in limits:
                gone += connection.execute(f"DELETE FROM {table} WHERE {column} < ?", (limit,)).rowcount
            connection.execute("DELETE FROM day WHERE (day, host) NOT IN (SELECT day, host FROM day_closed)")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return gone
