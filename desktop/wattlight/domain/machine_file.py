"""A computer described as JSON: read from a ``--machine`` file, written by ``hardware --profile``."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from wattlight.i18n import gib, tr

from .values import CpuProfile, Device, MachineProfile, Problem, ServerProfile, clean_text

BACKENDS = ("cuda", "rocm", "metal", "vulkan")
KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
FLASH = ("auto", "on", "off")
MAX_BYTES = 1 << 50
MAX_DEVICES = 64
DEFAULT_RAM_BYTES = 16 << 30
"""RAM assumed where a file gives none; small enough not to promise too much."""
AVAILABLE_SHARE = 0.75
"""Share of the total taken as available where a file does not say: a desktop with a browser open."""


class MachineFileProblem(Problem):
    """A machine file cannot be used."""

    code = "bad_machine_file"

    def __init__(self, message: str, next_step: str = "") -> None:
        way = tr("Write one with 'wattlight hardware --profile' and change that.")
        super().__init__(message, next_step or way)


def parse_machine(document: object) -> MachineProfile:
    """The profile in a parsed JSON document.

    Whatever is left out takes its default: server newest, f16, one slot, flash attention ``auto``;
    available RAM three quarters of the total; a device's free memory its total; unified false;
    backend ``cuda``; of an APU whose memory is larger than the RAM, what is above it lies beside the RAM.
    Figures that cannot be are cut to what can, each with a note.

    Raises:
        MachineFileProblem: a value is of a wrong type or out of range; the message names it.
    """
    top = _mapping(document, "the file")
    schema = top.get("schema", 1)
    if schema != 1 or isinstance(schema, bool):
        raise MachineFileProblem(
            tr("The machine file has schema {what}, not 1.", what=clean_text(str(schema), 20))
        )
    total = _integer(top, "ram_total_bytes", DEFAULT_RAM_BYTES) or DEFAULT_RAM_BYTES
    available = _integer(top, "ram_available_bytes", None)
    raw = [] if top.get("devices") is None else top["devices"]
    if not isinstance(raw, list) or len(raw) > MAX_DEVICES:
        raise MachineFileProblem(
            tr(
                "In the machine file 'devices' is not a list of at most {max_devices}.",
                max_devices=MAX_DEVICES,
            )
        )
    notes: list[str] = []
    devices = tuple(_within(_device(item, index), total, notes) for index, item in enumerate(raw))
    if len({device.id for device in devices}) != len(devices):
        raise MachineFileProblem(tr("Two devices of the machine file have the same id."))
    return MachineProfile(
        name=_text(top, "name", "machine"),
        os=_text(top, "os", "linux").lower(),
        ram_total_bytes=total,
        ram_available_bytes=min(total, round(total * AVAILABLE_SHARE)) if available is None else available,
        cpu=_cpu(_mapping(_present(top, "cpu"), "'cpu'")),
        server=_server(_mapping(_present(top, "server"), "'server'")),
        devices=devices,
        notes=tuple(notes),
    )


_DEVICE_FIELDS = (
    "id name backend memory_total_bytes memory_free_bytes memory_own_bytes unified integrated "
    "compute_capability bandwidth_gbs"
)


def machine_document(profile: MachineProfile) -> dict[str, Any]:
    """The document of a profile; :func:`parse_machine` gives the same profile back."""
    document = {"schema": 1, **asdict(profile)}
    del document["cpu"]["pace"]  # learned here, it says nothing elsewhere
    del document["notes"]
    document["server"] = {**document["server"], "visible_devices": dict(profile.server.visible)}
    del document["server"]["visible"]
    fields = _DEVICE_FIELDS.split()
    document["devices"] = [{name: getattr(device, name) for name in fields} for device in profile.devices]
    return document


def _cpu(item: Mapping[str, Any]) -> CpuProfile:
    return CpuProfile(_flag(item, "amx"), _positive(item, "bandwidth_gbs"))


def _server(item: Mapping[str, Any]) -> ServerProfile:
    flash = item.get("flash_attention", "auto")
    if isinstance(flash, bool):
        flash = "on" if flash else "off"
    version = item.get("version")
    parallel = _integer(item, "num_parallel", 1) or 1
    if parallel > 1024:
        raise MachineFileProblem(tr("In the machine file 'num_parallel' is above 1024."))
    return ServerProfile(
        version=None if version is None else _text(item, "version", ""),
        kv_cache_type=_choice(str(item.get("kv_cache_type") or "f16").lower(), "kv_cache_type", KV_TYPES),
        num_parallel=parallel,
        flash_attention=_choice(str(flash or "auto").lower(), "flash_attention", FLASH),
        context_length=_integer(item, "context_length", 0) or 0,
        igpu_enable=None if item.get("igpu_enable") is None else _flag(item, "igpu_enable"),
        vulkan=_flag(item, "vulkan", True),
        spread=_flag(item, "spread"),
        gpu_overhead_bytes=_integer(item, "gpu_overhead_bytes", 0) or 0,
        fit_target_mib=_targets(item.get("fit_target_mib")),
        fit=_flag(item, "fit", True),
        gfx_override=_text(item, "gfx_override", ""),
        draft_cache_types=_draft_types(item.get("draft_cache_types")),
        visible=_visible(_mapping(_present(item, "visible_devices"), "'visible_devices'")),
        source=_text(item, "source", ""),
    )


def _targets(value: object) -> tuple[int, ...]:
    """One figure for all devices, or a list with one each."""
    values = [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
    if len(values) > MAX_DEVICES:
        raise MachineFileProblem(tr("In the machine file 'fit_target_mib' is too long a list."))
    found = [_integer({"fit_target_mib": one}, "fit_target_mib", None) for one in values]
    return tuple(min(mib, MAX_BYTES >> 20) for mib in found if mib is not None)


def _draft_types(value: object) -> tuple[str, str]:
    """Of keys and of values; one word counts for both."""
    pair = value if isinstance(value, list | tuple) else [value or "f16"] * 2
    if len(pair) != 2:
        raise MachineFileProblem(
            tr("In the machine file 'draft_cache_types' is not one type of cache or a pair of them.")
        )
    keys, values = (_choice(str(kind).lower(), "draft_cache_types", KV_TYPES) for kind in pair)
    return keys, values


def _visible(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((backend, _text(item, backend, "")) for backend in BACKENDS if item.get(backend) is not None)


def _within(device: Device, ram_total: int, notes: list[str]) -> Device:
    """``device`` with no more memory than there is, and no more free than in all."""
    stated = total = device.memory_total_bytes
    free, own = device.memory_free_bytes, device.memory_own_bytes
    if device.unified and total is not None:
        if own is None and device.backend in {"rocm", "vulkan"} and total > ram_total:
            own = total - ram_total
        most = ram_total + (own or 0)
        if total > most:
            notes.append(
                tr(
                    "{device} cannot have {stated}: the computer has {most}, which counts.",
                    device=device.name,
                    stated=gib(total),
                    most=gib(most),
                )
            )
            total = most
    if total is not None and stated is not None and free is not None and free > total:
        if free > stated:
            notes.append(
                tr(
                    "{device} states more memory free ({free}) than it has ({total}), which counts.",
                    device=device.name,
                    free=gib(free),
                    total=gib(total),
                )
            )
        free = total
    return replace(device, memory_total_bytes=total, memory_free_bytes=free, memory_own_bytes=own)


def _device(document: object, index: int) -> Device:
    item = _mapping(document, f"device {index}")
    total = _integer(item, "memory_total_bytes", None)
    free = _integer(item, "memory_free_bytes", total)
    capability = item.get("compute_capability")
    return Device(
        id=_text(item, "id", f"gpu{index}"),
        name=_text(item, "name", f"GPU {index}"),
        backend=_choice(str(item.get("backend") or "cuda").lower(), "backend", BACKENDS),
        memory_total_bytes=total,
        memory_free_bytes=free,
        memory_own_bytes=_integer(item, "memory_own_bytes", None),
        unified=_flag(item, "unified"),
        integrated=_flag(item, "integrated"),
        compute_capability=None if capability is None else clean_text(str(capability), 16),
        bandwidth_gbs=_positive(item, "bandwidth_gbs"),
    )


def _present(item: Mapping[str, Any], key: str) -> object:
    return {} if item.get(key) is None else item[key]


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MachineFileProblem(tr("In the machine file {where} is not an object.", where=where))
    return value


def _text(item: Mapping[str, Any], key: str, default: str) -> str:
    value = item.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise MachineFileProblem(tr("In the machine file '{key}' is not text.", key=key))
    return clean_text(value) or default


def _integer(item: Mapping[str, Any], key: str, default: int | None) -> int | None:
    value = item.get(key)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_BYTES:
        raise MachineFileProblem(
            tr("In the machine file '{key}' is not a whole number from 0 to 2^50.", key=key)
        )
    return value


def _positive(item: Mapping[str, Any], key: str) -> float | None:
    value = item.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise MachineFileProblem(tr("In the machine file '{key}' is not a positive number.", key=key))
    return float(value)


def _flag(item: Mapping[str, Any], key: str, default: bool = False) -> bool:
    value = item.get(key)
    if value is not None and not isinstance(value, bool):
        raise MachineFileProblem(tr("In the machine file '{key}' is neither true nor false.", key=key))
    return default if value is None else bool(value)


def _choice(value: str, key: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise MachineFileProblem(
            tr("In the machine file '{key}' is not one of {allowed}.", key=key, allowed=", ".join(allowed))
        )
    return value
