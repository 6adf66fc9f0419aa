"""Other computers with model servers: adding one by its address, letting it go, what is said of each."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from wattlight.domain.command import METER_PARTS, Command
from wattlight.domain.placement import Best, best_place
from wattlight.domain.servers import RunningModel, ServerState, ServerStatus
from wattlight.domain.state import AppState, HostState, Trial
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import tr
from wattlight.runtime import connect, look, near_host, parse_endpoint
from wattlight.settings import ServerAddress, Settings

from .current import CurrentSettings, Servers
from .far_meter import adopt_meter, check_meter, far_profile, try_meter
from .hub import StateHub
from .models import SerialExecutor
from .serving import host_warnings

if TYPE_CHECKING:
    from .factory import ServiceFactory

MOST_HOSTS = 100
_NAME_LENGTH = 60
_LONGEST_LOOK_S = 30.0


class HostProblem(Problem):
    """A host cannot be added, found or given a key."""

    code = "bad_input"


@dataclass(frozen=True, slots=True)
class HostLook:
    """One host as it answered; ``warnings`` are a sentence each."""

    address: ServerAddress
    url: str
    state: ServerState
    warnings: tuple[str, ...] = ()


def find_host(name: str, settings: Settings) -> ServerAddress:
    """The host of the settings with this name or id.

    Raises:
        HostProblem: there is none.
    """
    wanted = name.strip().casefold()
    for address in settings.servers:
        if wanted in {address.name.casefold(), address.host.casefold()}:
            return address
    meant = near_host(name, settings.servers)
    raise HostProblem(
        tr('There is no host "{name}".', name=clean_text(name, 60)),
        tr("Did you mean {name}?", name=meant) if meant else tr("'wattlight hosts' lists them."),
    )


def new_host(text: str, settings: Settings, name: str = "", plain_http: bool = False) -> ServerAddress:
    """An address for the settings; nothing is asked yet.

    Raises:
        Problem: the address or the name cannot be used, or is in use.
    """
    endpoint = parse_endpoint(text)
    shown = clean_text(name.strip() or endpoint.host, _NAME_LENGTH)
    if len(settings.servers) >= MOST_HOSTS:
        raise HostProblem(tr("There are {count} hosts, more are not watched.", count=MOST_HOSTS))
    for known in settings.servers:
        if shown.casefold() in {known.name.casefold(), known.host.casefold()}:
            raise HostProblem(
                tr('There is a host "{name}" already.', name=known.name), tr("Give another name.")
            )
        if known.url is not None and parse_endpoint(known.url) == endpoint:
            raise HostProblem(tr("{url} is there already: {name}.", url=endpoint.url, name=known.name))
    address = ServerAddress(_new_id(shown, settings), shown, endpoint.url, plain_http=plain_http)
    connect(address, {})  # refuses what may not be asked
    return address


def _new_id(name: str, settings: Settings) -> HostId:
    taken = {address.host for address in settings.servers} | {LOCAL_HOST}
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "host"
    number, found = 1, plain
    while found in taken:
        number += 1
        found = f"{plain}-{number}"
    return HostId(found)


def require_private(address: ServerAddress) -> None:
    """A key is never sent where others can read it.

    Raises:
        HostProblem: it would be (code ``unencrypted``).
    """
    endpoint = parse_endpoint(address.url or "127.0.0.1")
    if not endpoint.is_private:
        raise HostProblem(
            tr("A key is only sent over https or within this computer; {url} is neither.", url=endpoint.url),
            tr("Give the server an https address, or add the end on this computer of a tunnel (ssh -L)."),
            "unencrypted",
        )


def look_at(factory: "ServiceFactory", address: ServerAddress, key: str | None = None) -> HostLook:
    """Ask the server of a host what it is and has; never raises for what it answers.

    ``key`` None: the one that is kept for it, if any.

    Raises:
        Problem: the address cannot be used.
    """
    authorization = factory.host_key(address) if key is None else f"Bearer {key}"
    server = look(connect(address, factory.environ, authorization))
    state = server.state()
    return HostLook(address, server.url, state, host_warnings(state, server))


def look_at_all(factory: "ServiceFactory", addresses: Sequence[ServerAddress]) -> tuple[HostLook, ...]:
    """All of them at once, in their order: one that is dead keeps the others waiting for no longer than it
    takes to see that."""
    found: dict[HostId, HostLook] = {}

    def ask(address: ServerAddress) -> None:
        try:
            found[address.host] = look_at(factory, address)
        except Problem as problem:
            url = address.url or ""
            state = ServerState(url, ServerStatus.ERROR, message=str(problem))
            found[address.host] = HostLook(address, url, state)

    threads = [factory.threads.start(f"wattlight-host {a.host}", partial(ask, a)) for a in addresses]
    for thread in threads:
        thread.join(_LONGEST_LOOK_S)
    silent = ServerState("", ServerStatus.SILENT)
    return tuple(
        found.get(a.host) or HostLook(a, a.url or "", replace(silent, url=a.url or "")) for a in addresses
    )


def best_of(factory: "ServiceFactory", model: str, settings: Settings) -> Best:
    """On which of all computers ``model`` runs best, asked of each now.

    Raises:
        HostProblem: fewer than two have it.
    """
    hosts = [
        HostState(
            item.address.host,
            item.address.name,
            item.state,
            factory.machine_profile()
            if item.address.host == LOCAL_HOST
            else far_profile(factory, item.address),
        )
        for item in look_at_all(factory, settings.servers)
    ]
    best = best_place(hosts, model)
    if best is None:
        raise HostProblem(
            tr("Fewer than two computers have {model}.", model=clean_text(model, 120)),
            tr("'wattlight models --host NAME' lists what each has."),
            "unknown_model",
        )
    return best


def add_host(
    factory: "ServiceFactory", address: ServerAddress, key: str = "", in_file: bool = False
) -> HostLook:
    """Ask the new host what it is and keep its key; the caller puts the look's ``address`` into the settings.

    Raises:
        Problem: the key may not be sent there or cannot be kept; nothing was kept then.
    """
    if key:
        require_private(address)
    factory.note_contact(parse_endpoint(address.url or "").host, "host")
    found = look_at(factory, address, key or None)
    if key:
        factory.keyring().put(address.secret, key, in_file)
    address = replace(address, kind=found.state.kind.value, key=bool(key))
    return replace(found, address=address)


def with_host(settings: Settings, address: ServerAddress) -> Settings:
    """These settings with ``address`` in the place of the one of that host, or at the end."""
    if any(known.host == address.host for known in settings.servers):
        changed = (address if known.host == address.host else known for known in settings.servers)
        return replace(settings, servers=tuple(changed))
    return replace(settings, servers=(*settings.servers, address))


def without_host(settings: Settings, host: HostId) -> Settings:
    """Raises:
    HostProblem: it is this computer, which stays.
    """
    left = tuple(known for known in settings.servers if known.host != host)
    if host == LOCAL_HOST or not left:
        raise HostProblem(tr("This computer stays."))
    return replace(settings, servers=left)


def forget_keys(factory: "ServiceFactory", address: ServerAddress) -> None:
    """Take what is kept for a host out of the keyring: the key of its server, and of its meter."""
    for kept, name in ((address.key, address.secret), (address.meter_key, address.meter_secret)):
        if kept:
            factory.keyring().put(name, "")


def memory_bytes(running: Sequence[RunningModel]) -> int | None:
    """Of all loaded models as their server tells it; None where it does not tell that of each."""
    if any(not model.size_bytes for model in running):
        return None
    return sum(model.size_bytes for model in running)


def loaded_here(state: AppState, servers: Servers) -> tuple[RunningModel, ...] | None:
    """What all servers of this computer have loaded, each model once; None where the first does not tell.

    Its parts are measured once, whatever servers use them.
    """
    here, found = servers.here, dict[str, RunningModel]()
    for host in state.hosts:
        if host.id in here:
            if host.id == LOCAL_HOST and host.server.resident is None:
                return None
            for model in host.server.resident or ():
                found.setdefault(model.digest, model)
    return tuple(found.values())


class HostSetup:
    """Carries out what the page of settings asks for: add a host, remove one, keep its key.

    On a thread of its own, since a server may take its time; what came of it is in the state (``adding``).
    """

    def __init__(
        self,
        factory: "ServiceFactory",
        settings: CurrentSettings,
        servers: Servers,
        hub: StateHub,
        save: Callable[[Settings, Settings], None],
    ) -> None:
        self._factory, self._settings, self._servers = factory, settings, servers
        self._hub, self._save = hub, save
        self._executor = SerialExecutor("wattlight-hosts", factory.threads.start)

    def add(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._add(command)))

    def remove(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._remove(command.host)))

    def keep(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._keep(command)))

    def try_meter(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._meter(command, False), of_meter=True))

    def use_meter(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._meter(command, True), of_meter=True))

    def drop_meter(self, command: Command) -> None:
        self._executor.submit(lambda: self._try(lambda: self._drop_meter(command.host), of_meter=True))

    def stop(self) -> bool:
        return self._executor.close(1.0)

    def _add(self, command: Command) -> str:
        settings = self._settings.value
        address = new_host(command.text, settings, command.model, command.number == 1)
        self._tell(Trial(tr("Asking {url}…", url=address.url)))
        found = add_host(self._factory, address)
        self._save(settings, with_host(settings, found.address))
        said = tr("{name} is added.", name=found.address.name)
        return f"{said} {found.state.message}" if found.state.message else said

    def _remove(self, host: HostId) -> str:
        settings = self._settings.value
        address = find_host(host, settings)
        left = without_host(settings, host)
        forget_keys(self._factory, address)
        self._save(settings, left)
        return tr("{name} is removed. Nothing was changed there.", name=address.name)

    def _keep(self, command: Command) -> str:
        settings = self._settings.value
        address = find_host(command.host, settings)
        require_private(address)
        self._factory.keyring().put(address.secret, command.text, in_file=command.number == 1)
        self._save(settings, with_host(settings, replace(address, key=bool(command.text))))
        self._servers.renew(command.host)
        return tr("The key is kept.") if command.text else tr("The key is forgotten.")

    def _meter(self, command: Command, keep: bool) -> str:
        settings = self._settings.value
        address = find_host(command.host, settings)
        kind, meter, watts, energy, token = command.text.split(METER_PARTS)
        wanted = replace(address, meter=meter, meter_kind=kind, meter_watts=watts, meter_energy=energy)
        if not token and address.meter_key and (kind, meter) == (address.meter_kind, address.meter):
            token = self._factory.keyring().get(address.meter_secret) or ""
        check_meter(wanted, self._factory.environ, token or None)
        self._tell(Trial(tr("Asking {url}…", url=clean_text(meter, 80))), of_meter=True)
        if not keep:
            return tr("It answers: {what}.", what=try_meter(self._factory, wanted, token or None))
        changed, found = adopt_meter(self._factory, wanted, token, command.number == 1)
        self._save(settings, with_host(settings, changed))
        return tr("The meter of {name} is used from now on: {what}.", name=address.name, what=found)

    def _drop_meter(self, host: HostId) -> str:
        settings = self._settings.value
        address = find_host(host, settings)
        if address.meter_key:
            self._factory.keyring().put(address.meter_secret, "")
        self._save(settings, with_host(settings, replace(address, meter="", meter_key=False)))
        return tr("The meter of {name} is not asked any more; what was recorded stays.", name=address.name)

    def _try(self, what: Callable[[], str], of_meter: bool = False) -> None:
        try:
            self._tell(Trial(what()), of_meter)
        except Problem as problem:
            self._tell(Trial(str(problem), bad=True, no_keyring=problem.code == "no_keyring"), of_meter)

    def _tell(self, trial: Trial, of_meter: bool = False) -> None:
        if of_meter:
            self._hub.update(lambda state: replace(state, trying_meter=trial))
        else:
            self._hub.update(lambda state: replace(state, adding=trial))
