"""Exact shapes for resources/catalog: every model's header, read through the program's own registry client.

A step of a release (``catalog_build.py --from-registry``): one manifest, one description and the first
megabytes of each file. What cannot be read stays as it was and is named.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "desktop"))

from catalog_shapes import ranges  # noqa: E402 - beside this file

from wattlight.catalog.registry import Registry, ShapeCache  # noqa: E402 - found by the line above
from wattlight.domain.fit import FitOptions, fit, prepare  # noqa: E402
from wattlight.domain.shape import ModelShape  # noqa: E402
from wattlight.domain.speed import traffic_of  # noqa: E402
from wattlight.domain.values import MachineProfile, Problem  # noqa: E402
from wattlight.web import Web  # noqa: E402

VISION = ("v.", "mm.", "a.")
HIDDEN = ("mtp.", "s.")
ROOMY = 1 << 45
LEFT_OUT = ("general.", "tokenizer.")


def read_headers(document, shapes, host, only=(), say=print):
    """Renew entries of ``document`` and ``shapes`` in place; the names of those that could not be read."""
    place = {item["model"]: i for i, item in enumerate(shapes["shapes"])}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(ShapeCache(Path(folder)), Web(os.environ))
        for entry in document["entries"]:
            if only and entry["model"] not in only:
                continue
            name = f"{host}/library/{entry['model']}" if host else entry["model"]
            try:
                shape = registry.shape(name)
                manifest, config = registry.described(name)
                item = item_of(entry["model"], shape)
            except (Problem, ValueError) as problem:
                failed.append(entry["model"])
                say(f"{entry['model']}: kept as it was: {problem}")
                continue
            renew(entry, manifest, config)
            spell_out(shapes["shapes"], entry["model"])
            shapes["shapes"][place[entry["model"]]] = item
            say(f"{entry['model']}: {len(shape.tensors)} tensors, {shape.file_bytes} bytes")
    return failed


def renew(entry, manifest, config):
    """Bytes, digest and quantization of an entry as the registry has them now."""
    model = manifest.of_kind("model")[0]
    entry |= {
        "manifest_id": manifest.digest[:12],
        "status": "exact",
        "model_bytes": model.size_bytes,
        "download_bytes": sum(layer.size_bytes for layer in manifest.layers),
        "blob": model.digest,
    }
    entry.pop("projector_bytes", None)
    if manifest.bytes_of("projector"):
        entry["projector_bytes"] = manifest.bytes_of("projector")
    if config.file_type:
        entry["quant"] = config.file_type
    entry["listed_gb"] = float(f"{entry['download_bytes'] / 1e9:.2g}")


def spell_out(items, model):
    """Models that are like ``model`` keep the shape they had before it changes."""
    own = next(item for item in items if item["model"] == model)
    for item in items:
        if item.get("like") == model and "of" not in item:
            del item["like"]
            item |= {key: own[key] for key in ("arch", "keys", "tensors")}


def item_of(model, shape: ModelShape):
    """The line of shapes.json for a header.

    Raises:
        ValueError: it holds tensors of a type that the program does not know.
    """
    if shape.unknown_types:
        raise ValueError(f"tensors of an unknown type ({', '.join(shape.unknown_types)})")
    hidden = sum(t.size_bytes for t in shape.tensors if t.name.startswith(HIDDEN))
    vision = sum(t.size_bytes for t in shape.tensors if t.name.startswith(VISION))
    item = {
        "model": model,
        **_geometry(shape),
        "header": shape.data_offset,
        "vision": vision,
        "hidden": hidden,
        "proof": "header",
        "read": _read_bytes(shape),
    }
    if shape.draft is not None:
        item["draft"] = _geometry(shape.draft) | {"header": shape.draft.data_offset}
    return {key: value for key, value in item.items() if value not in (0, None)}


def _geometry(shape):
    prefix = f"{shape.architecture}."
    keys = {
        key.removeprefix(prefix): list(value) if isinstance(value, tuple) else value
        for key, value in shape.metadata.items()
        if key.startswith(prefix)
    }
    return {"arch": shape.architecture, "keys": keys, "tensors": _groups(shape)}


def _groups(shape):
    """Tensors alike in one row: [name, dims, blocks, types]; in the order they are first met."""
    layers = shape.metadata.get(f"{shape.architecture}.block_count", 0)
    found = {}
    for tensor in shape.tensors:
        if tensor.name.startswith((*VISION, *HIDDEN)):
            continue
        number, _, part = tensor.name.removeprefix("blk.").partition(".")
        inside = tensor.name.startswith("blk.") and number.isdecimal() and int(number) < layers
        name = f".{part}" if inside else tensor.name
        found.setdefault((name, tensor.dims), {})[int(number) if inside else 0] = tensor.type_name
    rows = []
    for (name, dims), kinds in found.items():
        blocks = sorted(kinds)
        everywhere = not name.startswith(".") or blocks == list(range(layers))
        rows.append(
            [name, list(dims), "" if everywhere else ranges(blocks), _runs([kinds[b] for b in blocks])]
        )
    return rows


def _runs(kinds):
    runs = []
    for kind in kinds:
        if runs and runs[-1][0] == kind:
            runs[-1][1] += 1
        else:
            runs.append([kind, 1])
    return runs[0][0] if len(runs) == 1 else ",".join(k if n == 1 else f"{k}*{n}" for k, n in runs)


def _read_bytes(shape):
    prepared = prepare(shape)
    machine = MachineProfile("any", "linux", ROOMY, ROOMY)
    return traffic_of(prepared, fit(prepared, machine, FitOptions(context=512)), 0).active_weights
