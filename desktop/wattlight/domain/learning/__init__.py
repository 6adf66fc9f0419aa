"""What a load really took against what was predicted, and what later predictions learn from it.

Pure rules: a load that something disturbed is remembered and shown, but nothing is learned from it.
"""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .comparison import Comparison, LoadKey, Prediction, device_label, predicted
    from .correction import Correction, corrected, corrected_report, learn, matching
    from .disturbed import DISTURBANCES, disturbance
    from .look import DeviceLook, MemoryLook, UsedMemory, is_runner, look_at, used_between
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "comparison": "Comparison LoadKey Prediction device_label predicted",
            "correction": "Correction corrected corrected_report learn matching",
            "disturbed": "DISTURBANCES disturbance",
            "look": "DeviceLook MemoryLook UsedMemory is_runner look_at used_between",
        },
    )
