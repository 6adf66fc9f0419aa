"""Builds the parts both faces use, each on first need, so that a verb pays for its own parts alone."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from wattlight.domain import Problem
from wattlight.domain.servers import ServerKind
from wattlight.paths import Places, places_for_user

from .threads import Threads

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wattlight.catalog.registry import Registry
    from wattlight.domain.entry import Catalog
    from wattlight.domain.shape import ModelShape
    from wattlight.domain.tariff import Tariff
    from wattlight.domain.tokens import MeasuredSpeed
    from wattlight.domain.values import MachineProfile
    from wattlight.probes import CardLimit, Prober, ProgramTimes
    from wattlight.probes.plugs import PlugWatch
    from wattlight.runtime import ModelServer
    from wattlight.settings import PlugSettings, ServerAddress, Settings
    from wattlight.store import LedgerReader, MeterLock
    from wattlight.store.jobs import LearningStore
    from wattlight.system import SecretStore
    from wattlight.web import Web

    from .advising import Advisor
    from .current import Servers
    from .models import PullBook, PullGuard
    from .price_feeds import PriceFetcher
    from .refreshing import CatalogueRefresh
    from .shapes import FoundShape, ShapeFinder


PLUG_SECRET = "plug"
"""Name of the plug's password or token in the keyring."""


class ServiceFactory:
    """Makes the parts of this computer and this user. Each method may raise a Problem."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ if environ is None else environ)
        self.servers: Servers | None = None
        """Of the tray: what is asked of the server goes where it is now, a server of ours included."""
        self.leaving = Event()
        """Once it is set, what asks the internet ends: the program does."""

    @property
    def environ(self) -> Mapping[str, str]:
        return self._environ

    @cached_property
    def places(self) -> Places:
        return places_for_user(self._environ)

    @cached_property
    def threads(self) -> Threads:
        """Starts and watches every thread of the program."""
        return Threads()

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def settings(self) -> "Settings":
        """The user's settings, defaults for whatever is damaged."""
        from wattlight.settings import load_settings

        return load_settings(self.places.settings_file).settings

    def prober(
        self,
        root: Path | None = None,
        trace: Callable[[str], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> "Prober":
        """A new prober of this computer or of a recorded tree (which is not remembered).

        ``WATTLIGHT_SYSROOT`` names such a tree for the whole program; it is for developers and tests.
        """
        from wattlight.probes import open_prober

        if root is None and self._environ.get("WATTLIGHT_SYSROOT"):
            root = Path(self._environ["WATTLIGHT_SYSROOT"])
        cache = self.places.cache if root is None else None
        plug = self.plug_watch(self.settings().plug) if root is None else None
        return open_prober(
            root,
            cache,
            trace=trace,
            clock=clock or time.monotonic,
            environ=self._environ,
            start=self.threads.start,
            plug=plug,
        )

    def plug_watch(self, plug: "PlugSettings") -> "PlugWatch | None":
        """Asks the plug of the settings once it is used; None where none is set."""
        if not plug.kind:
            return None
        from wattlight.probes.plugs import PlugWatch, host_of

        host = host_of(plug)
        if host:
            self.note_contact(host, "plug")
        return PlugWatch(plug, lambda: self.keyring().get(PLUG_SECRET), self.threads.start)

    def keyring(self) -> "SecretStore":
        """Passwords and tokens of this user."""
        from wattlight.system import SecretStore

        return SecretStore(self.places.config)

    def card_limits(self) -> "AbstractContextManager[list[CardLimit]]":
        """The cards whose power limit can be read; the driver is open within the block."""
        from wattlight.probes import NvmlApi, card_limits

        return card_limits(NvmlApi())

    def program_times(self) -> "ProgramTimes":
        """Tells which programs of this account use the processor."""
        from wattlight.probes import ProgramTimes

        return ProgramTimes()

    def catalog(self) -> "Catalog":
        """The shipped catalogue, with what was read again from the registry since; loaded once."""
        return self._catalog

    @cached_property
    def _catalog(self) -> "Catalog":
        from wattlight.catalog.reread import RereadBook
        from wattlight.catalog.shipped import load_catalog
        from wattlight.domain.entry import with_rereads

        return with_rereads(load_catalog(), RereadBook(self._reread_file).read())

    @property
    def _reread_file(self) -> Path:
        return self.places.cache / "catalogue.json"

    def refresher(self) -> "CatalogueRefresh":
        """Reads manifests of listed models again; asks the registry only when told to."""
        from wattlight.catalog.reread import RereadBook

        from .refreshing import CatalogueRefresh

        return CatalogueRefresh(
            self.catalog,
            self.registry().described,
            RereadBook(self._reread_file),
            lambda: self.now().date(),
            self._catalogue_changed,
        )

    def _catalogue_changed(self) -> None:
        self.__dict__.pop("_catalog", None)
        if "_advisor" in self.__dict__:
            self._advisor.renew(self.catalog())

    def jobs(self) -> "LearningStore":
        """The database of what was learned, measured and counted; opened with the first question."""
        return self._jobs

    @cached_property
    def _jobs(self) -> "LearningStore":
        from wattlight.store.jobs import LearningStore

        return LearningStore(self.places.jobs_file, self.now())

    def close(self) -> None:
        """Let go of what is open; the next question opens it again."""
        if "_jobs" in self.__dict__:
            self._jobs.close()

    def paced(self, profile: "MachineProfile") -> "MachineProfile":
        """This computer's ``profile`` with the speeds its own runs showed; as it is before the first."""
        runs = self.own_runs()
        return self.advisor().paced(profile, runs) if runs else profile

    def own_runs(self) -> "tuple[MeasuredSpeed, ...]":
        """Runs of the benchmark, newest first; none while they cannot be read or there is no book of them."""
        if not self.places.jobs_file.exists():
            return ()
        try:
            return self.jobs().speeds()
        except Problem as problem:
            logging.getLogger("wattlight").warning("speeds are not read: %s", problem)
            return ()

    def advisor(self) -> "Advisor":
        return self._advisor

    @cached_property
    def _advisor(self) -> "Advisor":
        from wattlight.catalog.editorial import load_editorial

        from .advising import Advisor

        return Advisor(self.catalog(), load_editorial(), self._installed_shape)

    def _installed_shape(self, name: str) -> "ModelShape | None":
        """The header of an installed model; what reads it is loaded with the first one."""
        found = self.shape_finder().installed(name)
        return None if found is None else found.shape

    def shape_finder(self) -> "ShapeFinder":
        """Finds the exact shape of a model by name or path."""
        return self._shape_finder

    @cached_property
    def _shape_finder(self) -> "ShapeFinder":
        from wattlight.catalog.installed import InstalledModels, models_folders
        from wattlight.catalog.registry import ShapeCache

        from .shapes import ShapeFinder

        cache = ShapeCache(self.places.cache / "shapes")
        installed = InstalledModels(models_folders(self._environ), cache)
        return ShapeFinder(installed, self.registry(), self._catalogue_shape, self.server, self.catalog)

    def registry(self, reason: str = "shape") -> "Registry":
        """Asks registries of models; each host stands in the list of hosts contacted, with the ``reason``."""
        from wattlight.catalog.registry import Registry, ShapeCache

        return Registry(ShapeCache(self.places.cache / "shapes"), self._web_for(reason))

    def _web_for(self, reason: str) -> "Web":
        """The way out; each host that is asked stands in the list of hosts contacted."""
        from wattlight.web import Web

        told = partial(self.note_contact, reason=reason)
        return Web(self._environ, on_host=told, leaving=self.leaving)

    def pull_guard(self, is_ours: Callable[[str], bool] = lambda _: False) -> "PullGuard":
        """What cares for downloads; each host that it asks stands in the list of hosts contacted."""
        from wattlight.catalog.download import Puller

        from .models import PullGuard

        puller = Puller(self._web_for("model"), self.threads.start)
        return PullGuard(self.model_folders, puller, self.registry("model"), is_ours=is_ours)

    def pull_book(self) -> "PullBook":
        """The queue of downloads."""
        from .models import PullBook

        return PullBook(self.places.data / "pulls.json")

    def queue_lock(self) -> "MeterLock":
        """Held by the one process that does what is in the queue."""
        from wattlight.store import MeterLock

        return MeterLock(self.places.data / "queue.lock")

    def price_fetcher(self) -> "PriceFetcher":
        """Asks the public feeds of dynamic prices, only when told to."""
        from .price_feeds import PriceFetcher

        return PriceFetcher(self._web_for("prices"), self.places.data, self.now)

    def own_updates_web(self) -> "Web":
        """The way to the list of versions of this program, only where a person has switched that on."""
        return self._web_for("update")

    def note_contact(self, host: str, reason: str) -> None:
        """Put ``host`` on the list of hosts contacted; a list that cannot be written stops nothing."""
        try:
            self.jobs().note_contact(host, reason, self.now())
        except Problem as problem:
            logging.getLogger("wattlight").warning("a contact is not noted: %s", problem)

    def note_registry(self, model: str) -> None:
        """Put the registry that ``model`` is fetched from on that list."""
        from wattlight.catalog.registry import read_address

        with contextlib.suppress(Problem):
            self.note_contact(read_address(model).host, "model")

    def _catalogue_shape(self, name: str) -> "FoundShape | None":
        from wattlight.domain.advice import estimated_by_name

        from .shapes import FoundShape, Source

        known = estimated_by_name(self.catalog(), name)
        if known is None:
            return None
        shape, day = known.model.shape, self.catalog().date
        return FoundShape(name, shape, Source.CATALOGUE, known.confidence, day, ready=known.model)

    def server_logs(self) -> tuple[Path, ...]:
        """Files that a server of this computer may write: ours, and the one of Ollama's own program."""
        from wattlight.probes import server_log

        theirs = server_log(self._environ)
        return (self.places.state / "ollama.log", *(() if theirs is None else (Path(theirs),)))

    def machine_profile(self) -> "MachineProfile":
        """This computer, with the speeds its own runs showed."""
        return self.paced(self._machine)

    @cached_property
    def _machine(self) -> "MachineProfile":
        prober = self.prober()
        try:
            profile = prober.profile()
        finally:
            prober.close()
        with contextlib.suppress(Problem):
            server = self.server()
            if server.endpoint.is_loopback and server.kind is ServerKind.OLLAMA:
                return replace(profile, server=replace(profile.server, version=server.version()))
        return profile

    def model_folders(self, url: str) -> tuple[Path, ...]:
        """Where the files of the server at ``url`` can be looked at; nowhere if it is another computer's."""
        from wattlight.catalog.installed import models_folders
        from wattlight.runtime import parse_endpoint

        return models_folders(self.environ) if parse_endpoint(url).is_loopback else ()

    def server(self, host: str | None = None) -> "ModelServer":
        """The server ``host`` names in the settings or as a URL; None is the first of the settings.

        It is asked which kind it is; one that does not answer is taken for Ollama.
        """
        if host is None and self.servers is not None:
            return self.servers.local
        from wattlight.runtime import connect, look

        address = self.address(host)
        return look(connect(address, self._environ, self.host_key(address)))

    def address(self, host: str | None) -> "ServerAddress":
        """The address that ``host`` names, as :meth:`server` takes it."""
        from wattlight.runtime import choose_address

        return choose_address(host, self.settings().servers)

    def host_key(self, address: "ServerAddress") -> str | None:
        """What is sent with each question to the server of a host; None where it has no key.

        Raises:
            Problem: it has one that the keyring does not give (code ``no_key``).
        """
        if not address.key:
            return None
        key = self.keyring().get(address.secret)
        if key is None:
            from .current import no_key

            raise no_key(address)
        return f"Bearer {key}"

    def ledger(self) -> "LedgerReader":
        """A new reader of the energy ledger; the caller closes it."""
        from wattlight.store import open_reader

        return open_reader(self.places.ledger_file)

    def tariff(self) -> "Tariff | None":
        """The tariff of the settings, None where no price is set."""
        from .pricing import tariff_of

        return tariff_of(self.settings().price, self._environ)

    def zone(self) -> "ZoneInfo":
        """The zone of days: the tariff's, else this computer's."""
        from wattlight.i18n import local_zone

        tariff = self.tariff()
        return local_zone(self._environ) if tariff is None else tariff.zone
