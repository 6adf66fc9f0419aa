"""An API against one's own hardware: monthly cost of both, payback, and what to send where."""

from .answer import BreakEven, compare
from .inputs import ApiPrice, BreakEvenProblem, LocalSide, Use
from .prices import parse_api_prices

__all__ = ["ApiPrice", "BreakEven", "BreakEvenProblem", "LocalSide", "Use", "compare", "parse_api_prices"]
