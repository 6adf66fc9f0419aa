"""Builds the services of the desktop program and its window around the icon that is already there."""

from dataclasses import replace

from wattlight import __version__
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState, HostState, ServerState
from wattlight.domain.values import LOCAL_HOST
from wattlight.i18n import activate, tr
from wattlight.services.application import Application, ChangeSettings
from wattlight.services.benchmark import PowerHistory
from wattlight.services.counting import Counting
from wattlight.services.current import CurrentSettings, Servers
from wattlight.services.cut_prompts import CutPrompts
from wattlight.services.daily_prices import DailyPrices
from wattlight.services.energy_access import CounterAccess
from wattlight.services.factory import ServiceFactory
from wattlight.services.far_meter import HostMeters
from wattlight.services.first_run import SetupGuide
from wattlight.services.hosts import HostSetup
from wattlight.services.hub import StateHub
from wattlight.services.learning import LoadLearner, LoadPredictor
from wattlight.services.meter_service import MeterService
from wattlight.services.model_rules import ModelRules
from wattlight.services.own_updates import OwnUpdates, feed_address
from wattlight.services.passthrough import WindowEnergy
from wattlight.services.plugs import PlugSetup
from wattlight.services.publishing import Publishing
from wattlight.services.server_variables import PART, ServerVariables
from wattlight.services.serving import SecurityAdvisories, shipped_advisories
from wattlight.services.slow_answers import SlowAnswers
from wattlight.services.slowness import SlowNotices
from wattlight.services.speed_runs import SpeedRuns
from wattlight.settings import Settings, SettingsFile
from wattlight.system import (
    EnergyPermission,
    autostart_for_platform,
    installed_as,
    open_log,
    own_command,
)
from wattlight.ui import DesktopUi, EarlyIcon


class DesktopProgram:
    """One run of the tray. Made and run on the main thread."""

    def __init__(self, factory: ServiceFactory, early: EarlyIcon, arguments: list[str]) -> None:
        file = SettingsFile(factory.places.settings_file)
        loaded = file.load()
        self._log = open_log(factory.places.log_file)
        activate(loaded.settings.language)
        self._factory = factory
        self._settings = settings = CurrentSettings(loaded.settings, factory.environ)
        factory.servers = servers = Servers(
            loaded.settings.servers, factory.environ, lambda name: factory.keyring().get(name)
        )
        hosts = (HostState(a.host, a.name, ServerState(servers[a.host].url)) for a in servers.addresses)
        self._hub = hub = StateHub(AppState(tuple(hosts), paused=loaded.settings.meter.paused))
        for number, text in enumerate(loaded.notices):
            hub.notify(f"settings {number}", text, factory.now())

        for number, (host, problem) in enumerate(servers.problems):
            text = (
                tr("{problem} Until then Ollama's usual address is used.", problem=str(problem))
                if host == LOCAL_HOST
                else tr("An address of the settings is not used: {problem}", problem=str(problem))
            )
            hub.notify(f"server address {number}", text, factory.now(), "error")

        factory.threads.listen(self._part_failed, self._parts_down)
        meter = MeterService(factory, settings, hub)
        history = PowerHistory()
        windows = WindowEnergy(history, meter.rest_w)
        predictor = LoadPredictor(factory, hub, meter)
        learner = LoadLearner(
            factory.jobs(),
            predictor.after,
            lambda: hub.state.local.server.version,
            lambda _: self._slow.ask("fits", "loads"),
        )
        cuts = CutPrompts(hub, factory.now, factory.server_logs())
        meter.subscribe(lambda _sample, _running: cuts.look())
        counting = Counting(
            servers, factory.jobs(), meter, windows, start=factory.threads.start, heard=cuts.answered
        )
        speeds = SpeedRuns(factory, settings, hub, servers, meter, history, counting)
        guide = SetupGuide(factory, settings, hub, servers, history, counting)
        advisories = SecurityAdvisories(shipped_advisories(), hub, factory.now)
        autostart = autostart_for_platform(own_command())
        self._app = app = Application(
            factory,
            file,
            settings,
            hub,
            servers,
            meter,
            learner,
            predictor,
            counting,
            speeds,
            guide,
            advisories,
            autostart,
        )
        self._slow = slow = SlowAnswers(factory, settings, hub, learner, windows, guide, __version__)
        self._access = access = CounterAccess(factory, hub, meter, EnergyPermission(factory.environ))
        meter.subscribe(history.take)
        meter.subscribe(access.tick)
        meter.subscribe(learner.tick)
        meter.subscribe(lambda _sample, _running: windows.settle())
        meter.subscribe(lambda _sample, _running: app.counted())
        meter.subscribe(lambda _sample, _running: slow.beat(app.watching))
        self._mind_models(meter)
        self._hand_questions_on(speeds)
        self._prices = self._plugs_and_prices(meter)
        self._updates = self._own_updates(meter)
        self._publishing = publishing = Publishing(factory, settings, hub)
        app.handle(Verb.KEEP_BROKER_SECRET, publishing.keep)
        self._hosts = self._other_hosts(servers)
        self._far_meters = far = HostMeters(factory, settings, hub, meter, servers)
        app.on_watch(far.set_shown)
        app.handle(Verb.QUIT, self._quit)
        variables = self._server_variables(guide)
        self._ui = ui = DesktopUi(app, hub.state, loaded.settings, arguments, early, slow.answers)
        slow.listen(lambda answers: ui.publish(extras=answers))
        app.listen(lambda now, changes: ui.publish(settings=now, changes=changes))
        self._leave = (
            hub.subscribe(ui.publish),
            hub.subscribe(slow.state_changed),
            hub.subscribe(variables.state_changed),
        )

    def _hand_questions_on(self, speeds: SpeedRuns) -> None:
        """What takes longer than a redraw, or asks for a password."""
        app, slow = self._app, self._slow
        app.on_outdated(slow.ask)
        app.handle(Verb.ALLOW_ENERGY, self._access.allow)
        app.handle(Verb.FORBID_ENERGY, self._access.forbid)
        app.handle(Verb.ADVISE, lambda c: slow.ask_advice(c.text or None, c.number))
        app.handle(Verb.SHOW_HISTORY, lambda c: slow.ask_history(c.text))
        app.handle(Verb.FIND_UPDATES, lambda _: slow.ask("updates"))
        app.handle(Verb.CLEAN_UP, lambda c: slow.clean_up(c.number))
        app.handle(Verb.JUDGE, lambda c: slow.ask_about(c.model, False))
        app.handle(Verb.LOOK_UP, lambda c: slow.ask_about(c.model, True))
        slow.supply("compared", speeds.answer)
        speeds.listen(lambda: slow.ask("compared"))
        app.handle(Verb.READ_PROMPTS, lambda _: slow.ask("compared"))
        app.handle(Verb.SET_PROMPTS, speeds.set_prompts)

    def _mind_models(self, meter: MeterService) -> None:
        """What is told of loaded models, and done with them, as samples come."""
        hub, now = self._hub, self._factory.now
        rules = ModelRules(self._settings, hub, self._app.do, now)
        meter.subscribe(lambda sample, _: rules.look(sample))
        self._app.handle(Verb.SLEEP, rules.goes_to_sleep)
        self._app.handle(Verb.WAKE, rules.wakes)
        notices = SlowNotices(hub, now)
        meter.subscribe(lambda _sample, _running: notices.look(hub.state, self._slow.answers.fits))

    def _other_hosts(self, servers: Servers) -> HostSetup:
        app = self._app

        def save(before: Settings, after: Settings) -> None:
            app.do(ChangeSettings(before, after))

        hosts = HostSetup(self._factory, self._settings, servers, self._hub, save)
        app.handle(Verb.ADD_HOST, hosts.add)
        app.handle(Verb.REMOVE_HOST, hosts.remove)
        app.handle(Verb.KEEP_HOST_KEY, hosts.keep)
        app.handle(Verb.TRY_METER, hosts.try_meter)
        app.handle(Verb.USE_METER, hosts.use_meter)
        app.handle(Verb.DROP_METER, hosts.drop_meter)
        return hosts

    def _server_variables(self, guide: SetupGuide) -> ServerVariables:
        app, slow = self._app, self._slow

        def save(before: Settings, after: Settings) -> None:
            app.do(ChangeSettings(before, after))

        variables = ServerVariables(self._factory, self._settings, guide, save, slow.ask)
        slow.supply(PART, variables.answer)
        app.handle(Verb.READ_VARIABLES, variables.read)
        app.handle(Verb.PLAN_VARIABLE, variables.plan)
        app.handle(Verb.PLAN_CACHE, variables.plan_cache)
        app.handle(Verb.DROP_VARIABLES, variables.drop)
        app.handle(Verb.WRITE_VARIABLES, variables.write)
        app.handle(Verb.RESTART_SERVER, variables.restart)
        return variables

    def _plugs_and_prices(self, meter: MeterService) -> DailyPrices:
        """What is asked outside of this computer: the wall plug, a feed of prices."""
        app = self._app
        plugs = PlugSetup(self._factory, self._settings, self._hub)
        app.handle(Verb.TRY_PLUG, plugs.try_it)
        app.handle(Verb.KEEP_PLUG_SECRET, plugs.keep)

        def save(before: Settings, after: Settings) -> None:
            app.do(ChangeSettings(before, after))

        def renewed() -> None:
            meter.reprice()
            self._slow.ask("cost")

        prices = DailyPrices(self._factory, self._settings, self._hub, save, renewed)
        app.handle(Verb.FETCH_PRICES, prices.fetch)
        meter.subscribe(lambda _sample, _running: prices.beat())
        return prices

    def _own_updates(self, meter: MeterService) -> OwnUpdates:
        factory, package = self._factory, installed_as(self._factory.environ)
        updates = OwnUpdates(factory, self._settings, self._hub, feed_address(), __version__, package)
        self._app.handle(Verb.LOOK_FOR_UPDATE, updates.look)
        meter.subscribe(lambda _sample, _running: updates.beat())
        return updates

    def run(self) -> int:
        """Run until quit, stop in order, return the exit code."""
        self._slow.start()
        self._slow.ask("computer")
        self._app.start()
        self._publishing.start()
        self._far_meters.follow()
        try:
            return self._ui.start()
        finally:
            for leave in self._leave:
                leave()
            self._factory.leaving.set()
            self._access.close(0.5)
            stopped = self._prices.stop()
            stopped = self._updates.stop() and stopped
            stopped = self._publishing.stop() and stopped
            stopped = self._hosts.stop() and stopped
            stopped = self._far_meters.stop() and stopped
            stopped = self._app.stop() and stopped
            stopped = self._slow.stop() and stopped
            busy = self._factory.threads.close(0.5)
            if busy or not stopped:
                self._log.warning("still busy at the end: %s", ", ".join(busy) or "a server")
            self._factory.close()

    def _part_failed(self, name: str, text: str) -> None:
        self._hub.notify(f"part {name}", text, self._factory.now(), "error", urgent=True)

    def _parts_down(self, down: tuple[str, ...]) -> None:
        self._hub.update(lambda state: replace(state, down=down))

    def _quit(self, _command: Command) -> None:
        self._ui.stop()
