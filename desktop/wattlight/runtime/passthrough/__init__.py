"""A relay on loopback in front of the server: bytes go through untouched, counters are read on the way.

Off unless started. Nothing of a prompt or an answer is kept: only the last bytes of an answer are looked
at, when it ends, and then dropped.
"""

from .guard import names_this_computer
from .server import DEFAULT_PORT, PassThroughServer
