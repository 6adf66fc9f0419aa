"""What a face may ask the composition root for; built lazily, so that each verb pays for its own parts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wattlight.paths import Places
from wattlight.settings import Settings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wattlight.domain.entry import Catalog
    from wattlight.domain.tariff import Tariff
    from wattlight.domain.values import MachineProfile
    from wattlight.probes import Prober
    from wattlight.runtime import ModelServer
    from wattlight.store import LedgerReader
    from wattlight.store.jobs import JobsBook

    from .advising import Advisor
    from .refreshing import CatalogueRefresh
    from .shapes import ShapeFinder


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

    def prober(
        self,
        root: Path | None = None,
        trace: Callable[[str], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> "Prober":
        """A new prober of this computer, or of the recorded tree below ``root``; the caller closes it."""

    def catalog(self) -> "Catalog":
        """The shipped catalogue, loaded once."""

    def advisor(self) -> "Advisor":
        """What recommends and judges models."""

    def refresher(self) -> "CatalogueRefresh":
        """Reads manifests of listed models again; asks the registry only when told to."""

    def shape_finder(self) -> "ShapeFinder":
        """Finds the exact shape of a model by name or path."""

    def jobs(self) -> "JobsBook":
        """The database of what was learned, measured and counted; opened once."""

    def machine_profile(self) -> "MachineProfile":
        """What this computer has, looked at once."""

    def server(self, host: str | None = None) -> "ModelServer":
        """The model server of this computer, or the one ``host`` names: a name in the settings or a URL."""

    def ledger(self) -> "LedgerReader":
        """A new reader of the energy ledger, empty where nothing was recorded; the caller closes it."""

    def tariff(self) -> "Tariff | None":
        """The tariff of the settings, None where no price is set."""

    def zone(self) -> "ZoneInfo":
        """The zone of days: the tariff's, else this computer's."""
