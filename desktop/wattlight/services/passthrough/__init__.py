"""The pass-through as the program uses it: off until asked for, its counts kept, clients pointed at it."""

from .keeper import TokenKeeper
from .switch import PassThrough, PassThroughState, pointing_at

__all__ = ["PassThrough", "PassThroughState", "TokenKeeper", "pointing_at"]
