"""Turns the figures for other programs on and off as the settings say."""

import platform
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from wattlight.domain.command import Command
from wattlight.domain.state import AppState, Trial
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.services.current import CurrentSettings
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.services.models import SerialExecutor
from wattlight.services.plugs import keep_secret
from wattlight.settings import PublishSettings

from .home_assistant import MqttFigures, read_broker

if TYPE_CHECKING:
    from .prometheus import PrometheusPage

BROKER_SECRET = "mqtt"


class Publishing:
    """Follows the settings on a thread of its own; how each stands is told in the state."""

    def __init__(self, factory: ServiceFactory, settings: CurrentSettings, hub: StateHub) -> None:
        self._factory, self._settings, self._hub = factory, settings, hub
        self._executor = SerialExecutor("wattlight-publishing", factory.threads.start)
        self._page: PrometheusPage | None = None
        self._home: MqttFigures | None = None
        settings.subscribe(lambda s: s.publish.prometheus_port, self._renew(self._page_anew))
        settings.subscribe(lambda s: (s.publish.broker, s.publish.user), self._renew(self._home_anew))

    def start(self) -> None:
        """Turn on what the settings want; nothing is loaded for what they do not."""
        if self._wanted.prometheus_port:
            self._renew(self._page_anew)()
        if self._wanted.broker:
            self._renew(self._home_anew)()

    def keep(self, command: Command) -> None:
        """Keep the broker's password, and connect with it."""
        told = keep_secret(self._factory, BROKER_SECRET, command)
        self._set(lambda state: replace(state, home_assistant=told))
        if not told.bad:
            self._renew(self._home_anew)()

    def stop(self) -> bool:
        """End both; Home Assistant keeps the figures, as not available."""

        def end() -> None:
            if self._page is not None:
                self._page.stop()
            if self._home is not None:
                self._home.stop()

        self._executor.submit(end)
        return self._executor.close(5.0, finish=True)

    @property
    def _wanted(self) -> PublishSettings:
        return self._settings.value.publish

    def _renew(self, what: Callable[[], None]) -> Callable[[], object]:
        return lambda: self._executor.submit(what)

    def _page_anew(self) -> None:
        if self._page is not None:
            self._page.stop()
            self._page = None
        told = Trial()
        if self._wanted.prometheus_port:
            from .prometheus import PrometheusPage

            start = self._factory.threads.start
            page = PrometheusPage(lambda: self._hub.state, self._wanted.prometheus_port, start)
            try:
                page.start()
            except Problem as problem:
                told = Trial(str(problem), bad=True)
            else:
                self._page = page
                told = Trial(tr("The figures are at {url}, for this computer alone.", url=page.url))
        self._set(lambda state: replace(state, prometheus=told))

    def _home_anew(self) -> None:
        wanted = self._wanted
        if self._home is not None:
            self._home.stop(forget=not wanted.broker)
            self._home = None
        if not wanted.broker:
            self._tell_home("", False)
            return
        try:
            broker = read_broker(wanted.broker)
            self._factory.note_contact(broker.host, "figures")
            home = MqttFigures(
                broker,
                wanted.user,
                lambda: self._factory.keyring().get(BROKER_SECRET),
                lambda: self._hub.state,
                platform.node() or "computer",
                self._tell_home,
                self._factory.threads.start,
            )
            self._tell_home(tr("Connecting to {host}…", host=wanted.broker), False)
            home.start()
        except Problem as problem:
            self._tell_home(str(problem), True)
        else:
            self._home = home

    def _tell_home(self, said: str, bad: bool) -> None:
        self._set(lambda state: replace(state, home_assistant=Trial(said, bad)))

    def _set(self, change: Callable[[AppState], AppState]) -> None:
        self._hub.update(change)
