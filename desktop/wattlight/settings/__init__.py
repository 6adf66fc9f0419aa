"""Typed settings of one user."""

from .model import (
    CURRENT,
    BreakEvenEntry,
    FirstRun,
    MeterSettings,
    PlugSettings,
    Price,
    ServerAddress,
    Settings,
)
from .storage import LoadedSettings, SettingsError, SettingsFile, load_settings, merged, save_settings
