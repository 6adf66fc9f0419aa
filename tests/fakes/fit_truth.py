"""Loads the measured truth of the memory model: cases, /api/ps answers, and shapes of the models.

``tests/data/fit/{truth,shapes}.json.xz`` hold what the real engine computed on pretended devices,
``others.json.xz`` the same for other models, computed later with the same engine, ``fresh.json.xz`` for
models that came out since.
"""

import json
import lzma
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from wattlight.domain.shape import ModelShape, Tensor
from wattlight.domain.values import CpuProfile, Device, MachineProfile, ServerProfile

DATA = Path(__file__).resolve().parents[1] / "data" / "fit"
MIB = 1 << 20


@lru_cache(maxsize=4)
def _load(name: str) -> Any:
    return json.loads(lzma.decompress((DATA / f"{name}.json.xz").read_bytes()))


def cases(group: str | None = None) -> list[dict[str, Any]]:
    """The measured cases, all or those of one group."""
    return [c for c in _load("truth")["cases"] if group in {None, c["group"]}]


def other_cases() -> list[dict[str, Any]]:
    """The measured cases of other models."""
    found: list[dict[str, Any]] = _load("others")["cases"]
    return found


def fresh_cases() -> list[dict[str, Any]]:
    """The measured cases of models that came out later."""
    found: list[dict[str, Any]] = _load("fresh")["cases"]
    return found


def server_answers() -> list[dict[str, Any]]:
    """Real /api/ps answers of a server with pretended devices."""
    found: list[dict[str, Any]] = _load("truth")["ollama_ps"]
    return found


def raw_shapes() -> dict[str, Any]:
    """Header key/values and tensor lists by model."""
    found: dict[str, Any] = _load("shapes")
    return found


def shape_of(raw: dict[str, Any]) -> ModelShape:
    """A shape from its raw form {"kv", "tensors": [[name, dims, type]], "file_size"}."""
    tensors = []
    offset = 0
    for name, dims, kind in raw["tensors"]:
        tensor = Tensor(name, tuple(dims), kind, offset)
        offset += -(-tensor.size_bytes // 32) * 32
        tensors.append(tensor)
    metadata = {k: tuple(v) if isinstance(v, list) else v for k, v in raw["kv"].items()}
    return ModelShape(
        architecture=metadata["general.architecture"],
        metadata=metadata,
        tensors=tuple(tensors),
        file_bytes=raw["file_size"],
    )


@lru_cache(maxsize=96)
def shape(model: str) -> ModelShape:
    """The shape of a model of the truth set, of the other or of the later models."""
    raw = raw_shapes().get(model) or _load("others")["shapes"].get(model)
    return shape_of(raw or _load("fresh")["shapes"][model])


def devices_of(text: str, backend: str) -> Iterator[Device]:
    """Devices from ``NAME:free_MiB:total_MiB,...``."""
    for item in filter(None, text.split(",")):
        name, free, total = item.split(":")
        yield Device(
            id=name,
            name=name,
            backend=backend,
            memory_total_bytes=int(total) * MIB,
            memory_free_bytes=int(free) * MIB,
            unified=backend == "metal",
            integrated=backend == "metal",
        )


def machine_of(case: dict[str, Any], **server: Any) -> MachineProfile:
    """The pretended computer of a case: plenty of RAM."""
    return MachineProfile(
        name=case["id"],
        os="linux",
        ram_total_bytes=1 << 40,
        ram_available_bytes=1 << 40,
        cpu=CpuProfile(),
        server=ServerProfile(**server),
        devices=tuple(devices_of(case["devices"], case.get("backend", "cuda"))),
    )
