"""What every service of the running program shares: the settings in force, and the servers they name."""

import threading
from collections.abc import Callable, Iterator, Mapping

from wattlight.domain.servers import ServerPart, ServerState, ServerStatus
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import tr
from wattlight.runtime import Endpoint, ModelServer, OllamaServer, RuntimeProblem, connect, look
from wattlight.settings import ServerAddress, Settings

from .pricing import tariff_of

Part = Callable[[Settings], object]


class CurrentSettings:
    """The settings in force. A service subscribes to the part of them it uses.

    Read from any thread; replaced on the application's, where those whose part changed are told.
    """

    def __init__(self, value: Settings, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._value = value
        self._subscribers: list[tuple[Part, Callable[[], object]]] = []

    @property
    def value(self) -> Settings:
        return self._value

    def subscribe(self, part: Part, changed: Callable[[], object]) -> None:
        """Call ``changed`` after ``part`` of the settings has become another."""
        self._subscribers.append((part, changed))

    def replace(self, settings: Settings) -> None:
        before, self._value = self._value, settings
        for part, changed in self._subscribers:
            if part(before) != part(settings):
                changed()

    def tariff(self) -> Tariff | None:
        """The tariff of the settings, None where no price is set.

        Raises:
            TariffProblem: the price or the tariff file cannot be used.
        """
        return tariff_of(self._value.price, self.environ)


def no_key(address: ServerAddress) -> Problem:
    """The key of a host cannot be had."""
    return Problem(
        tr("The keyring did not give the key of {name}.", name=clean_text(address.name, 60)),
        tr("Unlock it and refresh, or give the key again with 'wattlight hosts key'."),
        "no_key",
    )


class Servers(Mapping[HostId, ModelServer]):
    """The model server of each host as it is now; ask here anew for each operation.

    What is under way when a server is replaced ends where it began. A server of ours that runs
    (:meth:`move`) stands before the one that the settings or OLLAMA_HOST name. ``secret`` gives what the
    keyring keeps under a name; it may wait for the person, so it is asked in :meth:`state` alone.
    """

    def __init__(
        self,
        addresses: tuple[ServerAddress, ...],
        environ: Mapping[str, str],
        secret: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._environ = environ
        self._secret = secret
        self._lock = threading.Lock()
        self.problems: list[tuple[HostId, Problem]] = []
        """Of addresses that cannot be used at the start; Ollama's usual address stands in for this
        computer's, another computer is left out."""
        self._addresses: dict[HostId, ServerAddress] = {}
        self._homes: dict[HostId, ModelServer] = {}
        self._moved: dict[HostId, ModelServer] = {}
        self._refused: set[HostId] = set()
        self._subscribers: list[Callable[[], None]] = []
        for address in addresses or (ServerAddress(),):
            self._begin_at(address)

    def _begin_at(self, address: ServerAddress) -> None:
        try:
            server = connect(address, self._environ)
        except RuntimeProblem as problem:
            self.problems.append((address.host, problem))
            if address.host != LOCAL_HOST and self._homes:
                return
            server = connect(ServerAddress(address.host, address.name), {})
        self._addresses.setdefault(address.host, address)
        self._homes.setdefault(address.host, server)

    @property
    def addresses(self) -> tuple[ServerAddress, ...]:
        """Of the hosts there are, each once."""
        return tuple(self._addresses.values())

    def subscribe(self, moved: Callable[[], None]) -> None:
        """Call ``moved`` after a server was replaced, on the thread that replaced it."""
        self._subscribers.append(moved)

    def __getitem__(self, host: HostId) -> ModelServer:
        return self._moved.get(host) or self._homes[host]

    def __iter__(self) -> Iterator[HostId]:
        return iter(tuple(self._homes))

    def __len__(self) -> int:
        return len(self._homes)

    @property
    def local(self) -> ModelServer:
        return self[LOCAL_HOST] if LOCAL_HOST in self._homes else self[next(iter(self._homes))]

    @property
    def here(self) -> tuple[HostId, ...]:
        """The hosts whose servers run on this computer, as far as their addresses tell: the end of a tunnel
        is here too, and what it leads to has a meter of its own."""
        found = tuple(self._addresses.items())
        return tuple(host for host, a in found if self[host].endpoint.is_loopback and not a.meter)

    @property
    def ports_here(self) -> tuple[int, ...]:
        """The ports by which their processes are known."""
        ports = {self[host].port_here for host in self.here}
        return tuple(sorted(port for port in ports if port is not None))

    def set_addresses(self, addresses: tuple[ServerAddress, ...]) -> None:
        """Go where the settings say now; a server whose address is the same stays as it is known.

        Raises:
            RuntimeProblem: an address cannot be used; nothing was changed.
        """
        known: dict[HostId, ServerAddress] = {}
        for address in addresses or (ServerAddress(),):
            known.setdefault(address.host, address)
        homes: dict[HostId, ModelServer] = {
            host: self._homes[host]
            if host in self._homes and self._addresses[host] == address
            else connect(address, self._environ)
            for host, address in known.items()
        }
        with self._lock:
            for host in set(self._homes) | set(homes):
                old, new = self._homes.get(host), homes.get(host)
                if old is None or new is None or old.url != new.url:
                    self._moved.pop(host, None)
            self._homes, self._addresses = homes, known
        self.ask_keys_again()
        self._tell()

    def ask_keys_again(self) -> None:
        """A key that the keyring did not give is asked for once more."""
        self._refused.clear()

    def renew(self, host: HostId) -> None:
        """The key of ``host`` is another now."""
        with self._lock:
            if host in self._addresses:
                self._homes[host] = connect(self._addresses[host], self._environ)
        self.ask_keys_again()
        self._tell()

    def move(self, host: HostId, endpoint: Endpoint | None) -> None:
        """A server of ours is up at ``endpoint``; None: back to where the settings say."""
        with self._lock:
            if endpoint is None:
                self._moved.pop(host, None)
            else:
                self._moved[host] = OllamaServer(endpoint)
        self._tell()

    def state(
        self,
        host: HostId,
        before: ServerState | None = None,
        *,
        part: ServerPart = ServerPart.ALL,
        cancel: threading.Event | None = None,
    ) -> ServerState:
        """What is at the address of ``host`` now; another kind of server than before is noticed."""
        if not self._has_key(host):
            said = str(no_key(self._addresses[host]))
            return ServerState(self[host].url, ServerStatus.ERROR, message=said, kind=self[host].kind)
        state = self[host].state(before, part=part, cancel=cancel)
        if state.status is ServerStatus.FOREIGN and self._look(host, cancel):
            state = self[host].state(before, cancel=cancel)
        return state

    def _has_key(self, host: HostId) -> bool:
        """Whether the key that the settings tell of is at hand; a keyring that refuses is not asked again."""
        address, server = self._addresses.get(host), self._homes.get(host)
        if address is None or server is None or not address.key or server.wire.authorization is not None:
            return True
        if host in self._refused:
            return False
        key = self._secret(address.secret)
        if key is None:
            self._refused.add(host)
            return False
        with self._lock:
            if self._homes.get(host) is server:
                self._homes[host] = connect(address, self._environ, f"Bearer {key}")
        return True

    def _look(self, host: HostId, cancel: threading.Event | None) -> bool:
        """Ask which kind of server answers for ``host`` now; True where it is another than before."""
        server = self[host]
        seen = look(server, cancel)
        with self._lock:
            if seen is server or self._homes.get(host) is not server:
                return False
            self._homes[host] = seen
        return True

    def _tell(self) -> None:
        for moved in self._subscribers:
            moved()
