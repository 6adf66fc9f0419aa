"""What other computers, feeds, exporters and this system's own tools say, mutated: read, or refused in our
own words."""

import contextlib
import json
import plistlib
import socket
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from unit.services.test_far_lanes import DCGM
from unit.services.test_far_meter import GPU, HOUR, TOWER
from unit.test_hostile_documents import READERS as DOCUMENTS
from unit.test_hostile_documents import CannedAnswer, each
from unit.test_hostile_inputs import (
    CARD,
    DATA,
    NotJson,
    Reader,
    forget_peak,
    held_mib,
    needs_proc,
    run,
    write_to,
)
from unit.test_hostile_inputs import READERS as INPUTS
from wattlight.cli.calibration import _file_readings
from wattlight.domain.carbon import understood_factor
from wattlight.domain.machine_file import machine_document
from wattlight.domain.values import Problem
from wattlight.probes.linux.amd_metrics import parse_metrics
from wattlight.probes.linux.intel_memory import parse_i915, parse_xe
from wattlight.runtime.managed.installer import Said, _answer, choose_installer, parse_subject
from wattlight.runtime.managed.releases import read_releases
from wattlight.services.far_meter import FarLedger, cards_of
from wattlight.services.price_feeds import PriceFetcher
from wattlight.services.pricing import carbon_factors
from wattlight.services.publishing.home_assistant import read_broker
from wattlight.services.server_settings import _of_agent, set_in
from wattlight.settings import PriceFeed
from wattlight.store import Shipment, shipment_document
from wattlight.store.shipping import ShippedRow
from wattlight.system.programs import LaunchAgent
from wattlight.web import Endpoint, Limits, Wire

NOW = datetime(2026, 1, 15, tzinfo=UTC)
STATE = {
    "schema": 1, "wattlight": "1.2.0", "instance": "ab" * 16, "first_hour": HOUR, "last_hour": HOUR + 9,
    "at_us": 1_764_489_600_000_000, "power_w": 402.5, "error_fraction": 0.05, "whole": False,
    "parts": ["RTX 4090", "Ryzen"], "profile": machine_document(CARD),
}  # fmt: skip
FACTORS = carbon_factors()
ROWS = tuple(ShippedRow(HOUR * 60 + n, "gpu", "d-a", 1, 6000 + n, 60_000, 1, 3, 7) for n in range(4))
SHIPMENT = Shipment(
    HOUR, HOUR + 2, (GPU,), (("d-a", "a:1b"),), ROWS, (), tuple((row.start, 60_000) for row in ROWS), ()
)


class Answering:
    """Whatever is asked of it, by whichever of our ways, the answer is the same."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def ask(self, *_: object, **__: object) -> CannedAnswer:
        return CannedAnswer(self._data)

    get = ask


def read_far(data: bytes, _: Path) -> object:
    meter = FarLedger(Answering(data), "tower")  # type: ignore[arg-type]  # it is asked for this alone
    return each(meter.state, lambda: meter.marks(HOUR, HOUR + 9), lambda: meter.hours(TOWER, HOUR, HOUR + 2))


def far_answers() -> list[bytes]:
    marks = {"marks": [[HOUR + n, "f" * 32] for n in range(9)]}
    return [json.dumps(item).encode() for item in (STATE, marks, shipment_document(SHIPMENT))]


def read_feeds(data: bytes, folder: Path) -> object:
    wanted = [
        PriceFeed("awattar-de", ""), PriceFeed("energy-charts", "DE-LU"), PriceFeed("octopus-agile", "C"),
    ]  # fmt: skip
    fetcher = PriceFetcher(Answering(data), folder, lambda: NOW)  # type: ignore[arg-type]
    return each(lambda: fetcher.fetch(wanted[len(data) % 3]).slots)


def read_wire(data: bytes, _: Path) -> object:
    """An answer from its first byte on, its head too."""
    wire = Wire(Endpoint("http", "127.0.0.1", 1))

    def asked(lines: bool) -> object:
        ours, theirs = socket.socketpair()
        with ours, theirs, patch("wattlight.web.exchange.connect_to", lambda *_: ours):
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)
            with wire.ask("GET", "/", limits=Limits(body_bytes=100_000, line_bytes=1000)) as answer:
                return list(answer.lines()) if lines else answer.body()

    return each(lambda: asked(True), lambda: asked(False))


HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: application/json\r\n"
ANSWERS = [
    HEAD + b"Content-Length: 15\r\n\r\n" + b'{"version":"1"}',
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/4000\r\nContent-Length: 10\r\n\r\n0123456789",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1]:80/x\r\nContent-Length: 0\r\n\r\n",
]


def read_tools(data: bytes, folder: Path) -> object:
    """What tools and lists of the system say."""
    text = data.decode("utf-8", "replace")
    agent = write_to(folder, "io.github.wattlight.wattlight.plist", data)
    wall = write_to(folder, "wall.json", data)
    return each(
        lambda: _answer(Said(0, text)),
        lambda: parse_subject(text),
        lambda: choose_installer(text, "windows"),
        lambda: read_releases(text),
        lambda: set_in(text),
        lambda: _of_agent(text),
        lambda: LaunchAgent(["a", "b"], agent.parent).enabled(),
        lambda: _file_readings(wall),
    )


def tools() -> list[bytes]:
    agent = {"Label": "x", "ProgramArguments": ["a"], "WattlightVariables": {"OLLAMA_KEEP_ALIVE": "5m"}}
    installer = {
        "system": "windows",
        "version": "0.33.0",
        "size_bytes": 1000,
        "url": "https://x.example/y.exe",
    }
    return [
        b'{"Status": "Valid", "Subject": "CN=Ollama Inc., O=\\"Ollama, Inc.\\", L=Toronto, C=CA"}',
        b'CN=Ollama Inc., O="Ollama Inc.", OU=a+b, C=CA',
        json.dumps({"installers": [installer], "releases": [], "advisories": []}).encode(),
        b'[Service]\nEnvironment="OLLAMA_KEEP_ALIVE=5m"\nEnvironment=OLLAMA_NUM_PARALLEL=4\n',
        plistlib.dumps(agent),
        plistlib.dumps(agent, fmt=plistlib.FMT_BINARY),
        b'{"wall_w": [61.5, 312]}',
    ]


def read_typed(data: bytes, _: Path) -> object:
    text = data.decode("utf-8", "replace")
    return each(lambda: read_broker(text), lambda: understood_factor(text, FACTORS))


def read_driver(data: bytes, _: Path) -> object:
    return each(lambda: parse_metrics(data), lambda: parse_xe(data), lambda: parse_i915(data))


READERS: dict[str, Reader] = {
    "far meter": (far_answers, read_far),
    "exporter": (
        lambda: [DCGM.replace("COUNTER", "123456789").encode()],
        lambda data, _: cards_of(data.decode("utf-8", "replace")),
    ),
    "feed": (
        lambda: [
            (DATA / "tariffs" / f"{name}.json").read_bytes()
            for name in ("awattar", "energy_charts", "octopus_agile", "nordpool", "tibber")
        ],
        read_feeds,
    ),
    "wire": (lambda: ANSWERS, read_wire),
    "tools": (tools, read_tools),
    "typed": (lambda: [b"mqtts://broker.example:8883", b"[::1]:1883", b"386,5", b"DEU"], read_typed),
    "driver": (lambda: [bytes(range(256)), bytes(1024)], read_driver),
}
pytestmark = needs_proc


@pytest.mark.parametrize("name", READERS)
def test_mutated_words_of_others(name: str, tmp_path: Path) -> None:
    course = run(name, READERS[name], 150, 1, tmp_path)
    assert course.read + course.refused == 150


FULL = [(b"[", b"[],", b"[]]"), (b'{"x":[', b"{},", b"{}]}"), (b'{"a":"', b"x", b'"}'), (b"[", b"1,", b"1]")]
LIMITS = {"far meter": 16 << 20, "feed": 4 << 20, "manifest": 4 << 20, "token": 1 << 20, "tariff": 5_000_000}


@pytest.mark.parametrize("full", FULL, ids=range(len(FULL)))
@pytest.mark.parametrize("name", LIMITS)
def test_a_document_made_to_fill_the_memory_does_not(
    name: str, full: tuple[bytes, bytes, bytes], tmp_path: Path
) -> None:
    begin, piece, end = full
    size = LIMITS[name]
    data = begin + piece * ((size - 20) // len(piece)) + end
    read = {**INPUTS, **DOCUMENTS, **READERS}[name][1]
    forget_peak()
    held = held_mib()[0]
    with contextlib.suppress(Problem, NotJson):
        read(data, tmp_path)
    copies = 3 * size >> 20  # the bytes, their text, a text in it
    assert held_mib()[1] - held < 50 + copies
