"""Every reader of what comes from outside, over mutated inputs: read, or refused by a problem of ours, soon.

``python -m pytest -m slow -s tests/unit/test_a_million_inputs.py`` runs a million of them and of those of
``test_hostile_documents`` and ``test_hostile_hosts``.
"""

import contextlib
import dataclasses
import io
import json
import random
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest
import zstandard

from fakes import fit_truth, gguf_writer
from fakes.gguf_writer import shape_from_bytes
from fakes.mutations import mutated
from fakes.release_server import server_archive
from wattlight.catalog.registry import parse_config, parse_manifest, read_address
from wattlight.domain.breakeven import parse_api_prices
from wattlight.domain.cost import By
from wattlight.domain.fit import FitOptions, fit, prepare
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.tariff import parse_price
from wattlight.domain.tokens import client_name, model_in, read_counters
from wattlight.domain.values import Device, MachineProfile
from wattlight.paths import asset_text
from wattlight.runtime import parse_endpoint, read_name
from wattlight.runtime.managed.unpacking import unpack
from wattlight.runtime.names import read_keep_alive
from wattlight.runtime.passthrough.framing import ChunkedBody, read_answer, read_request
from wattlight.runtime.reading import (
    read_installed,
    read_object,
    read_pull_line,
    read_running,
    read_version,
    weights_file,
)
from wattlight.services.metering.trace import read_trace, replay
from wattlight.services.pricing import read_tariff_file
from wattlight.settings import load_settings

DATA = Path(__file__).resolve().parents[1] / "data"
GIB = 1 << 30
NOW = datetime(2026, 11, 30, tzinfo=UTC)
CARD = MachineProfile("m", "linux", 32 * GIB, 24 * GIB, devices=(Device("g", "g", "cuda", 8 * GIB, 7 * GIB),))
SIZES = ("bytes", "size", "_length", "tokens")
LARGEST = 1 << 53
"""Sizes beyond it are no sizes, and no float holds them."""

Read = Callable[[bytes, Path], object]
Reader = tuple[Callable[[], list[bytes]], Read]
"""Inputs to begin with, and how they are read."""


def headers() -> list[bytes]:
    models = ("tiny-llama", "gptoss20b", "lfm2_1b", "deepseek2lite", "qwen35-9b", "gemma3-1b")
    return [gguf_writer.header(fit_truth.raw_shapes()[m], vocabulary=30, merges=10) for m in models]


def read_header(data: bytes, _: Path) -> object:
    shape = shape_from_bytes(data)
    return fit(prepare(shape), CARD, FitOptions(context=4096))


CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "config": {"mediaType": CONFIG_TYPE, "digest": "sha256:" + "a" * 64, "size": 485},
        "layers": [
            {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{'b' * 64}", "size": n}
            for kind, n in (("model", 4661211424), ("template", 254), ("draft", 81233), ("params", 96))
        ],
    }
).encode()  # fmt: skip
CONFIG = b'{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"8.0B"}'
TAGS = json.dumps(
    {
        "models": [
            {
                "name": f"llama3:{n}b", "model": f"llama3:{n}b", "modified_at": "2026-11-01T10:00:00.5+01:00",
                "size": 4661224676 + n, "digest": "c" * 64, "size_vram": 4000000000, "context_length": 8192,
                "expires_at": "2318-01-01T00:00:00Z", "remote_host": "",
                "details": {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_0"},
            }
            for n in range(3)
        ],
        "version": "0.33.1", "status": "pulling", "total": 100, "completed": 7,
        "modelfile": "FROM /x/sha256-" + "d" * 64,
    }
).encode()  # fmt: skip


def read_answers(data: bytes, _: Path) -> object:
    document = read_object(data)
    return [
        read_installed(document),
        read_running(document, NOW),
        read_pull_line(document),
        weights_file(document),
        read_version(document),
    ]


def write_to(folder: Path, name: str, data: bytes) -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


SETTINGS = json.dumps(
    {
        "theme": "dark", "language": "de", "context_length": 8192, "keep_alive": "5m", "first_run_done": True,
        "servers": [{"host": "local", "name": "here", "url": "http://127.0.0.1:11434"}],
        "price": {"per_kwh": "0.39", "currency": "EUR", "budget": "5.5"},
        "meter": {"interval_s": 1.0, "hidden_interval_s": 10.0, "keep_months": 12, "paused": False},
        "passthrough_port": 11435, "break_even": {"calls": "1000", "watts": "300"},
    }
).encode()  # fmt: skip
TARIFF = json.dumps(
    {
        "currency": "EUR", "timezone": "Europe/Berlin",
        "periods": [
            {"from": "2025-01-01", "to": "2026-01-01", "price_per_kwh": "0.35", "standing_per_month": 9},
            {
                "from": "2026-01-01", "price_per_kwh": 0.31,
                "bands": [{"days": ["mon", "tue"], "start": "22:00", "end": "06:00", "price_per_kwh": 0.2}],
            },
        ],
    }
).encode()  # fmt: skip
TRACE = b"time_utc,device,power_w,counter_mj,model,tokens\n" + b"".join(
    b"2026-11-01T10:00:%02d,gpu:0,%d.5,%d,llama3:8b,%d\n" % (s, 100 + s, 1000 * s, s) for s in range(20)
)
REQUEST = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:11435\r\nUser-Agent: ollama-python/0.5\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 90\r\n\r\n"
    b'{"model":"a:1b","done":true,"eval_count":12,"eval_duration":900000,"prompt_eval_count":3}'
)


def read_settings(data: bytes, folder: Path) -> object:
    for kept in folder.glob("settings.json.bad*"):
        kept.unlink()
    return load_settings(write_to(folder, "settings.json", data))


def read_relayed(data: bytes, _: Path) -> object:
    head, _, rest = data.partition(b"\r\n\r\n")
    if data[:5] == b"HTTP/":
        return [read_answer(head + b"\r\n\r\n"), read_counters(rest), model_in(rest)]
    found = read_request(head + b"\r\n\r\n")
    ChunkedBody().feed(rest, lambda _piece: None)
    return [found, client_name(found.user_agent)]


def read_words(data: bytes, _: Path) -> object:
    text = data.decode("utf-8", "replace")
    made: list[object] = []
    for reader in (parse_endpoint, read_name, read_address, read_keep_alive, parse_price):
        try:
            made.append(reader(text))
        except Exception as error:
            if not ours(error):
                raise
    return made


def read_archive(data: bytes, folder: Path) -> object:
    into = folder / f"into-{random.random()}"  # a name, no secret
    into.mkdir()
    return unpack(write_to(folder, "archive", data), into, 1 << 20, Event())


def archive_of(raw: bytes) -> bytes:
    return zstandard.compress(raw)


def plain_archive() -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name in ("bin/ollama", "lib/x"):
            entry = tarfile.TarInfo(name)
            entry.size = 5
            tar.addfile(entry, io.BytesIO(b"hello"))
    return raw.getvalue()


def read_money(data: bytes, folder: Path) -> object:
    tariff = read_tariff_file(str(write_to(folder, "tariff.json", data)))
    return [tariff.price_at(NOW)]


def read_series(data: bytes, folder: Path) -> object:
    write_to(folder, "prices.csv", data)
    period = {"series": {"file": "prices.csv"}, "price_per_kwh": "0.3"}
    document = {"currency": "EUR", "timezone": "Europe/Berlin", "periods": [period]}
    return read_money(json.dumps(document).encode(), folder)


def read_meter(data: bytes, _: Path) -> object:
    rows = read_trace(data.decode("utf-8", "replace"))
    if not rows or rows[-1].at_us - rows[0].at_us > 40 * 86_400_000_000:
        return rows
    return [rows, replay(rows, None, By.MODEL)]


def price_series() -> list[bytes]:
    return [
        (DATA / "tariffs" / name).read_bytes() for name in ("awattar.csv", "awattar.json", "entsoe_old.csv")
    ]


BINARY = {"header", "archive", "packed"}
"""Readers of no text."""

READERS: dict[str, Reader] = {
    "header": (headers, read_header),
    "manifest": (lambda: [MANIFEST, CONFIG], lambda data, _: [parse_manifest(data), parse_config(data)]),
    "answers": (lambda: [TAGS], read_answers),
    "settings": (lambda: [SETTINGS], read_settings),
    "machine": (
        lambda: [f.read_bytes() for f in sorted((DATA / "machines").glob("*.json"))],
        lambda data, _: parse_machine(json_or_problem(data)),
    ),
    "tariff": (lambda: [TARIFF], read_money),
    "series": (price_series, read_series),
    "trace": (lambda: [TRACE], read_meter),
    "prices": (
        lambda: [b"\n".join(asset_text("prices/api_prices.csv").encode().split(b"\n")[:6]) + b"\n"],
        lambda data, _: parse_api_prices(data.decode("utf-8", "replace")),
    ),
    "relay": (lambda: [REQUEST, ANSWER], read_relayed),
    "words": (
        lambda: [b"http://127.0.0.1:11434", b"hf.co/me/model:q4_0", b"5m30s", b"0.39", b"[::1]:80"],
        read_words,
    ),
    "archive": (lambda: [plain_archive()], lambda data, at: read_archive(archive_of(data), at)),
    "packed": (lambda: [server_archive(), archive_of(plain_archive())], read_archive),
}


class NotJson(Exception):
    """Told in a sentence by whoever reads the file."""


def json_or_problem(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotJson from error


def ours(error: BaseException) -> bool:
    """Whether an error belongs to the program, for the whole family of it."""
    return type(error).__module__.startswith("wattlight.") or isinstance(error, NotJson)


def impossible(value: object, name: str = "", depth: int = 0) -> str | None:
    """The first size that cannot be, of what was read."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            found = impossible(getattr(value, field.name), field.name, depth + 1)
            if found:
                return found
    elif isinstance(value, list | tuple) and depth < 6:
        return next((found for item in value[:50] if (found := impossible(item, name, depth + 1))), None)
    elif (
        name != "spare_bytes"
        and name.endswith(("bytes", "size", "_length", "tokens"))
        and isinstance(value, int | float | Decimal)
    ):
        return None if 0 <= value <= LARGEST else f"{name} = {value}"
    return None


def held_mib() -> tuple[int, int]:
    """What this process holds of memory, and the most it held since :func:`forget_peak`."""
    words = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(words["VmRSS"].split()[0]) >> 10, int(words["VmHWM"].split()[0]) >> 10


def forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@dataclasses.dataclass(slots=True)
class Course:
    """How a reader took its inputs."""

    read: int = 0
    refused: int = 0
    longest_s: float = 0.0
    grown_mib: int = 0


def run(name: str, reader: Reader, count: int, seed: int, folder: Path) -> Course:
    """Read ``count`` mutated inputs; none may take a second or 50 MiB, or end with an error not ours."""
    make, read = reader
    inputs, chance = make(), random.Random(f"{name} {seed}")
    course = Course()
    for data in inputs:
        read(data, folder)
    forget_peak()
    for number in range(count):
        data = mutated(chance.choice(inputs), chance, numbers=name not in BINARY)
        began, (before, peak) = time.process_time(), held_mib()
        try:
            value = read(data, folder)
        except Exception as error:  # noqa: BLE001  # what it is, is the question
            assert ours(error), f"{name} {number}: {type(error).__name__}: {error}\n{data[:600]!r}"
            course.refused += 1
        else:
            course.read += 1
            found = impossible(value)
            assert found is None, f"{name} {number}: {found}\n{data[:600]!r}"
        taken_s, (held, now_peak) = time.process_time() - began, held_mib()
        grown = (now_peak if now_peak > peak else held) - before
        assert taken_s < 1.0, f"{name} {number}\n{data[:600]!r}"
        assert grown < 50, f"{name} {number}\n{data[:600]!r}"
        course.longest_s, course.grown_mib = max(course.longest_s, taken_s), max(course.grown_mib, grown)
    return course


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
pytestmark = needs_proc


@pytest.mark.parametrize("name", READERS)
def test_mutated_inputs(name: str, tmp_path: Path) -> None:
    course = run(name, READERS[name], 150, 1, tmp_path)
    assert course.read + course.refused == 150
    assert course.refused or name in {"settings", "words"}
