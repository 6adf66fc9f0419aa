"""What a model will really take on a machine, where it will lie, and what the server will report.

``prepare`` once per model, then ``fit`` as often as needed (tens of microseconds each). Pure functions.
"""

from .engine import fit, largest_context, prepare
from .prepared import PreparedModel
from .result import Confidence, DeviceUse, FitOptions, FitResult, HostUse, Reason, Verdict
from .verdict import explain

__all__ = [
    "Confidence",
    "DeviceUse",
    "FitOptions",
    "FitResult",
    "HostUse",
    "PreparedModel",
    "Reason",
    "Verdict",
    "explain",
    "fit",
    "largest_context",
    "prepare",
]
