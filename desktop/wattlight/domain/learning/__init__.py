"""What a load really took against what was predicted, and what later predictions learn from it.

Pure rules: a load that something disturbed is remembered and shown, but nothing is learned from it.
"""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .comparison import Comparison, LoadKey, Prediction, device_label, predicted
    from .correction import Correction, corrected, learn, matching
    from .disturbed import at_rest, disturbance
    from .look import DeviceLook, MemoryLook, UsedMemory, look_at, used_between
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "comparison": "Comparison LoadKey Prediction device_label predicted",
            "correction": "Correction corrected learn matching",
            "disturbed": "at_rest disturbance",
            "look": "DeviceLook MemoryLook UsedMemory look_at used_between",
        },
    )
