"""Secrets, one of its own in every place where one can be put: none is ever in what the program writes."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.plug_devices import FakePlug, recorded, serving
from fakes.power_tree import PowerTree

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "apikey",
    "httpproxy",
    "httpsproxy",
    "allproxy",
    "token",
    "setting",
    "address",
    "typed",
    "file",
    "query",
    "plug",
    "mqtt",
    "hostkey",
    "metertoken",
)
SECRETS = {name: f"Zq{number}x{name}{number * 7919}Yw" for number, name in enumerate(NAMES, start=1)}
USER = "Ursula"
pytestmark = [
    pytest.mark.slow,  # 95 s; python -m pytest -m slow tests/e2e/test_secrets.py
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and /proc"),
]


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it may be written."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    yield secret.encode("utf-16-le")
    for before in ("", f"{USER}:"):
        yield base64.b64encode(f"{before}{secret}".encode()).rstrip(b"=")[:-1]


def found_in(data: bytes) -> set[str]:
    """Names of the secrets in what was written; without regard to case, as hosts are."""
    return {
        name
        for name, secret in SECRETS.items()
        if any(form.lower() in data.lower() for form in forms(secret))
    }


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        yield fake


@pytest.fixture
def tower() -> Iterator[FakeOllama]:
    """A server on another computer that wants a key."""
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        yield fake


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[PowerTree]:
    made = PowerTree(tmp_path / "machine").run(lambda: 60.0)
    yield made
    made.stop()


def environment(tmp_path: Path, tree: PowerTree) -> dict[str, str]:
    with_user = {
        name: f"http://{USER}:{SECRETS[name]}@127.0.0.1:9" for name in ("httpproxy", "httpsproxy", "allproxy")
    }
    return {
        **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "VIRTUAL_ENV"}},
        "QT_QPA_PLATFORM": "offscreen",
        "WATTLIGHT_HOME": str(tmp_path / "home"),
        "WATTLIGHT_SYSROOT": str(tree.root),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests")]),
        "LC_ALL": "C.UTF-8",
        "DBUS_SYSTEM_BUS_ADDRESS": "",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "OLLAMA_API_KEY": SECRETS["apikey"],
        "OPENAI_API_KEY": SECRETS["apikey"],
        "HF_TOKEN": SECRETS["token"],
        "HTTP_PROXY": with_user["httpproxy"],
        "https_proxy": with_user["httpsproxy"],
        "ALL_PROXY": with_user["allproxy"],
    }  # fmt: skip


def argv_below(pid: int) -> bytes:
    """The command lines of a process's children, their children and so on."""
    lines = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                lines += [entry.joinpath("cmdline").read_bytes(), argv_below(int(entry.name))]
        except (OSError, ValueError, IndexError):
            continue
    return b"\n".join(lines)


def odd(secret: str) -> list[str]:
    """Addresses with a name and a password in them, some of which are none."""
    return [
        f"http://{USER}:{secret}@127.0.0.1:9", f"ftp://{USER}:{secret}@127.0.0.1", f"{USER}:{secret}@h",
        f"https://{USER}:a/{secret}@127.0.0.1", f"http://{USER}:{secret} @127.0.0.1", f"//{USER}:{secret}@h",
        f"http://{USER}:{secret}@[::1", f"http://{secret}@127.0.0.1:9/{'x' * 600}", f"http://u%3A{secret}@h",
    ]  # fmt: skip


VERBS = (
    "hardware", "doctor", "ps", "models", "load qwen3:8b", "unload qwen3:8b", "switch qwen3:8b", "pull no:1b",
    "remove no:1b", "fit no:9b", "recommend --refresh", "power", "cost", "export", "tariff",
    "breakeven qwen3:8b", "disk", "updates", "server-settings", "plug", "connect langchain",
    "hosts", "ps --host tower", "load qwen3:8b --host tower", "cost --host all",
    "hosts meter tower 127.0.0.1:9",
)  # fmt: skip


def run(env: dict[str, str], *words: str) -> bytes:
    """What a verb writes."""
    done = subprocess.run(
        [sys.executable, "-m", "wattlight", *words], env=env, capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def plug() -> Iterator[FakePlug]:
    """A plug that wants a password."""
    made = FakePlug({"/cm": (200, recorded("tasmota_status8.json"))})
    with serving(made) as made.host:
        yield made


def test_no_secret_is_in_anything_that_is_written(
    tmp_path: Path, ollama: FakeOllama, tower: FakeOllama, tree: PowerTree, plug: FakePlug
) -> None:
    env = environment(tmp_path, tree)
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    settings = {
        "first_run_done": True,
        "server_proxy": f"http://{USER}:{SECRETS['setting']}@127.0.0.1:9",
        "passthrough_on": True,
        "passthrough_port": 0,
        "price": {"per_kwh": "0.3", "currency": "EUR"},
        "unknown_token": SECRETS["setting"],
        "plug": {"kind": "tasmota", "address": plug.host, "user": USER},
        "publish": {"broker": "127.0.0.1:9", "user": USER},
        "servers": [
            {"host": "local", "name": "here", "url": None},
            {
                "host": "tower",
                "name": "Tower",
                "url": tower.url,
                "key": True,
                "meter": "127.0.0.1:9",
                "meter_key": True,
            },
        ],
    }
    (config / "settings.json").write_text(json.dumps(settings))
    kept = config / "secrets.json"  # the one place of theirs
    theirs = {"host tower": "hostkey", "meter tower": "metertoken"}
    kept.write_text(
        json.dumps(
            {name: SECRETS[name] for name in ("plug", "mqtt")}
            | {name: SECRETS[secret] for name, secret in theirs.items()}
        )
    )
    kept.chmod(0o600)
    leaks: dict[str, set[str]] = {}

    def look(where: str, data: bytes) -> None:
        if found := found_in(data):
            leaks[where] = found

    tray = subprocess.Popen(
        [sys.executable, "-m", "wattlight", "--hidden"],
        env={**env, "OLLAMA_HOST": ollama.url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        for verb in VERBS:
            look(verb, run({**env, "OLLAMA_HOST": ollama.url}, *verb.split()))
            look(f"{verb} --json", run({**env, "OLLAMA_HOST": ollama.url}, *verb.split(), "--json"))
            look("children of the tray", argv_below(tray.pid))
        for number, address in enumerate(odd(SECRETS["address"])):
            for verb in ("ps", "doctor", "pull no:1b"):
                look(f"OLLAMA_HOST {number} {verb}", run({**env, "OLLAMA_HOST": address}, *verb.split()))
        for number, address in enumerate(odd(SECRETS["typed"])):
            for verb in ("fit", "pull", "load", "tariff check", "replay", "recommend --machine"):
                look(f"{verb} {number}", run({**env, "OLLAMA_HOST": ollama.url}, *verb.split(), address))
        for number, address in enumerate(odd(SECRETS["file"])):
            servers = [{"host": "local", "name": "here", "url": address}]
            (config / "settings.json").write_text(json.dumps({**settings, "servers": servers}))
            look(f"settings {number}", run(env, "ps") + run(env, "doctor", "--json"))
            time.sleep(0.3)  # the tray reads it as well
        tray.send_signal(signal.SIGABRT)
        look("end of the tray", tray.communicate(timeout=20)[0])
    finally:
        if tray.poll() is None:
            tray.kill()
            tray.wait(10)
    written = [
        file
        for file in tmp_path.rglob("*")
        if file.is_file() and file not in {config / "settings.json", kept}
    ]
    asked = base64.b64encode(f"{USER}:{SECRETS['plug']}".encode()).decode()
    assert any(asked in head for head in plug.heads), "it was used"
    assert not any(asked in head or SECRETS["plug"] in head for head in plug.heads if "/cm" not in head)
    assert {"wattlight.log", "wattlight.crash", "ledger.sqlite3"} <= {file.name for file in written}
    for file in written:
        look(file.relative_to(tmp_path).as_posix(), file.read_bytes())
        look(f"name of {file.name}", str(file).encode())
    assert leaks == {}
    assert {request.headers.get("Authorization") for request in tower.requests} == {
        f"Bearer {SECRETS['hostkey']}"
    }
    assert not [request for request in ollama.requests if re.search("Zq[0-9]", str(request.headers))]
