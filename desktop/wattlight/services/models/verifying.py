"""Looks whether the files of a pulled model are what its manifest says: Ollama does not always.

After a transfer with wrong bytes it removes the first wrong file only, and its next pull takes the others for
good: it says success, and the model later fails to load. So small files are hashed after every pull, all of
them after a pull that had failed with a digest mismatch.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from wattlight.domain.values import clean_text
from wattlight.runtime import RuntimeProblem

if TYPE_CHECKING:
    from wattlight.catalog.registry import Layer

SMALL_BYTES = 16 << 20
_MAX_MANIFEST = 4 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class DamagedLayer:
    """A file of a model that is not what it should be; ``kind`` is ``model``, ``template``, ``config``."""

    kind: str
    file: Path


def damaged_layers(
    model: str,
    folders: tuple[Path, ...],
    cancel: Event,
    *,
    largest_bytes: int | None = None,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> tuple[DamagedLayer, ...]:
    """The damaged files of ``model``; none where it is not in ``folders`` or cannot be read there.

    ``largest_bytes`` leaves out larger files; ``on_bytes`` hears how much has been read.

    Raises:
        RuntimeProblem: ``cancelled``.
    """
    for folder in folders:
        layers = _layers(model, folder)
        if layers:
            break
    else:
        return ()
    damaged: list[DamagedLayer] = []
    done = 0
    for layer in layers:
        if largest_bytes is not None and layer.size_bytes > largest_bytes:
            continue
        file = folder / "blobs" / layer.digest.replace(":", "-")
        digest = _digest(file, cancel, _after(done, on_bytes))
        done += layer.size_bytes
        if digest is not None and digest != layer.digest:
            damaged.append(DamagedLayer(layer.kind, file))
    return tuple(damaged)


def damage_problem(model: str, damaged: tuple[DamagedLayer, ...]) -> RuntimeProblem:
    """What to tell about them."""
    kinds = ", ".join(dict.fromkeys(layer.kind for layer in damaged))
    return RuntimeProblem(
        f"{clean_text(model, 120)} was pulled, but damaged files of it were kept ({clean_text(kinds)}).",
        "Let Wattlight remove these files and pull it again ('wattlight pull NAME --repair').",
        "damaged_layers",
    )


def remove_damaged(damaged: tuple[DamagedLayer, ...]) -> None:
    """Delete them, so that the next pull fetches them again. Only ever after a yes.

    Raises:
        RuntimeProblem: a file belongs to another user (code ``not_yours``).
    """
    for layer in damaged:
        try:
            layer.file.unlink(missing_ok=True)
        except OSError as error:
            raise RuntimeProblem(
                f"The damaged file {layer.file} cannot be removed ({error.strerror}).",
                "Whoever runs the server can remove it; then pull the model again.",
                "not_yours",
            ) from error


def _layers(model: str, folder: Path) -> "tuple[Layer, ...]":
    from wattlight.catalog.registry import Layer, RegistryProblem, parse_manifest, read_address

    try:
        address = read_address(model)
        path = folder / "manifests" / address.host / address.namespace / address.model / address.tag
        with path.open("rb") as stream:
            manifest = parse_manifest(stream.read(_MAX_MANIFEST))
    except (OSError, RegistryProblem):
        return ()
    config = (
        ()
        if manifest.config is None
        else (Layer("config", manifest.config.digest, manifest.config.size_bytes),)
    )
    return (*manifest.layers, *config)


def _after(done: int, on_bytes: Callable[[int], None]) -> Callable[[int], None]:
    return lambda more: on_bytes(done + more)


def _digest(file: Path, cancel: Event, on_bytes: Callable[[int], None]) -> str | None:
    digest = hashlib.sha256()
    done = 0
    try:
        with file.open("rb", buffering=0) as stream:
            while piece := stream.read(_PIECE):
                if cancel.is_set():
                    raise RuntimeProblem("Stopped.", "", "cancelled")
                digest.update(piece)
                done += len(piece)
                on_bytes(done)
    except OSError:
        return None
    return f"sha256:{digest.hexdigest()}"
