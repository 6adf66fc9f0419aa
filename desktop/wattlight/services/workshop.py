"""What a face may ask the composition root for; built lazily, so that each verb pays for its own parts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from wattlight.paths import Places
from wattlight.settings import Settings


class Workshop(Protocol):
    """Makes the parts. Each method may raise :class:`~wattlight.domain.values.Problem`."""

    @property
    def places(self) -> Places:
        """The user's folders."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The process environment at start."""

    def now(self) -> datetime:
        """Aware UTC time."""

    def settings(self) -> Settings:
        """The user's settings as they are on disk now (defaults for whatever is damaged)."""
