"""A real Ollama that runs on the processor beside a card that it does not use: what the program says.

The server is real, the card is the stand-in of NVIDIA's library. WATTLIGHT_TEST_OLLAMA_PROGRAM names the
server's program: ``pytest -m "slow and real_ollama" tests/contract/test_real_fallback.py``
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes import nvml_stub, real_ollama, trees
from wattlight.runtime import connect
from wattlight.settings import ServerAddress

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_ollama,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not real_ollama.PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set"),
    pytest.mark.skipif(nvml_stub.why_not() is not None, reason=str(nvml_stub.why_not())),
]
TELLING = 131_072
"""A context of a GiB: less on a card could be anything."""
BEGIN = """
import json, os, sys, threading, time
os.environ.update(WATTLIGHT_SYSROOT={root!r}, OLLAMA_HOST={address!r}, QT_QPA_PLATFORM="offscreen")
os.environ.update({more!r})
from wattlight.services.factory import ServiceFactory
factory = ServiceFactory(os.environ)
"""
DOCTOR = """
from wattlight.cli.main import run
run(["doctor"], factory, sys.stdout)
"""
TRAY = """
from PySide6.QtCore import QTimer
from wattlight.bootstrap.desktop_program import DesktopProgram
from wattlight.services import slowness
from wattlight.settings import FirstRun, ServerAddress, Settings, save_settings
from wattlight.ui import early_icon
from wattlight.viewmodels.tray import tray_view
slowness.SETTLED_S = 2.0
here = ServerAddress(url="http://{address}")
wanted = Settings(servers=(here,), first_run_done=True, first_run=FirstRun("done"), language="en")
save_settings(factory.places.settings_file, wanted)
program = DesktopProgram(factory, early_icon(factory.places, []), ["--hidden"])
def work():
    end = time.monotonic() + 90
    while time.monotonic() < end and all(notice.kind != "slow" for notice in program._hub.state.notices):
        time.sleep(0.2)
    QTimer.singleShot(0, program._ui._early.app, tell)
def tell():
    notices = [notice.text for notice in program._hub.state.notices if notice.kind == "slow"]
    menu = [entry.text for entry in tray_view(program._ui._scene()).menu]
    print(json.dumps(dict(notices=notices, menu=menu)))
    program._ui.stop()
worker = threading.Thread(target=work)
QTimer.singleShot(0, worker.start)
program.run()
worker.join(5)
"""


@dataclass(frozen=True)
class Beside:
    """A server with a model loaded, and a machine with a card."""

    address: str
    root: Path
    home: Path

    def says(self, code: str, **environ: str) -> str:
        begin = BEGIN.format(root=str(self.root), address=self.address, more=environ)
        return nvml_stub.run_python(begin + code.replace("{address}", self.address), "rtx4090", self.home)

    def tray(self, **environ: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.says(TRAY, **environ).splitlines()[-1])
        return told


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    card = trees.pci("0000:01:00.0", "0x10de", "0x2684", driver="nvidia", control="on")
    tree = {
        **trees.card(0, 128, card, "0000:01:00.0"),
        "proc/meminfo": trees.meminfo(65473712, 48211004),
        "proc/4242/comm": "gnome-shell",
        "proc/4300/comm": "firefox",
    }
    (tmp_path / "machine").mkdir()
    root = trees.write_tree(tmp_path / "machine", trees.nl(tree), ())
    (tmp_path / "models").mkdir()
    with real_ollama.real_ollama(tmp_path) as address:
        real_ollama.create_tiny(f"http://{address}", "tiny")
        server = connect(ServerAddress(url=f"http://{address}"), {})
        model = server.load("tiny", context_length=TELLING, keep_alive="1h")
        assert model is not None
        assert model.size_vram_bytes == 0, "it runs on the processor"
        home = tmp_path / "home"
        home.mkdir()
        yield Beside(address, root, home)


CAUSE = "tiny:latest runs on the processor, and NVIDIA GeForce RTX 4090 is not used."
FIX = "Restart Ollama; its log tells which devices it found."


def test_doctor_names_the_cause_and_the_fix(beside: Beside) -> None:
    said = beside.says(DOCTOR)
    print(said)
    assert f"{CAUSE} {FIX}" in said


def test_the_tray_names_it_in_its_menu_and_in_one_notice(beside: Beside) -> None:
    told = beside.tray()
    print(told)
    assert told["notices"] == [f"{CAUSE} {FIX}"]
    assert any(text.startswith("tiny:latest – CPU only") for text in told["menu"])
