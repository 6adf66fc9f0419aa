"""Builds the parts both faces use, each on first need."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property

from wattlight.paths import Places, places_for_user
from wattlight.settings import Settings, load_settings


class LocalWorkshop:
    """The workshop of this computer and this user (see :class:`wattlight.services.Workshop`)."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ if environ is None else environ)

    @property
    def environ(self) -> Mapping[str, str]:
        """The process environment at start."""
        return self._environ

    @cached_property
    def places(self) -> Places:
        """The user's folders."""
        return places_for_user(self._environ)

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def settings(self) -> Settings:
        """The user's settings, defaults for whatever is damaged."""
        return load_settings(self.places.settings_file).settings
