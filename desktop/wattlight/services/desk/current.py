"""The settings in force, shared by what is built before the desk and the desk itself."""

from dataclasses import dataclass

from wattlight.settings import Settings


@dataclass(slots=True)
class CurrentSettings:
    """A cell; replaced by the desk on the main thread, read from any."""

    value: Settings
