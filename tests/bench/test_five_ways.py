"""How much of the program five common ways enter, by a profile of the running program.

python -m pytest -m bench -s tests/bench/test_five_ways.py
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import nvml_stub
from fakes.entered import Noted
from fakes.fake_ollama import FakeOllama
from fakes.sni_probe import TrayProbe
from qt.desk import Desk, missing_tools
from wattlight.paths import places_for_user
from wattlight.settings import MeterSettings, Settings, save_settings

pytestmark = [pytest.mark.bench, pytest.mark.qt, pytest.mark.timeout(180)]

Counted = dict[str, int]

FIRST = {
    "a reading to the menu": (143, 49),
    "click to loaded": (219, 71),
    "fit of a catalogue model": (243, 70),
    "ledger to cost card": (33, 10),
    "price setting to meter": (154, 60),
}
"""What the first building entered, in functions and files, by this very profile."""


class Profiled:
    """The program under the profile, and the pipe to it."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._pipe, self._answer = folder / "words", folder / "answer"
        os.mkfifo(self._pipe)
        command = [sys.executable, "-m", "fakes.entered", str(self._pipe), str(self._answer), "--hidden"]
        self.program = desk.spawn(command)

    def say(self, word: str) -> None:
        """``start``, ``stop`` or ``price 0.39``."""
        self._pipe.write_text(word + "\n", encoding="utf-8")

    async def during(self, seconds: float) -> Counted:
        """What is entered in a time in which nobody does anything."""
        await asyncio.to_thread(self.say, "start")
        await asyncio.sleep(seconds)
        return await self.stop()

    async def stop(self) -> Counted:
        """What was entered since the start."""
        self._answer.unlink(missing_ok=True)
        await asyncio.to_thread(self.say, "stop")
        end = time.monotonic() + 10
        while not self._answer.exists():
            assert time.monotonic() < end, "no answer of the profile"
            await asyncio.sleep(0.02)
        found: Counted = json.loads(self._answer.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        yield fake


@pytest.fixture
def desk(tmp_path: Path, ollama: FakeOllama) -> Iterator[Desk]:
    if missing_tools() or nvml_stub.why_not():
        pytest.skip("a tool is missing")
    made = Desk(tmp_path).open()
    made.env["OLLAMA_HOST"] = ollama.url
    made.env["TZ"] = "UTC"
    made.env["LD_LIBRARY_PATH"] = str(nvml_stub.build())
    made.env["FAKE_NVML"] = "rtx4090"
    settings = Settings(meter=MeterSettings(hidden_interval_s=1.0), first_run_done=True)
    save_settings(places_for_user(made.env).settings_file, settings)
    yield made
    made.close()


def without(found: Counted, anyway: Counted) -> Counted:
    """What is entered whether or not somebody goes the way is not of it."""
    return {name: calls for name, calls in found.items() if name not in anyway}


def told(way: str, found: Counted) -> tuple[int, int, int]:
    """(functions, files, calls) of a way."""
    files = {name.split(" ")[0] for name in found}
    functions_then, files_then = FIRST[way]
    print(
        f"{way}: {len(found)} functions in {len(files)} files, {sum(found.values())} calls"
        f" (first building: {functions_then} in {files_then})"
    )
    return len(found), len(files), sum(found.values())


def test_the_ways_of_the_running_program(desk: Desk, ollama: FakeOllama, tmp_path: Path) -> None:
    async def walk() -> dict[str, Counted]:
        ways = {}
        async with TrayProbe(desk.address) as probe:
            run = Profiled(desk, tmp_path)

            async def until(so: Callable[[list[str]], bool]) -> None:
                while not so(await probe.texts()):
                    await asyncio.sleep(0.05)

            await probe.wait_item()
            await asyncio.sleep(6)
            await probe.menu()

            beats = [await run.during(1.5) for _ in range(6)]
            ways["a reading to the menu"] = min(beats, key=len)
            anyway = dict(entry for beat in beats for entry in beat.items())

            loads = []
            for _ in range(3):
                await asyncio.to_thread(run.say, "start")
                await probe.click("qwen3:8b")
                await until(lambda texts: any(text.startswith("Unload (") for text in texts))
                loads.append(await run.stop())
                assert ollama.running_names == ["qwen3:8b"]
                await asyncio.sleep(2)
                await probe.click(next(t for t in await probe.texts() if t.startswith("Unload (")))
                await until(lambda texts: not any(text.startswith("Unload (") for text in texts))
                await asyncio.sleep(2)
            ways["click to loaded"] = min((without(found, anyway) for found in loads), key=len)

            await probe.click("qwen3:8b")
            await until(lambda texts: any(text.startswith("Unload (") for text in texts))
            await asyncio.sleep(3)
            anyway |= await run.during(17)  # the server is asked every 15 s

            await asyncio.to_thread(run.say, "start")
            await asyncio.to_thread(run.say, "price 0.39")
            await asyncio.sleep(5)
            ways["price setting to meter"] = without(await run.stop(), anyway)
            assert "domain/cost/sums.py Sums.add_all" in ways["price setting to meter"]

            shown = await asyncio.create_subprocess_exec(sys.executable, "-m", "wattlight", env=desk.env)
            assert await shown.wait() == 0
            await asyncio.sleep(3)
            cards = [await run.during(1.5) for _ in range(4)]
            ways["ledger to cost card"] = without(min(cards, key=len), anyway)
            await probe.click("Quit")
            assert await asyncio.to_thread(run.program.wait, 10) == 0
        return ways

    for way, found in asyncio.run(walk()).items():
        functions, _, calls = told(way, found)
        assert functions > 0
        if way == "price setting to meter":
            assert calls <= 300


def test_fit(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATTLIGHT_HOME", str(tmp_path))
    noted = Noted()
    noted.on = True
    machine = Path(__file__).resolve().parents[1] / "data" / "machines" / "card_24gib.json"
    from wattlight.__main__ import main

    sys.setprofile(noted)
    try:
        code = main(["fit", "llama3.1:8b", "--machine", str(machine)])
    finally:
        sys.setprofile(None)
    assert code == 0 and "llama3.1:8b" in capfd.readouterr().out
    with capfd.disabled():
        told("fit of a catalogue model", noted.answer())
