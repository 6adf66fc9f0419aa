"""What lies in our own folder of parts: which download it is for, how much is here, and giving it up."""

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from wattlight.catalog.installed import PARTS
from wattlight.catalog.registry import Layer, RegistryProblem, read_address, read_layer
from wattlight.domain.values import UNREADABLE
from wattlight.paths import open_own, read_small

from .parts import PartFile
from .problems import disk_problem

_MAX_NOTE = 4 << 20


@dataclass(frozen=True, slots=True)
class KeptDownload:
    """A download that has not ended. ``have_bytes`` of its ``total_bytes`` wait for it."""

    model: str
    layers: tuple[Layer, ...]
    have_bytes: int

    @property
    def total_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers)


def kept_downloads(folder: Path) -> tuple[KeptDownload, ...]:
    """The downloads that a models folder keeps the parts of."""
    parts = folder / PARTS
    notes = (_read(file) for file in sorted(parts.glob("model-*.json")))
    return tuple(
        KeptDownload(model, layers, sum(_have(parts, layer) for layer in layers))
        for model, layers in filter(None, notes)
    )


def forget_download(folder: Path, model: str) -> None:
    """Remove what has arrived of ``model``, but for what another download needs.

    Raises:
        AlreadyPulled: it is fetched now, here or in another process.
        RegistryProblem: no model can have this name.
        DownloadProblem: the files cannot be removed.
    """
    parts = folder / PARTS
    note = _note(parts, str(read_address(model)))
    try:
        was = _read(note)
        if was is not None:
            note.unlink()
            _drop(parts, was[1])
            with suppress(OSError):
                parts.rmdir()
    except OSError as error:
        raise disk_problem(error, parts) from error


def note_download(parts: Path, model: str, layers: tuple[Layer, ...]) -> None:
    """Note what ``model`` needs. Parts of an older version of it, which nobody can want now, are removed."""
    note = _note(parts, model)
    was = _read(note)
    with open_own(note) as stream:
        digests = {layer.digest: layer.size_bytes for layer in layers}
        stream.write(json.dumps({"model": model, "layers": digests}).encode())
    if was is not None:
        now = {layer.digest for layer in layers}
        _drop(parts, tuple(layer for layer in was[1] if layer.digest not in now))


def download_is_over(parts: Path, model: str) -> None:
    """Nothing of ``model`` is missing any more."""
    _note(parts, model).unlink(missing_ok=True)
    with suppress(OSError):
        parts.rmdir()


def download_rests(parts: Path, model: str, layers: tuple[Layer, ...]) -> None:
    """It ends now: where nothing has arrived, nothing is left behind."""
    if not any(_have(parts, layer) for layer in layers):
        with suppress(OSError):
            download_is_over(parts, model)


def whole_file(parts: Path, digest: str) -> Path:
    """Where a layer that is whole waits for the others."""
    return parts / digest.replace(":", "-")


def _note(parts: Path, model: str) -> Path:
    return parts / f"model-{sha256(model.encode()).hexdigest()[:16]}.json"


def _read(note: Path) -> tuple[str, tuple[Layer, ...]] | None:
    """Name and files of a download; None where the note is missing or torn."""
    try:
        document = json.loads(read_small(note, _MAX_NOTE))
        layers = tuple(
            read_layer({"mediaType": "", "digest": digest, "size": size})
            for digest, size in document["layers"].items()
        )
        return str(read_address(document["model"])), layers
    except (*UNREADABLE, RegistryProblem):
        return None


def _have(parts: Path, layer: Layer) -> int:
    whole = whole_file(parts, layer.digest)
    return layer.size_bytes if whole.exists() else PartFile.bytes_in(parts, layer)


def _drop(parts: Path, layers: tuple[Layer, ...]) -> None:
    notes = (_read(file) for file in parts.glob("model-*.json"))
    needed = {layer.digest for note in notes if note is not None for layer in note[1]}
    for layer in layers:
        if layer.digest not in needed:
            PartFile(parts, layer).remove()
            whole_file(parts, layer.digest).unlink(missing_ok=True)
