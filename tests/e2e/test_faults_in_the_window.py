"""Faults 16, 20 and 66 in the running program: a foreign registry, a hole, damaged files, by keyboard."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.power_tree import PowerTree

ROOT = Path(__file__).resolve().parents[2]
PERSON = Path(__file__).with_name("first_run_person.py")
NAME = "registry.example/me/a"
pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.version = "0.16.1"
        fake.offer(NAME)
        yield fake


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[PowerTree]:
    made = PowerTree(tmp_path / "machine").run(lambda: 60.0)
    yield made
    made.stop()


def damaged_store(folder: Path) -> Path:
    """What the server keeps of the model: a template that is not what the manifest says. Its file."""
    digest = hashlib.sha256(b"as it should be").hexdigest()
    kind = "application/vnd.ollama.image.template"
    manifest = {"schemaVersion": 2, "layers": [{"mediaType": kind, "digest": f"sha256:{digest}", "size": 15}]}
    file = folder / "manifests" / "registry.example" / "me" / "a" / "latest"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(manifest))
    blob = folder / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir()
    blob.write_bytes(b"damaged")
    return blob


def test_a_hole_a_foreign_registry_and_damaged_files_are_told_and_can_be_answered(
    tmp_path: Path, ollama: FakeOllama, tree: PowerTree
) -> None:
    blob = damaged_store(tmp_path / "models")
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "settings.json").write_text(json.dumps({"first_run_done": True}))
    env = {
        **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "VIRTUAL_ENV"}},
        "QT_QPA_PLATFORM": "offscreen",
        "WATTLIGHT_HOME": str(tmp_path / "home"),
        "WATTLIGHT_SYSROOT": str(tree.root),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "OLLAMA_HOST": ollama.url,
        "OLLAMA_MODELS": str(tmp_path / "models"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests")]),
        "LC_ALL": "C.UTF-8",
        "DBUS_SYSTEM_BUS_ADDRESS": "",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }
    steps = (
        "small",
        "text Ollama 0.16.1 has a known vulnerability",
        f"pull {NAME}",
        "text not from Ollama's own library.",
        "reach Download",
        "text damaged files of it were kept (template)",
        "reach Repair",
        "text Remove the damaged files",
        "reach Remove and download",
        f"gone {blob}",
    )
    done = subprocess.run(
        [sys.executable, str(PERSON), *steps],
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    pulls = [request for request in ollama.requests if request.path == "/api/pull"]
    assert pulls
