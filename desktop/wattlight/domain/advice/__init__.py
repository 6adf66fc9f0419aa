"""Which models to recommend on a machine, and why."""

from .editorial import Editorial, Languages

__all__ = ["Editorial", "Languages"]
