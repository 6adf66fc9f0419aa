"""Typed settings of one user."""

from .model import (
    CURRENT,
    Alias,
    BreakEvenEntry,
    CarbonSettings,
    FirstRun,
    MeterSettings,
    ModelRuleSettings,
    ModelWish,
    NotificationSettings,
    PlugSettings,
    Price,
    PriceFeed,
    PublishSettings,
    PullSettings,
    ServerAddress,
    ServerValue,
    Settings,
)
from .storage import (
    LoadedSettings,
    SettingsError,
    SettingsFile,
    file_stamp,
    load_settings,
    merged,
    save_settings,
)
