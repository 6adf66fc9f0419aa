"""What a load really took against what was predicted, and what later predictions learn from it.

Pure rules: a load that something disturbed is remembered and shown, but nothing is learned from it.
"""

from .comparison import Comparison, LoadKey, Prediction, device_label, predicted
from .correction import Correction, corrected, corrected_report, learn, matching
from .disturbed import DISTURBANCES, disturbance
from .look import DeviceLook, MemoryLook, UsedMemory, is_runner, look_at, used_between

__all__ = [
    "DISTURBANCES",
    "Comparison",
    "Correction",
    "DeviceLook",
    "LoadKey",
    "MemoryLook",
    "Prediction",
    "UsedMemory",
    "corrected",
    "corrected_report",
    "device_label",
    "disturbance",
    "is_runner",
    "learn",
    "look_at",
    "matching",
    "predicted",
    "used_between",
]
