"""What was read again from the registry; the shipped catalogue itself is never written."""

from .book import RereadBook, RereadProblem

__all__ = ["RereadBook", "RereadProblem"]
