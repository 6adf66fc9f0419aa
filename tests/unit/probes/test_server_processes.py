"""A server's processes are known by its port, whatever they are called."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.metering import part
from fakes.systems import needs_trees
from wattlight.domain.values import DeviceMemory, GpuProcess, is_model_server
from wattlight.probes.linux.fdinfo import ProcessesOnDevices
from wattlight.probes.linux.processor import OtherWork
from wattlight.probes.numbers import Moment
from wattlight.probes.probe import with_servers
from wattlight.probes.reader import Reader
from wattlight.probes.server_processes import FIND_EVERY_S, YOUNG_S, ProcessNames, ServerProcesses
from wattlight.probes.server_switches import ServerSwitches

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = "   0: {address}:{port:04X} 00000000:0000 {state} 0:0 00:0 0 1000 0 {inode} 1 0 100 0 0 10 0\n"


class Tree:
    """A made-up ``/proc``: who listens where, and who started whom."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc" / "net").mkdir(parents=True)
        self.table("tcp")

    def table(self, name: str, *rows: tuple[int, int, str]) -> None:
        lines = [LINE.format(address="0100007F", port=port, state=state, inode=n) for port, n, state in rows]
        (self.root / "proc" / "net" / name).write_text(HEAD + "".join(lines))

    def process(self, pid: int, parent: int, name: str = "python3", inode: int = 0, ticks: int = 0) -> None:
        folder = self.root / "proc" / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        (folder / "comm").write_text(f"{name}\n")
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} " + "0 " * 9 + f"{ticks} 0 " + "0 " * 30)
        if inode:
            (folder / "fd" / "3").symlink_to(f"socket:[{inode}]")

    def work(self, busy: int) -> None:
        (self.root / "proc" / "stat").write_text(f"cpu  {busy} 0 0 {busy * 3} 0 0 0 0 0 0\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def ids(tree: Tree, *ports: int) -> frozenset[int]:
    servers = ServerProcesses(Reader(tree.root))
    servers.watch(*ports)
    return servers.ids(0.0)


@needs_trees
def test_the_listener_and_all_it_started(tree: Tree) -> None:
    tree.table("tcp", (8000, 77, "0A"), (9000, 78, "0A"))
    tree.process(10, 1, inode=77)
    tree.process(11, 10)
    tree.process(12, 11, "worker (odd) name")
    tree.process(20, 1, inode=78)
    assert ids(tree, 8000) == {10, 11, 12}
    assert ids(tree, 9000) == {20}
    assert ids(tree, 8000, 9000) == {10, 11, 12, 20}
    assert ids(tree, 7000) == frozenset()
    assert ids(tree) == frozenset()


@needs_trees
def test_a_client_at_that_port_is_no_server(tree: Tree) -> None:
    tree.table("tcp", (8000, 77, "01"))
    tree.process(10, 1, inode=77)
    assert ids(tree, 8000) == frozenset()


@needs_trees
def test_it_is_looked_for_anew_now_and_then_and_for_another_port(tree: Tree) -> None:
    servers = ServerProcesses(Reader(tree.root))
    servers.watch(8000)
    assert servers.ids(0.0) == frozenset()
    tree.table("tcp6", (8000, 5, "0A"), (8001, 6, "0A"))
    tree.process(10, 1, inode=5)
    tree.process(11, 1, inode=6)
    assert servers.ids(FIND_EVERY_S - 1) == frozenset()
    assert servers.ids(FIND_EVERY_S) == {10}
    servers.watch(8000)
    assert servers.ids(FIND_EVERY_S + 1) == {10}
    servers.watch(8001)
    assert servers.ids(FIND_EVERY_S + 2) == {11}


@needs_trees
def test_what_it_works_on_the_processor_is_not_another_programs(tree: Tree) -> None:
    """A server in an interpreter takes all the work: by its name alone that is somebody else's."""
    tree.table("tcp", (8000, 77, "0A"))
    tree.process(10, 1, inode=77, ticks=1000)
    tree.process(30, 1, "llama-server", ticks=0)
    tree.work(10_000)
    seen = []
    for ports in ((), (8000,)):
        reader = Reader(tree.root)
        servers = ServerProcesses(reader)
        servers.watch(*ports)
        others = OtherWork(reader, servers)
        others.percent(Moment(0.0, 1))
        tree.process(10, 1, ticks=3000)
        tree.work(12_000)
        seen.append(others.percent(Moment(10.0, 1)))
        tree.process(10, 1, ticks=1000)
        tree.work(10_000)
    assert seen == [100.0, 0.0]


@needs_trees
def test_a_name_is_read_once_for_all_who_ask_and_again_while_it_is_young(tree: Tree) -> None:
    opened: list[str] = []
    reader = Reader(tree.root, opened.append)
    servers = ServerProcesses(reader)
    tree.process(10, 1, "ollama")
    tree.work(10)
    others, cards = OtherWork(reader, servers), ProcessesOnDevices(reader, servers)
    switches = ServerSwitches(reader, {}, lambda: 0.0, servers.names)
    others.percent(Moment(0.0, 1))
    switches.look()
    servers.names.look(5.0)
    assert opened.count("open /proc/10/comm") == 1
    tree.process(11, 1, "sh")
    assert servers.names.look(10.0)["11"] == "sh"
    tree.process(11, 1, "llama-server")
    assert servers.names.look(20.0, oldest_s=30.0)["11"] == "sh", "ten seconds ago is near enough"
    assert servers.names.look(20.0)["11"] == "llama-server" and servers.names.of_servers == {"10", "11"}
    cards.on("0000:01:00.0", 300.0)
    tree.process(11, 1, "python3")
    assert servers.names.look(300.0 + YOUNG_S)["11"] == "llama-server", "it is no longer young"
    assert servers.names.look(300.0 + YOUNG_S, anew=True)["11"] == "python3"
    assert servers.names.of_servers == {"10"}


@needs_trees
def test_names_are_of_the_tree_that_is_read(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    reader = Reader(tree.root)
    names = ProcessNames(reader)
    tree.process(10, 1, "ollama")
    assert names.look(0.0) == {"10": "ollama"}
    later = Tree(tmp_path_factory.mktemp("later"))
    later.process(10, 1, "game")
    reader.move(later.root)
    assert names.look(1.0, oldest_s=30.0) == {"10": "game"} and not names.of_servers


def test_what_it_holds_of_a_card_is_the_servers() -> None:
    card = part(
        "gpu", 50.0, processes=(GpuProcess(10, 5 << 30, "python3", 80.0), GpuProcess(9, 1 << 30, "game"))
    )
    card = replace(card, memory=DeviceMemory(dedicated_used_bytes=6 << 30))
    marked = with_servers(card, frozenset({10, 11}))
    assert [p.is_server for p in marked.processes] == [True, False]
    assert marked.memory.server_holds_bytes == 5 << 30
    assert with_servers(card, frozenset({77})) is card


def test_a_real_listener_is_found_with_its_child() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has these tables")
    code = (
        "import socket,subprocess,sys;s=socket.create_server(('127.0.0.1',0));"
        "p=subprocess.Popen([sys.executable,'-c','input()'],stdin=subprocess.PIPE);"
        "print(s.getsockname()[1],p.pid,flush=True);input();p.communicate()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port, child = (int(word) for word in server.stdout.readline().split())
        found = ServerProcesses(Reader())
        found.watch(port)
        assert {server.pid, child} <= found.ids(0.0)
        server.communicate("\n")


@pytest.mark.parametrize(
    "name", ["VLLM::EngineCor", "vllm", "LM Studio Helper", "llmster", "/usr/bin/ollama"]
)
def test_names_of_other_servers(name: str) -> None:
    assert is_model_server(name)
