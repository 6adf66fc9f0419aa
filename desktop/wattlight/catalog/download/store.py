"""The models folder: what is there already, and how a model that has arrived becomes one of the server's."""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from threading import Event

from wattlight.catalog.disk import DiskProblem, digests_in_use
from wattlight.catalog.installed import PARTS, blob_file, manifest_file
from wattlight.catalog.registry import Layer, Manifest, ModelAddress, RegistryProblem, parse_manifest
from wattlight.paths import open_regular, read_small, replacing

from .kept import download_is_over, whole_file

_MAX_MANIFEST = 4 << 20
_PIECE = 1 << 20
SMALL_BYTES = 16 << 20
_ROOM_BYTES = 128 << 10
_READ_BY_ALL = 0o644


class ModelStore:
    """A models folder of a server that is ours to write. Methods raise ``OSError``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / PARTS
        self._room = self.parts / "reserve"

    def prepare(self) -> None:
        """Make the folders that are missing."""
        for name in (self.parts, self.folder / "blobs", self.folder / "manifests"):
            self._make(name)

    def keep_room(self) -> None:
        """Hold a little room, so that a journal can still be written when the drive has run full."""
        self._room.write_bytes(os.urandom(_ROOM_BYTES))

    def give_room(self) -> None:
        self._room.unlink(missing_ok=True)

    def missing(self, layers: tuple[Layer, ...], stop: Event) -> list[Layer]:
        """Which of them are not here. A large one is not hashed where a model that is installed names it."""
        named = self._in_use()

        def is_here(layer: Layer) -> bool:
            if _size(whole_file(self.parts, layer.digest)) == layer.size_bytes:
                return True
            file = blob_file(self.folder, layer.digest)
            if _size(file) != layer.size_bytes:
                return False
            trusted = layer.size_bytes > SMALL_BYTES and layer.digest.removeprefix("sha256:") in (named or ())
            return trusted or _digest(file, stop) == layer.digest

        return [layer for layer in layers if not is_here(layer)]

    def _in_use(self) -> frozenset[str] | None:
        """Hashes of the files that installed models use; None where that cannot be told."""
        try:
            return digests_in_use(self.folder)
        except DiskProblem:
            return None

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.parts).free

    def publish(self, address: ModelAddress, manifest: Manifest, raw: bytes) -> None:
        """Give the layers to the server, then the manifest: the model is there at once or not at all."""
        layers = all_layers(manifest)
        for layer in layers:
            self._hand_over(layer)
        _sync(self.folder / "blobs")
        file = self._place_of(address)
        replaced = _digests(file)
        self._make(file.parent)
        with replacing(file) as part:
            with part.open("wb") as stream:
                stream.write(raw)
                stream.flush()
                os.fsync(stream.fileno())
            part.chmod(_READ_BY_ALL)
        _sync(file.parent)
        for layer in layers:
            if not blob_file(
                self.folder, layer.digest
            ).exists():  # a server that began meanwhile took it away
                self._hand_over(layer)
            whole_file(self.parts, layer.digest).unlink(missing_ok=True)
        download_is_over(self.parts, str(address))
        self._drop_replaced(replaced)

    def _drop_replaced(self, digests: frozenset[str]) -> None:
        """Remove what only the version before used, as the server does after a pull of its own."""
        used = self._in_use()
        for digest in digests if used is not None else ():
            if digest.removeprefix("sha256:") not in (used or ()):
                with suppress(OSError):
                    blob_file(self.folder, digest).unlink()

    def _hand_over(self, layer: Layer) -> None:
        """Give the layer a second name, the server's; ours is needed until the manifest is written."""
        ours, theirs = whole_file(self.parts, layer.digest), blob_file(self.folder, layer.digest)
        if not ours.exists():
            return
        ours.chmod(_READ_BY_ALL)
        os.utime(ours)  # a server removes only what is older than an hour
        if theirs.exists() and os.path.samestat(theirs.stat(), ours.stat()):
            return
        beside = ours.with_suffix(
            ".new"
        )  # what is there, whole or damaged, stays until the new one takes its place
        try:
            beside.unlink(missing_ok=True)
            os.link(ours, beside)
        except OSError:  # a file system without second names
            beside = ours
        beside.replace(theirs)

    def _place_of(self, address: ModelAddress) -> Path:
        """The manifest's file; a name that is there in other letters is the same model to the server."""
        legacy = self.folder / "manifests"
        parts = manifest_file(self.folder, address).relative_to(legacy).parts
        newer = _as_written(self.folder / "manifests-v2", parts)  # there the server would go on reading
        return newer if newer.exists() else _as_written(legacy, parts)

    def _make(self, folder: Path) -> None:
        """A folder with the rights of the one it is in: whoever shares the models shares this one."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))


def all_layers(manifest: Manifest) -> tuple[Layer, ...]:
    """Every file of the model once, small ones first."""
    whole = (*manifest.layers, *([manifest.config] if manifest.config else []))
    return tuple(
        sorted({layer.digest: layer for layer in whole}.values(), key=lambda layer: layer.size_bytes)
    )


def is_writable(folder: Path) -> bool:
    """Whether a model can be put there by us: the folder is ours to write, with its blobs and manifests, and
    all of it is on one drive."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    places = (there, folder / "blobs", folder / "manifests")
    present = [place for place in places if place.exists()]
    return (
        there.is_dir()
        and all(os.access(place, os.W_OK | os.X_OK) for place in present)
        and len({place.stat().st_dev for place in present}) == 1
    )


def _digests(manifest: Path) -> frozenset[str]:
    """The files of an installed version; none where there is none, or its manifest makes no sense."""
    try:
        return frozenset(
            layer.digest for layer in all_layers(parse_manifest(read_small(manifest, _MAX_MANIFEST)))
        )
    except (OSError, RegistryProblem):
        return frozenset()


def _as_written(folder: Path, parts: tuple[str, ...]) -> Path:
    """The path below ``folder``, each part in the letters in which it is there."""
    for part in parts:
        names = [name.name for name in folder.iterdir()] if folder.is_dir() else []
        same = [name for name in names if name.lower() == part.lower()]
        folder = folder / (part if part in names or not same else same[0])
    return folder


def _size(file: Path) -> int | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _digest(file: Path, stop: Event) -> str | None:
    digest = hashlib.sha256()
    with open_regular(file) as stream:
        while piece := stream.read(_PIECE):
            if stop.is_set():
                return None
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def _sync(folder: Path) -> None:
    """Names in a folder reach the disk; Windows cannot be asked for it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
