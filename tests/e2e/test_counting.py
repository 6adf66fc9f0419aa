"""The relay in the running program: off unless asked for, said by the tray, counts kept when it ends."""

import asyncio
import json
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.sni_probe import TrayProbe
from qt.desk import Desk, missing_tools
from wattlight.paths import places_for_user
from wattlight.settings import Settings, save_settings
from wattlight.store.jobs import open_jobs

from .test_living_loop import menu_has

pytestmark = [pytest.mark.qt, pytest.mark.timeout(120)]


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        yield fake


@pytest.fixture
def desk(tmp_path: Path, ollama: FakeOllama) -> Iterator[Desk]:
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    made = Desk(tmp_path).open()
    made.env["OLLAMA_HOST"] = ollama.url
    yield made
    made.close()


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int) -> dict[str, object]:
    """One answer through the relay, past any proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = json.dumps({"model": "qwen3:8b", "prompt": "hello", "stream": False}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/generate", body)
    with opener.open(request, timeout=20) as answer:
        document: dict[str, object] = json.load(answer)
        return document


def test_counts_go_through_the_running_program(desk: Desk, ollama: FakeOllama) -> None:
    port = free_port()
    places = places_for_user(desk.env)
    save_settings(places.settings_file, Settings(passthrough_on=True, passthrough_port=port))

    async def run() -> dict[str, object]:
        async with TrayProbe(desk.address) as probe:
            program = desk.spawn([sys.executable, "-m", "wattlight", "--hidden"])
            await probe.wait_item()
            await menu_has(probe, f"Counting tokens at 127.0.0.1:{port}")
            answer = await asyncio.to_thread(ask, port)
            program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.wait, 15) == 0
            return answer

    answer = asyncio.run(run())
    assert not listens(port)
    book = open_jobs(places.jobs_file, datetime.now(UTC))
    hours = book.token_hours(datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC) + timedelta(hours=1))
    book.close()
    assert [(h.model, h.source, h.requests) for h in hours] == [("qwen3:8b", "pass_through", 1)]
    assert hours[0].output_tokens == answer["eval_count"]


def test_nothing_listens_unless_it_is_asked_for(desk: Desk) -> None:
    port = free_port()
    save_settings(places_for_user(desk.env).settings_file, Settings(passthrough_port=port))

    async def run() -> None:
        async with TrayProbe(desk.address) as probe:
            program = desk.spawn([sys.executable, "-m", "wattlight", "--hidden"])
            await probe.wait_item()
            await menu_has(probe, "qwen3:8b")
            assert not any("Counting" in text for text in await probe.texts())
            assert not listens(port)
            program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.wait, 15) == 0

    asyncio.run(run())
