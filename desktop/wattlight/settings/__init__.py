"""Typed settings of one user."""

from .model import CURRENT, BreakEvenEntry, FirstRun, Meter, Price, ServerAddress, Settings
from .storage import LoadedSettings, SettingsError, SettingsFile, load_settings, merged, save_settings

__all__ = [
    "CURRENT",
    "BreakEvenEntry",
    "FirstRun",
    "LoadedSettings",
    "Meter",
    "Price",
    "ServerAddress",
    "Settings",
    "SettingsError",
    "SettingsFile",
    "load_settings",
    "merged",
    "save_settings",
]
