"""Smart plugs: the wall itself, read in the home network, by one thread, off until a plug is set."""

from .kinds import KINDS, host_of, open_plug
from .watch import PlugWatch
