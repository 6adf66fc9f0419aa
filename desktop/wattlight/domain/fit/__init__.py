"""What a model will really take on a machine, where it will lie, and what the server will report.

``prepare`` once per model, then ``fit`` as often as needed (tens of microseconds each). Pure functions.
"""

from .architecture import Architecture
from .cache import KV_TYPES, UnknownCacheType
from .engine import fit, fit_at_best, prepare
from .longest import largest_context
from .prepared import PreparedModel
from .ready_tapes import offer_tapes
from .reasons import Reason, about_machine, explain
from .result import Confidence, ContextSource, DeviceUse, DraftUse, FitOptions, FitResult, HostUse, Verdict
from .server_rules import left_out, usable_devices
from .together import RoomBeside, Together, fit_together, without_models
