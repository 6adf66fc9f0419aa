"""What plugs, other servers, logs and our own small files say, mutated: read, or refused in our own words."""

import json
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from fakes.fit_truth import shape
from fakes.recorded_servers import LM_STUDIO_LIST, recorded
from unit.test_hostile_inputs import CARD, DATA, Reader, needs_proc, run, write_to
from wattlight.catalog.download.kept import kept_downloads
from wattlight.catalog.download.parts import PartFile
from wattlight.catalog.installed import PARTS
from wattlight.catalog.registry import Layer, ShapeCache
from wattlight.catalog.registry.token import RegistryPass
from wattlight.catalog.reread import RereadBook
from wattlight.catalog.safetensors import read_model_folder
from wattlight.domain.entry import Reread
from wattlight.domain.fit import FitOptions, fit, prepare
from wattlight.domain.learned import COUNT, Model
from wattlight.domain.server_variables import agrees, in_force
from wattlight.domain.vllm import EngineModel, plan
from wattlight.probes.plugs.asking import PlugHost
from wattlight.probes.plugs.fritz import FritzBox
from wattlight.probes.plugs.kinds import AnyDocument, HomeAssistant, Shelly, Tasmota
from wattlight.probes.probe import DeviceCache, Remembered
from wattlight.probes.server_switches import profile_of
from wattlight.runtime import AnswerRequest, Endpoint, cut_prompt
from wattlight.runtime.engine_words import cache_types
from wattlight.runtime.kinds import kind_at
from wattlight.runtime.litellm_server import LiteLlmServer
from wattlight.runtime.llama_server import LlamaRouter, LlamaServer
from wattlight.runtime.lm_studio_server import LmStudioServer
from wattlight.runtime.managed import ManagedProcess, ServerLog, Versions
from wattlight.runtime.openai_server import OpenAiServer
from wattlight.runtime.vllm_server import VllmServer
from wattlight.services.benchmark.power_caps import _read as read_cap_note
from wattlight.services.learned import LearnedWatts, _document
from wattlight.services.models.pull_book import PullBook
from wattlight.services.programs import ProgramWatch
from wattlight.services.prompts import kept_prompts
from wattlight.settings import PlugSettings
from wattlight.system.secrets import SecretStore

LAYER = Layer("m", "sha256:" + "a" * 64, 4000)
DAY = date(2026, 11, 30)


class CannedPlug(PlugHost):
    """Whatever is asked, the answer is the same."""

    def __init__(self, said: bytes) -> None:
        super().__init__("127.0.0.1", "admin", "secret")
        self._answer = said

    def get(self, path: str, *headers: str, form: bytes | None = None) -> bytes:
        return self._answer


def each(*readers: Callable[[], object]) -> list[object]:
    """What each of them reads; a refusal of one keeps none of the others from reading."""
    found: list[object] = []
    for reader in readers:
        try:
            found.append(reader())
        except Exception as error:
            if not type(error).__module__.startswith("wattlight."):
                raise
    return found


def read_plug(data: bytes, _: Path) -> object:
    asked = CannedPlug(data)
    paths = PlugSettings("json", "x", watts="apower", energy="aenergy.by_minute.0", energy_unit="J")
    return each(
        *(Shelly(asked, outlet).read for outlet in ("", "1")),
        Tasmota(asked).read,
        HomeAssistant(asked, "sensor.watts", "sensor.energy").read,
        AnyDocument(asked, paths).read,
        FritzBox(asked, "11630 0123456").read,
    )


class CannedAnswer:
    """An answer of the wire that holds ``data``."""

    status, content_type = 200, "application/json"

    def __init__(self, data: bytes, header: str = "") -> None:
        self._data, self._header = data, header

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def header(self, _name: str) -> str:
        return self._header

    def body(self) -> bytes:
        return self._data

    def lines(self) -> Iterator[bytes]:
        yield from self._data.splitlines()


KINDS = (OpenAiServer, LlamaServer, LlamaRouter, LmStudioServer, LiteLlmServer, VllmServer)


def read_engine(data: bytes, _: Path) -> object:
    wire: Any = SimpleNamespace(ask=lambda *_, **__: CannedAnswer(data), authorization=None, proxy=None)
    found: list[object] = [kind_at(wire)]
    for kind in KINDS:
        server = kind(Endpoint("http", "127.0.0.1", 1))
        server._wire = wire
        state = server.state()
        found.append(state)
        name = state.installed[0].name if state.installed else "tiny-b"
        found += each(lambda ask=server, name=name: list(ask.answer(AnswerRequest(name, "hi"))))  # type: ignore[misc]
    return found


def read_token(data: bytes, _: Path) -> object:
    web: Any = SimpleNamespace(get=lambda *_, **__: CannedAnswer(data))
    refusal: Any = CannedAnswer(b"", 'Bearer realm="http://127.0.0.1/token",service="made up"')
    return RegistryPass(web).renewed("http://127.0.0.1/v2/", refusal, None, None)


def engines() -> list[bytes]:
    bodies = [answer["body"] for answer in recorded().values() if answer.get("body")]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in (*bodies, LM_STUDIO_LIST)]
    return [text.encode() for text in texts if 2 < len(text) < 20_000]


def read_log(data: bytes, _: Path) -> object:
    text = data.decode("utf-8", "replace")
    told: Mapping[str, str] = in_force(text) or {}
    profile = profile_of(told)
    return [profile, cache_types(text), [cut_prompt(line) for line in text.splitlines()]] + [
        agrees(value, "5m0s") for value in told.values()
    ]


CACHE_LINES = (
    "llama_model_loader: loaded meta data with 20 key-value pairs and 9 tensors from /x/sha256-" + "a" * 64
    + " (version GGUF V3)\nllama_kv_cache: size = 96.00 MiB, K (q8_0): 48.00 MiB, V (f16): 48.00 MiB\n"
)  # fmt: skip


CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 4, "hidden_size": 512,
    "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 4096,
    "sliding_window": 1024, "layer_types": ["full_attention", "sliding_attention"] * 2,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024},
}  # fmt: skip
TENSORS = {
    "__metadata__": {"format": "pt"},
    "model.embed_tokens.weight": {"dtype": "BF16", "shape": [8, 4], "data_offsets": [0, 64]},
    "model.layers.0.mlp.weight": {"dtype": "F32", "shape": [8, 4], "data_offsets": [64, 192]},
}


def read_folder(data: bytes, folder: Path) -> object:
    """A folder in safetensors form of which one file is ``data``: its config, its index or its tensors."""
    raw = json.dumps(TENSORS).encode()
    index = json.dumps({"weight_map": {"a": "model.safetensors"}, "metadata": {"total_size": 192}}).encode()
    for config, listed, tensors in ((data, b"", raw), (b"", data, raw), (b"", index, data)):
        write_to(folder, "config.json", config or json.dumps(CONFIG).encode())
        write_to(folder, "model.safetensors.index.json", listed)
        write_to(folder, "model.safetensors", struct.pack("<Q", len(tensors)) + tensors + bytes(192))
        found = each(lambda: read_model_folder(folder))
        assert not found or isinstance(found[0], EngineModel)
        if found and isinstance(found[0], EngineModel):
            plan(found[0], CARD.devices[0])
    return None


def folders() -> list[bytes]:
    index = {
        "weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"},
        "metadata": {"total_size": 9},
    }
    return [json.dumps(document).encode() for document in (CONFIG, TENSORS, index)]


def logs() -> list[bytes]:
    lines = [(DATA / "ollama" / f"{name}_lines.txt").read_bytes() for name in ("server_config", "cut_prompt")]
    return [*lines, CACHE_LINES.encode()]


def own(name: str, make: Callable[[Path], bytes], read: Callable[[Path], object], at: str = "") -> None:
    """Put a file of our own into ``OWN``: how it is written, where it lies, how it is read."""
    OWN[name] = (make, at or f"{name}.json", read)


OWN: dict[str, tuple[Callable[[Path], bytes], str, Callable[[Path], object]]] = {}


def a_shape(folder: Path) -> bytes:
    cache = ShapeCache(folder)
    kept = shape("tiny-llama")
    object.__setattr__(kept, "digest", LAYER.digest)
    cache.put(kept)
    return zlib.decompress((folder / f"{'a' * 64}.shape").read_bytes())


def a_reread(folder: Path) -> bytes:
    book = RereadBook(folder / "made.json")
    book.add([Reread("a:1b", "0" * 12, LAYER.digest, 1000, 10, 1010, "Q4_0", DAY)])
    return (folder / "made.json").read_bytes()


def a_device(folder: Path) -> bytes:
    cache = DeviceCache(folder / "made.json")
    cache.put("gpu-0", Remembered("10de:2684", "RTX", "driver", 24 << 30, "8.9"))
    cache.save()
    return (folder / "made.json").read_bytes()


def a_learned(_: Path) -> bytes:
    model = Model("cpu", "BAT0")
    model.minutes, model.moment = 30.0, [1.0] * COUNT
    return _document([model], 12.5)


def read_programs(file: Path) -> object:
    watch = ProgramWatch(None, lambda _part: None, file)  # type: ignore[arg-type]  # nothing is looked at
    watch._begin(DAY, datetime(2026, 11, 30, 12, tzinfo=UTC), True)
    return watch._today.whole


def read_part(file: Path) -> object:
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        stream.truncate(LAYER.size_bytes)
    return PartFile.bytes_in(file.parent, LAYER)


def recalled(file: Path) -> object:
    log = ServerLog(file.parent / "log")
    return ManagedProcess(file, log, {})._recalled()


def read_shape(file: Path) -> object:
    file.write_bytes(zlib.compress(file.read_bytes()))
    found = ShapeCache(file.parent).get(LAYER.digest)
    return None if found is None else fit(prepare(found), CARD, FitOptions(context=4096))


own("shape", a_shape, read_shape, f"{'a' * 64}.shape")
own("reread", a_reread, lambda file: RereadBook(file).read())
own("devices", a_device, lambda file: DeviceCache(file).get("gpu-0", "10de:2684"))
own("learned", a_learned, lambda file: LearnedWatts(file)._learner.models)
own(
    "download",
    lambda _: json.dumps({"model": "a:1b", "layers": {LAYER.digest: LAYER.size_bytes}}).encode(),
    lambda file: kept_downloads(file.parents[1]),
    f"{PARTS}/model-{'0' * 16}.json",
)
own(
    "queue",
    lambda _: json.dumps(
        {
            "pulls": [
                {"model": "a:1b", "host": "local", "total_bytes": 1000, "completed_bytes": 10},
                {"model": "b"},
            ]
        }
    ).encode(),
    lambda file: PullBook(file).read(),
)
own(
    "journal",
    lambda _: b'{"size": 4000, "done": [[0, 1000], [2000, 2500]]}',
    read_part,
    f"{LAYER.digest.replace(':', '-')}.json",
)
own(
    "versions",
    lambda _: b'{"current": "0.33.0", "previous": "0.32.1"}',
    lambda file: Versions(file.parent).in_use(),
    "in-use.json",
)
own("managed", lambda _: b'{"schema": 1, "port": 11500, "pid": 4000, "start": "9", "program": "x"}', recalled)
own("cap", lambda _: b'{"uuid": "GPU-1234-5", "limit_mw": 300000, "pid": 4000, "name": "RTX"}', read_cap_note)
own("prompts", lambda _: b'{"schema": 1, "prompts": ["one", "two"]}', kept_prompts)
own("secrets", lambda _: b'{"plug": "abc"}', lambda file: SecretStore(file.parent)._read(), "secrets.json")
own(
    "programs",
    lambda _: json.dumps(
        {
            "day": DAY.isoformat(), "since": "2026-11-30T08:00:00+00:00",
            "quarters": {
                "1764489600000000": {"programs": {"code": 5000}, "idle": 9, "rest": 8, "undivided": 7}
            },
        }
    ).encode(),
    read_programs,
)  # fmt: skip


def own_files(name: str) -> Reader:
    make, at, read = OWN[name]

    def inputs() -> list[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            return [make(Path(folder))]

    def look(data: bytes, folder: Path) -> object:
        (folder / at).parent.mkdir(exist_ok=True)
        return read(write_to(folder, at, data))

    return inputs, look


READERS: dict[str, Reader] = {
    "plug": (lambda: [file.read_bytes() for file in sorted((DATA / "plugs").glob("*.[jx]*"))], read_plug),
    "engine": (engines, read_engine),
    "log": (logs, read_log),
    "folder": (folders, read_folder),
    "token": (lambda: [b'{"token": "abc", "expires_in": 300}'], read_token),
    **{f"own {name}": own_files(name) for name in OWN},
}
pytestmark = needs_proc


@pytest.mark.parametrize("name", READERS)
def test_mutated_documents(name: str, tmp_path: Path) -> None:
    course = run(name, READERS[name], 150, 1, tmp_path)
    assert course.read + course.refused == 150


ODD = (b"[" * 3000, b'{"a":' * 3000, b"null", b"[]", b"1e400", b'"x"', b"\xff", b"")


@pytest.mark.parametrize("name", [name for name in READERS if name.startswith(("own ", "token", "folder"))])
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_a_document_that_is_something_else_is_as_good_as_none(name: str, odd: bytes, tmp_path: Path) -> None:
    READERS[name][1](odd, tmp_path)
