"""What to run on a machine, and whether what is installed fits it."""

from .advisor import Advisor, ShapeOf
from .verdict_on import Ladder, Opinion

__all__ = ["Advisor", "Ladder", "Opinion", "ShapeOf"]
