"""The main job as a person does it: pull, switch from the tray menu, unload, read the cost."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.power_tree import PowerTree
from fakes.sni_probe import TrayProbe
from qt.desk import Desk, missing_tools
from wattlight.paths import places_for_user
from wattlight.settings import MeterSettings, Settings, load_settings, save_settings

IDLE_W, LOADED_W = 20.0, 60.0

pytestmark = [pytest.mark.qt, pytest.mark.timeout(180)]


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        fake.offer("gemma3:4b", size=3_300_000_000)
        yield fake


@pytest.fixture
def tree(tmp_path: Path, ollama: FakeOllama) -> Iterator[PowerTree]:
    def watts() -> float:
        return LOADED_W if ollama.running_names else IDLE_W

    made = PowerTree(tmp_path / "machine").run(watts)
    yield made
    made.stop()


@pytest.fixture
def desk(tmp_path: Path, tree: PowerTree, ollama: FakeOllama) -> Iterator[Desk]:
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    made = Desk(tmp_path).open()
    made.env["OLLAMA_HOST"] = ollama.url
    made.env["WATTLIGHT_SYSROOT"] = str(tree.root)
    made.env["TZ"] = "UTC"
    beat = Settings(meter=MeterSettings(hidden_interval_s=1.0))
    save_settings(places_for_user(made.env).settings_file, beat)
    yield made
    made.close()


class Person:
    """Types commands and waits for what should happen."""

    def __init__(self, desk: Desk) -> None:
        self._env = desk.env

    def run(self, *words: str) -> list[dict[str, Any]]:
        """The JSON documents a verb prints."""
        done = subprocess.run(
            [sys.executable, "-m", "wattlight", *words, "--json"],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        text = done.stdout.strip()
        try:
            return [json.loads(text)]
        except ValueError:
            return [json.loads(line) for line in text.splitlines()]

    async def until(self, what: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it did not happen in time"
            await asyncio.sleep(0.1)

    def energy_mj(self) -> int:
        """What the ledger has of today."""
        return int(self.run("cost")[0]["energy_mj"])


def test_the_living_loop(desk: Desk, ollama: FakeOllama) -> None:
    person = Person(desk)
    assert person.run("tariff", "set", "--price", "0.39", "--currency", "EUR")
    assert person.run("pull", "gemma3:4b")[-1]["done"] is True
    assert {m["name"] for m in person.run("models")[0]["models"]} == {"qwen3:8b", "gemma3:4b"}

    async def loop() -> None:
        async with TrayProbe(desk.address) as probe:
            program = desk.spawn([sys.executable, "-m", "wattlight", "--hidden"])
            await probe.wait_item()
            await menu_has(probe, "qwen3:8b")

            await person.until(lambda: person.energy_mj() > 0, 40)

            await probe.click("qwen3:8b")
            await person.until(lambda: ollama.running_names == ["qwen3:8b"])
            loaded = person.energy_mj()
            await person.until(lambda: person.energy_mj() > loaded + 3 * LOADED_W * 1000, 40)

            await probe.click("gemma3:4b")
            await person.until(lambda: ollama.running_names == ["gemma3:4b"])
            await menu_has(probe, "gemma3:4b – ", checked=True)
            loaded = person.energy_mj()
            await person.until(lambda: person.energy_mj() > loaded + 3 * LOADED_W * 1000, 40)

            await probe.click("Unload (free")
            await person.until(lambda: ollama.running_names == [])

            unloaded = person.energy_mj()
            await person.until(lambda: person.energy_mj() > unloaded, 40)
            await probe.click("Quit")
            assert await asyncio.to_thread(program.wait, 10) == 0

    asyncio.run(loop())
    cost = person.run("cost", "--by", "model")[0]
    assert cost["currency"] == "EUR"
    assert cost["cost_micro"] > 0
    assert cost["quality"] == "counter"
    parts = {line["key"]: line["energy_mj"] for line in cost["breakdown"]}
    assert sum(parts.values()) == cost["energy_mj"]
    assert {"qwen3:8b", "gemma3:4b", "base"} <= set(parts)
    models_mj = parts["qwen3:8b"] + parts["gemma3:4b"]
    # between all idle and all loaded, and the models' share is what lay above idle
    assert IDLE_W * 0.9 <= cost["energy_mj"] / 1000 / cost["observed_s"] <= LOADED_W * 1.1
    assert cost["energy_mj"] - models_mj == pytest.approx(cost["observed_s"] * IDLE_W * 1000, rel=0.3)


async def menu_has(probe: TrayProbe, text: str, checked: bool | None = None) -> None:
    """Wait until the menu shows a line (with its check mark)."""
    end = time.monotonic() + 20
    while True:
        try:
            entry = await probe.find(text)
            await probe.close_menu()
            if checked is None or entry.checked is checked:
                return
        except LookupError:
            await probe.close_menu()
        assert time.monotonic() < end, f"the menu never showed {text!r}: {await probe.texts()}"
        await asyncio.sleep(0.2)


def test_fault_55_the_program_ends_in_order_when_it_is_asked_to(desk: Desk) -> None:
    async def loop() -> None:
        async with TrayProbe(desk.address) as probe:
            program = desk.spawn([sys.executable, "-m", "wattlight", "--hidden"])
            await probe.wait_item()
            await menu_has(probe, "Quit")
            started = time.monotonic()
            program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.wait, 10) == 0
            assert time.monotonic() - started < 3

    asyncio.run(loop())


def test_a_price_set_at_the_command_line_reaches_the_running_window_and_stays(desk: Desk) -> None:
    person = Person(desk)

    async def loop() -> None:
        async with TrayProbe(desk.address) as probe:
            program = desk.spawn([sys.executable, "-m", "wattlight", "--hidden"])
            await probe.wait_item()
            await menu_has(probe, "Pause metering")
            person.run("tariff", "set", "--price", "0.39", "--currency", "EUR")
            await probe.activate()  # somebody looks
            await menu_has(probe, "Models €")
            await probe.click("Pause metering")  # the window saves its own settings
            await menu_has(probe, "Resume metering")
            await probe.click("Quit")
            assert await asyncio.to_thread(program.wait, 10) == 0

    asyncio.run(loop())
    settings = load_settings(places_for_user(desk.env).settings_file).settings
    assert (settings.price.per_kwh, settings.price.currency) == ("0.39", "EUR")
    assert settings.meter.paused
