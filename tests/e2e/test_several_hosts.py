"""Several computers from one icon: the program runs as it does for a person, its menu is what is clicked.

``-m slow`` runs the second test on real servers, each in a network namespace of its own (root, Linux):
WATTLIGHT_TEST_OLLAMA_PROGRAM is a real Ollama, WATTLIGHT_TEST_XLLAMACPP a Python that has xllamacpp and gguf.
"""

import faulthandler
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMenu

from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import FakeRouter
from wattlight.bootstrap.desktop_program import DesktopProgram
from wattlight.domain.servers import ServerStatus
from wattlight.domain.state import HostState
from wattlight.domain.values import HostId
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.settings import FirstRun, ServerAddress, Settings, save_settings
from wattlight.ui import early_icon

pytestmark = [pytest.mark.qt, pytest.mark.timeout(300)]
OLLAMA = os.environ.get("WATTLIGHT_TEST_OLLAMA_PROGRAM", "")
XLLAMACPP = os.environ.get("WATTLIGHT_TEST_XLLAMACPP", "")


class Driven:
    """The program with some hosts, and its menu."""

    def __init__(self, home: Path, hosts: list[ServerAddress]) -> None:
        self.factory = ServiceFactory({**os.environ, "WATTLIGHT_HOME": str(home)})
        here = ServerAddress(url="http://127.0.0.1:9")
        settings = Settings(
            servers=(here, *hosts), first_run_done=True, first_run=FirstRun("done"), language="en"
        )
        save_settings(self.factory.places.settings_file, settings)
        early = early_icon(self.factory.places, [])
        assert early is not None
        self.program = DesktopProgram(self.factory, early, ["--hidden"])
        self.problem: BaseException | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Run the program; ``work`` clicks in it from another thread."""

        def do() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the test waits
                self.problem = error
            self.later(self.program._ui.stop)

        worker = threading.Thread(target=do)
        QTimer.singleShot(0, worker.start)
        assert self.program.run() == 0
        worker.join(5)
        if self.problem is not None:
            raise self.problem

    def later(self, what: Callable[[], object]) -> None:
        """On the window's thread."""
        app = QApplication.instance()
        assert app is not None
        QTimer.singleShot(0, app, what)

    def host(self, name: str) -> HostState:
        return next(h for h in self.program._hub.state.hosts if h.name == name)

    def wait(self, true: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.program._hub.state.hosts
            time.sleep(0.05)

    def loaded(self, name: str) -> list[str]:
        return [model.name for model in self.host(name).server.running]

    def click(self, host: str, entry: str) -> None:
        """The entry ``entry`` behind the line of ``host`` in the icon's menu."""
        done = threading.Event()

        def find() -> None:
            for menu in QApplication.allWidgets():
                if isinstance(menu, QMenu):
                    for line in menu.actions():
                        below = line.menu()
                        if line.text().startswith(host) and isinstance(below, QMenu):
                            for action in below.actions():
                                if action.text() == entry:
                                    action.trigger()
                                    done.set()
                                    return

        end = time.monotonic() + 20
        while not done.is_set():
            assert time.monotonic() < end, f"{host}: {entry} is not in the menu"
            self.later(find)
            done.wait(0.3)


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the program sets for its whole process is set back."""
    crashes: list[IO[str]] = []
    monkeypatch.setattr(faulthandler, "enable", crashes.append)
    for module, name in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    known = {log: list(log.handlers) for log in (logging.getLogger(), logging.getLogger("wattlight"))}
    monkeypatch.setattr(logging.getLogger("wattlight"), "propagate", True)
    yield
    for log, handlers in known.items():
        for handler in [h for h in log.handlers if h not in handlers]:
            log.removeHandler(handler)
            handler.close()
    for crash in crashes:
        crash.close()
    activate("en")


def far(name: str, url: str) -> ServerAddress:
    return ServerAddress(HostId(name.lower()), name, url)


def test_three_servers_are_driven_from_one_icon(qapp: QApplication, tmp_path: Path, english: None) -> None:
    with FakeOllama() as one, FakeOllama() as two, FakeRouter() as router:
        for fake in (one, two):
            fake.install("qwen3:8b", size=5_200_000_000)
            fake.install("gemma3:1b", size=800_000_000)
        hosts = [far("Tower", one.url), far("Cellar", two.url), far("Bench", router.url)]
        driven = Driven(tmp_path, [*hosts, far("Gone", "http://127.0.0.1:9/gone")])

        def work() -> None:
            for host in hosts:
                driven.wait(lambda h=host: driven.host(h.name).server.status is ServerStatus.READY)  # type: ignore[misc]
            driven.click("Tower", "qwen3:8b")
            driven.click("Bench", "tiny-b")
            driven.wait(lambda: driven.loaded("Tower") == ["qwen3:8b"])
            driven.wait(lambda: driven.loaded("Bench") == ["tiny-b"])
            driven.click("Tower", "gemma3:1b")
            driven.wait(lambda: driven.loaded("Tower") == ["gemma3:1b"])
            assert driven.loaded("Cellar") == []
            driven.click("Cellar", "qwen3:8b")
            driven.wait(lambda: driven.loaded("Cellar") == ["qwen3:8b"])
            driven.click("Tower", "Unload")
            driven.wait(lambda: driven.loaded("Tower") == [])
            assert driven.loaded("Cellar") == ["qwen3:8b"]
            assert driven.host("Gone").server.status is not ServerStatus.READY

        driven.run(work)
        assert one.running_names == []
        assert two.running_names == ["qwen3:8b"]


@dataclass
class Apart:
    """A namespace, and the address in it that this computer reaches."""

    name: str
    address: str

    def start(self, command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=quiet,
            stderr=quiet,
        )


@contextmanager
def namespace(number: int) -> Iterator[Apart]:
    """Another computer, as far as its network goes."""
    name, ours, theirs = f"wlt{number}", f"wlo{number}", f"wli{number}"
    here, there = f"10.77.{number}.1", f"10.77.{number}.2"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name)
        ip("addr", "add", f"{here}/24", "dev", ours)
        ip("link", "set", ours, "up")
        for words in (["addr", "add", f"{there}/24", "dev", theirs], ["link", "set", theirs, "up"]):
            ip("netns", "exec", name, "ip", *words)
        ip("netns", "exec", name, "ip", "link", "set", "lo", "up")
        yield Apart(name, there)
    finally:
        with suppress(subprocess.CalledProcessError):
            ip("netns", "del", name)
        with suppress(subprocess.CalledProcessError):
            ip("link", "del", ours)


LLAMA = """
import sys, time
import xllamacpp as xl
p = xl.CommonParams()
p.model.path, p.port, p.hostnames, p.n_ctx, p.warmup = sys.argv[1], 8080, ["0.0.0.0"], 512, False
p.n_parallel = 1
server = xl.Server(p)
time.sleep(3600)
"""
GGUF = """
import sys
import gguf, numpy as np
E, V, F, L = 64, 260, 128, 2
w = gguf.GGUFWriter(sys.argv[1], "llama")
w.add_context_length(512); w.add_embedding_length(E); w.add_block_count(L); w.add_feed_forward_length(F)
w.add_head_count(4); w.add_head_count_kv(4); w.add_layer_norm_rms_eps(1e-5); w.add_vocab_size(V)
w.add_rope_dimension_count(16)
tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + ["a"]
w.add_tokenizer_model("llama"); w.add_token_list(tokens); w.add_token_scores([0.0] * V)
w.add_token_types([2, 3, 3] + [6] * 256 + [1]); w.add_bos_token_id(1); w.add_eos_token_id(2)
rng = np.random.default_rng(1)
def t(name, *shape): w.add_tensor(name, (rng.standard_normal(shape) * 0.02).astype(np.float32))
t("token_embd.weight", V, E); t("output.weight", V, E)
w.add_tensor("output_norm.weight", np.ones(E, np.float32))
for i in range(L):
    b = f"blk.{i}."
    for n in ("attn_norm", "ffn_norm"): w.add_tensor(b + n + ".weight", np.ones(E, np.float32))
    for n in ("attn_q", "attn_k", "attn_v", "attn_output"): t(b + n + ".weight", E, E)
    t(b + "ffn_gate.weight", F, E); t(b + "ffn_up.weight", F, E); t(b + "ffn_down.weight", E, F)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
"""


def await_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        with suppress(OSError):
            opener.open(url, timeout=2).close()
            return
        time.sleep(0.2)
    raise TimeoutError(url)


def far_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite keeps sockets on loopback; those of the namespaces are on this computer too."""
    kept = socket.socket.connect

    def connect(self: socket.socket, address: object) -> object:
        if isinstance(address, tuple) and str(address[0]).startswith("10.77."):
            code = self.connect_ex(address)
            if code:
                raise OSError(code, os.strerror(code))
            return None
        return kept(self, address)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="namespaces are made by root")
@pytest.mark.skipif(not (OLLAMA and XLLAMACPP), reason="no real servers are named")
def test_two_real_ollama_and_a_real_llama_cpp_are_driven_from_one_icon(
    qapp: QApplication, tmp_path: Path, english: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_sockets(monkeypatch)
    model = tmp_path / "tiny.gguf"
    subprocess.run([XLLAMACPP, "-c", GGUF, str(model)], check=True)
    with ExitStack() as stack:
        places = [stack.enter_context(namespace(number)) for number in (1, 2, 3)]
        addresses = []
        for place, name in zip(places[:2], ("Tower", "Cellar"), strict=True):
            folder = tmp_path / name
            (folder / "models").mkdir(parents=True)
            env = {
                "HOME": str(folder),
                "OLLAMA_HOST": "0.0.0.0:11434",
                "OLLAMA_MODELS": str(folder / "models"),
            }
            server = stack.enter_context(place.start([OLLAMA, "serve"], env))
            stack.callback(server.terminate)
            url = f"http://{place.address}:11434"
            await_answer(f"{url}/api/version", server)
            create(url, model)
            addresses.append(far(name, url))
        server = stack.enter_context(places[2].start([XLLAMACPP, "-c", LLAMA, str(model)], {}))
        stack.callback(server.terminate)
        await_answer(f"http://{places[2].address}:8080/health", server)
        addresses.append(far("Bench", f"http://{places[2].address}:8080"))
        driven = Driven(tmp_path / "home", addresses)

        def work() -> None:
            for address in addresses:
                driven.wait(lambda a=address: driven.host(a.name).server.status is ServerStatus.READY)  # type: ignore[misc]
            assert len(driven.loaded("Bench")) == 1
            driven.click("Tower", "tiny:latest")
            driven.wait(lambda: driven.loaded("Tower") == ["tiny:latest"])
            assert driven.loaded("Cellar") == []
            driven.click("Cellar", "tiny:latest")
            driven.wait(lambda: driven.loaded("Cellar") == ["tiny:latest"])
            driven.click("Tower", "Unload")
            driven.wait(lambda: driven.loaded("Tower") == [])
            assert driven.loaded("Cellar") == ["tiny:latest"]
            began = time.monotonic()
            subprocess.run(["ip", "link", "set", "wlo1", "down"], check=True)  # pulled out of the wall
            driven.program._app._watches.set_shown(True)
            driven.wait(lambda: driven.host("Tower").server.status is not ServerStatus.READY, 20)
            print(f"\nnoticed after {time.monotonic() - began:.1f} s")
            driven.click("Cellar", "Unload")
            driven.wait(lambda: driven.loaded("Cellar") == [])
            assert driven.host("Bench").server.status is ServerStatus.READY

        driven.run(work)


def create(url: str, model: Path) -> None:
    """Give a real Ollama the tiny model."""
    data = model.read_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(f"{url}/api/blobs/{digest}", data, method="POST"), timeout=30).close()
    body = json.dumps({"model": "tiny", "files": {"tiny.gguf": digest}, "stream": False}).encode()
    with opener.open(urllib.request.Request(f"{url}/api/create", body, method="POST"), timeout=60) as answer:
        assert b"success" in answer.read()
