"""Typed settings of one user."""

from .model import (
    CURRENT,
    BreakEvenEntry,
    CarbonSettings,
    FirstRun,
    MeterSettings,
    PlugSettings,
    Price,
    PriceFeed,
    ServerAddress,
    Settings,
)
from .storage import LoadedSettings, SettingsError, SettingsFile, load_settings, merged, save_settings
