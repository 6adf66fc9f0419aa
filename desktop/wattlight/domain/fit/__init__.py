"""What a model will really take on a machine, where it will lie, and what the server will report.

``prepare`` once per model, then ``fit`` as often as needed (tens of microseconds each). Pure functions.
"""

from .cache import KV_TYPES
from .engine import fit, prepare
from .largest import largest_context
from .prepared import PreparedModel
from .problems import UnknownCacheType
from .reasons import Reason, explain
from .result import Confidence, DeviceUse, FitOptions, FitResult, HostUse, Verdict

__all__ = [
    "KV_TYPES",
    "Confidence",
    "DeviceUse",
    "FitOptions",
    "FitResult",
    "HostUse",
    "PreparedModel",
    "Reason",
    "UnknownCacheType",
    "Verdict",
    "explain",
    "fit",
    "largest_context",
    "prepare",
]
