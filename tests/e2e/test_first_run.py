"""From the first window to an answer, by keyboard, on the fake server; also after a kill."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.power_tree import PowerTree
from wattlight.catalog.shipped import load_catalog
from wattlight.services.pricing import country_prices
from wattlight.store.jobs import open_jobs

ROOT = Path(__file__).resolve().parents[2]
PERSON = Path(__file__).with_name("first_run_person.py")
pytestmark = [pytest.mark.qt, pytest.mark.timeout(240)]


class Pace(threading.Semaphore):
    """Lets a word through every few milliseconds: an answer of some seconds, whose energy can be measured."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Wait one beat."""
        threading.Event().wait(0.006)
        return True


def names() -> set[str]:
    """Everything the shipped list may offer."""
    entries = load_catalog().entries
    return {e.name for e in entries} | {f"{e.base_name}:{tag.tag}" for e in entries for tag in e.tags}


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        for name in names():
            fake.offer(name, size=60_000_000)
        fake.word_gate = Pace()
        fake.pulling.steps = 12
        yield fake


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[PowerTree]:
    made = PowerTree(tmp_path / "machine").run(lambda: 60.0)
    yield made
    made.stop()


@pytest.fixture
def env(tmp_path: Path, ollama: FakeOllama, tree: PowerTree) -> dict[str, str]:
    keep = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "VIRTUAL_ENV"}}
    return {
        **keep,
        "QT_QPA_PLATFORM": "offscreen",
        "WATTLIGHT_HOME": str(tmp_path / "home"),
        "WATTLIGHT_SYSROOT": str(tree.root),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "OLLAMA_HOST": ollama.url,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests")]),
        "LC_ALL": "C.UTF-8",
        "TZ": "Europe/Berlin",
        "DBUS_SYSTEM_BUS_ADDRESS": "",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }


def person(env: dict[str, str], *steps: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PERSON), *steps],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def german_price() -> str:
    """What the shipped table has for Germany."""
    return next(country.per_kwh for country in country_prices() if country.code == "DE")


def settings(tmp_path: Path) -> dict[str, Any]:
    return dict(json.loads((tmp_path / "home" / "config" / "settings.json").read_text()))


QUESTIONS = (
    "see machine",
    "text What runs here",
    "key Return",
    "see server",
    "text is running",
    "key Return",
    "see price",
    "key Return",
    "see model",
    "text GB",
)


def test_from_the_first_window_to_an_answer_by_keyboard(
    tmp_path: Path, env: dict[str, str], ollama: FakeOllama
) -> None:
    done = person(
        env,
        *QUESTIONS,
        "text Install",
        "key Return",
        "text installed",
        "key Return",
        "see login",
        "key Space",
        "key Return",
        "see try",
        "field",
        "key Return",
        "text tokens/s",
        "text J in",
        "reach Finish",
        "small",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(ollama.installed_names) == 1
    saved = settings(tmp_path)
    assert saved["first_run_done"] is True
    assert saved["start_at_login"] is True
    assert saved["price"]["per_kwh"] == german_price()
    assert (tmp_path / "xdg" / "autostart").is_dir()
    asked = [r.body["prompt"] for r in ollama.requests if r.path == "/api/generate" and r.body.get("prompt")]
    assert asked == ["Explain in three sentences what a kilowatt-hour is."]
    book = open_jobs(tmp_path / "home" / "data" / "jobs.sqlite3", datetime.now(UTC))
    assert [contact.reason for contact in book.contacts()] == ["model"]
    book.close()
    again = person(env, "small")
    assert again.returncode == 0, again.stderr


def test_fault_13_after_a_kill_it_goes_on_where_it_was(
    tmp_path: Path, env: dict[str, str], ollama: FakeOllama
) -> None:
    killed = person(env, *QUESTIONS, "key Down", "text Install", "kill")
    assert killed.returncode == -9
    chosen = settings(tmp_path)["first_run"]
    assert chosen["step"] == "model"
    assert chosen["model"]
    assert settings(tmp_path)["price"]["per_kwh"] == german_price()
    done = person(
        env, "see model", f"text Install {chosen['model']}", "key Return", "text installed", "key Return",
        "see login", "key Alt+Left", "see model",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert ollama.installed_names == [chosen["model"]]
    assert settings(tmp_path)["first_run_done"] is False


def test_skip_is_remembered_and_hidden_starts_open_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    done = person(env, "see machine", "reach Skip the setup", "small")
    assert done.returncode == 0, done.stdout + done.stderr
    assert settings(tmp_path)["first_run_done"] is True


class SlowUntilCancelled(threading.Semaphore):
    """A line of 40 MB/s for pieces of 20 MB, until the person gives the first download up."""

    def __init__(self, fake: FakeOllama) -> None:
        super().__init__()
        self._fake = fake

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Wait for the next piece."""
        threading.Event().wait(0.001 if self._fake.abandoned_pulls else 0.5)
        return True


def test_a_slow_line_starts_small_and_offers_the_better_one_after_the_answer(
    tmp_path: Path, env: dict[str, str], ollama: FakeOllama
) -> None:
    for name in names():
        ollama.offer(name, size=18_000_000_000)
    ollama.pulling.steps = 900
    ollama.pulling.gate = SlowUntilCancelled(ollama)
    done = person(
        env,
        *QUESTIONS,
        "text Install",
        "key Return",
        "text Start small:",
        "reach Start small:",
        "see login",
        "key Return",
        "see try",
        "field",
        "key Return",
        "text tokens/s",
        "text A better model fits this computer too",
        "reach Finish",
        "small",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(ollama.abandoned_pulls) == 1
    assert len(ollama.installed_names) == 1
    assert ollama.installed_names != ollama.abandoned_pulls
