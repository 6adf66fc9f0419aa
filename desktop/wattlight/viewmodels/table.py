"""A table as views hand it out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableView:
    """A plain table: headings and rows of texts; the first column is text, the others are figures."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    quiet_rows: frozenset[int] = frozenset()
