"""Which processes serve models: those that listen at the server's port, and what they have started.

A server in a language's interpreter bears that interpreter's name; its port is what it is known by. Only the
kernel's tables are read (Linux), and links of processes this account may look into.
"""

from .numbers import whole
from .reader import Reader

FIND_EVERY_S = 30.0
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS = "0A"
_INODE = 9
"""Field of a line of those tables (Documentation/networking/proc_net_tcp)."""


class ServerProcesses:
    """Looked for anew every half minute while a port is known; nothing is read without one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._port: int | None = None
        self._found_s = float("-inf")
        self._ids: frozenset[int] = frozenset()

    def watch(self, port: int | None) -> None:
        """The server listens at ``port`` of this computer; None: none does."""
        if port != self._port:
            self._port, self._found_s, self._ids = port, float("-inf"), frozenset()

    def ids(self, now_s: float) -> frozenset[int]:
        """The processes' ids; none where they cannot be told. Never raises."""
        if self._port is not None and now_s - self._found_s >= FIND_EVERY_S:
            self._found_s = now_s
            self._ids = self._find(self._port)
        return self._ids

    def _find(self, port: int) -> frozenset[int]:
        sockets = self._sockets(port)
        if not sockets:
            return frozenset()
        entries = [entry for entry in self._reader.listdir("/proc") if entry.isdecimal()]
        found = {entry for entry in entries if self._holds(entry, sockets)}
        if found:
            parents = {entry: self._parent(entry) for entry in entries}
            while more := {e for e, parent in parents.items() if parent in found and e not in found}:
                found |= more
        return frozenset(int(entry) for entry in found)

    def _sockets(self, port: int) -> set[str]:
        """What the links of a process to the listening sockets at ``port`` read."""
        end, found = f":{port:04X}", set()
        for table in _TABLES:
            for line in (self._reader.text(table) or "").splitlines()[1:]:
                fields = line.split()
                if len(fields) > _INODE and fields[1].endswith(end) and fields[3] == _LISTENS:
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
