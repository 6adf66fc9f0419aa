"""Which processes serve models: those of a server's name, those that listen at the servers' ports, and what
they have started.

A server in a language's interpreter bears that interpreter's name; its port is what it is known by. Only the
kernel's tables are read (Linux), and links of processes this account may look into.
"""

from wattlight.domain.values import clean_text, is_model_server

from .numbers import whole
from .reader import Reader

FIND_EVERY_S = 30.0
YOUNG_S = 120.0
"""What has begun less long ago may still take another name, or open a GPU."""
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS = "0A"
_INODE = 9
"""Field of a line of those tables (Documentation/networking/proc_net_tcp)."""


class ProcessNames:
    """The short name of every process by its id as text; each is read once, and again while it is young."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._generation = reader.generation
        self._since_s: dict[str, float] = {}
        self._named: dict[str, str] = {}
        self._looked_s = float("-inf")
        self.of_servers: frozenset[str] = frozenset()
        """Those that bear the name of a model server."""
        self.young: frozenset[str] = frozenset()

    def look(self, now_s: float, oldest_s: float = 0.0, anew: bool = False) -> dict[str, str]:
        """The names of less than ``oldest_s`` seconds ago; ``anew``: each is read again. Never raises."""
        if self._generation != self._reader.generation:
            self._generation, self._since_s = self._reader.generation, {}
        elif now_s - self._looked_s < oldest_s:
            return self._named
        entries = [entry for entry in self._reader.listdir("/proc") if entry.isdecimal()]
        began_s = now_s if self._since_s else float("-inf")
        since_s = {entry: self._since_s.get(entry, began_s) for entry in entries}
        self._named = {
            entry: self._named[entry]
            if entry in self._since_s and not anew and self._looked_s - since_s[entry] >= YOUNG_S
            else clean_text(self._reader.text(f"/proc/{entry}/comm") or "", 64)
            for entry in entries
        }
        self._since_s, self._looked_s = since_s, now_s
        self.of_servers = frozenset(entry for entry, name in self._named.items() if is_model_server(name))
        self.young = frozenset(entry for entry in entries if now_s - since_s[entry] < YOUNG_S)
        return self._named


class ServerProcesses:
    """Looked for anew every half minute while a port is known; nothing is read without one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.names = ProcessNames(reader)
        self._ports: tuple[int, ...] = ()
        self._found_s = float("-inf")
        self._ids: frozenset[int] = frozenset()

    def watch(self, *ports: int) -> None:
        """Servers listen at these ports of this computer; none of them: none does."""
        if ports != self._ports:
            self._ports, self._found_s, self._ids = ports, float("-inf"), frozenset()

    def entries(self, now_s: float) -> frozenset[str]:
        """The ids as text of those known by their port, and by their name as it was looked at last."""
        return self.names.of_servers | {str(pid) for pid in self.ids(now_s)}

    def ids(self, now_s: float) -> frozenset[int]:
        """The processes' ids; none where they cannot be told. Never raises."""
        if self._ports and now_s - self._found_s >= FIND_EVERY_S:
            self._found_s = now_s
            self._ids = self._find(self._ports)
        return self._ids

    def _find(self, ports: tuple[int, ...]) -> frozenset[int]:
        sockets = self._sockets(ports)
        if not sockets:
            return frozenset()
        entries = [entry for entry in self._reader.listdir("/proc") if entry.isdecimal()]
        found = {entry for entry in entries if self._holds(entry, sockets)}
        if found:
            parents = {entry: self._parent(entry) for entry in entries}
            while more := {e for e, parent in parents.items() if parent in found and e not in found}:
                found |= more
        return frozenset(int(entry) for entry in found)

    def _sockets(self, ports: tuple[int, ...]) -> set[str]:
        """What the links of a process to the listening sockets at ``ports`` read."""
        ends, found = tuple(f":{port:04X}" for port in ports), set()
        for table in _TABLES:
            for line in (self._reader.text(table) or "").splitlines()[1:]:
                fields = line.split()
                if len(fields) > _INODE and fields[1].endswith(ends) and fields[3] == _LISTENS:
                    found.add(f"socket:[{fields[_INODE]}]")
        return found

    def _holds(self, entry: str, sockets: set[str]) -> bool:
        folder = f"/proc/{entry}/fd"
        return any(
            self._reader.readlink(f"{folder}/{name}") in sockets for name in self._reader.listdir(folder)
        )

    def _parent(self, entry: str) -> str:
        fields = (self._reader.text(f"/proc/{entry}/stat") or "").rpartition(")")[2].split()
        return str(whole(fields[1])) if len(fields) > 1 else ""
