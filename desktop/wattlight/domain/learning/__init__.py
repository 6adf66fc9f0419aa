"""What a load really took against what was predicted, and what later predictions learn from it.

Pure rules: a load that something disturbed is remembered and shown, but nothing is learned from it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import Comparison, LoadKey, Prediction, device_label, predicted
    from .correction import Correction, corrected, corrected_report, learn, matching
    from .disturbed import DISTURBANCES, disturbance
    from .look import DeviceLook, MemoryLook, UsedMemory, is_runner, look_at, used_between

_PARTS = {
    "comparison": "Comparison LoadKey Prediction device_label predicted",
    "correction": "Correction corrected corrected_report learn matching",
    "disturbed": "DISTURBANCES disturbance",
    "look": "DeviceLook MemoryLook UsedMemory is_runner look_at used_between",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

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


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
