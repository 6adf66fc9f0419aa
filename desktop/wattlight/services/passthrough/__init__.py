"""The pass-through as the program uses it: off until asked for, its counts kept, clients pointed at it."""

from .keeper import TokenWriter
from .window_energy import ModelEnergy, WindowEnergy
