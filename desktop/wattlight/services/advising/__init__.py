"""What to run on a machine, and whether what is installed fits it."""

from .advisor import Advisor, ShapeOf
from .verdict_on import Opinion

__all__ = ["Advisor", "Opinion", "ShapeOf"]
