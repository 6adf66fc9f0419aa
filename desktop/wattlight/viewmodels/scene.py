"""What a view is made from: the state, the settings, the time, and the answers of slower questions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING

from wattlight.domain.pulls import PullState
from wattlight.domain.servers import Can, cannot_text, kind_name
from wattlight.domain.state import (
    AppState,
    HostState,
    InstalledModel,
    RunningModel,
    ServerStatus,
    SetupFacts,
    full_name,
    same_model,
)
from wattlight.domain.values import LOCAL_HOST
from wattlight.i18n import tr
from wattlight.services.answers import Extras, FitNote, NamedModel, Offer
from wattlight.settings import Settings

if TYPE_CHECKING:
    from wattlight.domain.answers import TokenCost


@dataclass(frozen=True, slots=True)
class Scene:
    """The one argument of every view function.

    ``zone`` is of clock times; None: the computer's own. Days and months are of the tariff's (``today``).
    """

    state: AppState
    settings: Settings
    now: datetime
    extras: Extras = field(default_factory=Extras)
    zone: tzinfo | None = None
    setup: SetupFacts = field(default_factory=SetupFacts)
    _fits: dict[str, FitNote] = field(default_factory=dict, init=False, repr=False, compare=False)
    _installed: dict[str, InstalledModel] = field(default_factory=dict, init=False, repr=False, compare=False)
    _offers: dict[str, Offer] = field(default_factory=dict, init=False, repr=False, compare=False)
    _switchable: list[InstalledModel] = field(default_factory=list, init=False, repr=False, compare=False)

    def without_readings(self) -> "Scene":
        """Without what a look at the computer changes of its host; to the minute while nothing is under way.

        Equal where a view that shows neither its figures nor seconds is the same.
        """
        mine = self.host
        still = replace(mine, sample=None, history=(), today=None, month=None, programs=None)
        hosts = tuple(still if host is mine else host for host in self.state.hosts)
        busy = self.state.tasks or self.state.pulls or self.setup.setup
        now = self.now if busy else self.now.replace(second=0, microsecond=0)
        return replace(self, state=replace(self.state, hosts=hosts, speeds=()), now=now)

    @property
    def today(self) -> date:
        """The local date where the price applies."""
        return self.now.astimezone(self.state.zone or self.zone).date()

    @property
    def host(self) -> HostState:
        """The computer the windows show: the local one, else the first."""
        for host in self.state.hosts:
            if host.id == LOCAL_HOST:
                return host
        return self.state.hosts[0]

    @property
    def local_models(self) -> tuple[InstalledModel, ...]:
        return tuple(m for m in self.host.server.installed if m.remote_host is None)

    @property
    def ready(self) -> bool:
        """Whether the server can be asked for something."""
        return self.host.server.status is ServerStatus.READY

    def why_not(self, *wanted: Can) -> str:
        """Why the server cannot be asked for all of ``wanted``; "" where it can."""
        server = self.host.server
        if not self.ready:
            return tr("{server} is not running.", server=kind_name(server.kind))
        return next((cannot_text(server.kind, what) for what in wanted if not server.can(what)), "")

    def running(self, model: str) -> RunningModel | None:
        """``model`` as it is loaded, if it is; of two of that name the one that is installed."""
        found = [m for m in self.host.server.running if same_model(m.name, model)]
        installed = self.installed(model) if len(found) > 1 else None
        return next(
            (m for m in found if installed and m.digest == installed.digest), found[0] if found else None
        )

    def installed(self, model: str) -> InstalledModel | None:
        """``model`` as the server has it, if it has."""
        if not self._installed:
            self._installed.update((full_name(m.name), m) for m in reversed(self.host.server.installed))
        return self._installed.get(full_name(model))

    def pull(self, model: str) -> PullState | None:
        """The download of ``model``, if one is under way or waits."""
        pulls = (p for p in self.state.pulls if p.under_way and same_model(p.model, model))
        return next(pulls, None)

    @property
    def switchable(self) -> Sequence[InstalledModel]:
        """The local models that are not loaded."""
        if not self._switchable:
            loaded = {full_name(m.name) for m in self.host.server.running}
            alias = self.settings.alias
            if alias.on:
                loaded.add(full_name(alias.name))
            self._switchable.extend(m for m in self.local_models if full_name(m.name) not in loaded)
        return self._switchable

    def fit_of(self, model: str) -> FitNote | None:
        """What is known of the fit of ``model``, from the fits or from the offers."""
        if not self._fits:
            self._fits.update((full_name(note.model), note) for note in reversed(self.extras.fits))
        if note := self._fits.get(full_name(model)):
            return note
        offer = self.offer_of(model)
        return None if offer is None else offer.fit

    def offer_of(self, model: str) -> Offer | None:
        """``model`` as it can be installed, where that is known."""
        if not self._offers:
            named = (self.extras.named.offer,) if self.extras.named else ()
            offers = (*(self.extras.offers or ()), *named)
            self._offers.update((full_name(offer.model), offer) for offer in reversed(offers))
        return self._offers.get(full_name(model))

    def named(self, model: str) -> NamedModel | None:
        """The answer about ``model``, if it was the last that was asked about."""
        named = self.extras.named
        return named if named is not None and same_model(named.offer.model, model) else None

    def token_cost(self, model: str) -> "TokenCost | None":
        """What a million tokens of ``model`` took this month, where that is known."""
        months = self.extras.costs.models if self.extras.costs else ()
        return next((m.tokens for m in months if same_model(m.model, model)), None)
