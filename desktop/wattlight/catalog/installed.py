"""Reads the headers of models that the local Ollama already has on this computer's disk."""

import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from wattlight.domain.shape import ModelShape
from wattlight.paths import read_small

from .gguf import shape_from_file
from .registry import (
    Manifest,
    ModelAddress,
    ModelConfig,
    RegistryProblem,
    ShapeCache,
    completed,
    parse_config,
    parse_manifest,
    read_address,
)

_MAX_BYTES = 4 << 20
PARTS = "wattlight-parts"
"""Of our own pulls, beside ``blobs``: from there a server that starts removes what no model has yet."""


def models_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the local server may keep its models: OLLAMA_MODELS, the user's folder, the system service's."""
    named = environ.get("OLLAMA_MODELS", "").strip()
    if named:
        return (Path(named),)
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    folders = [Path(home) / ".ollama" / "models"] if home else []
    if os.name == "posix":
        folders.append(Path("/usr/share/ollama/.ollama/models"))
    return tuple(folders)


class InstalledModels:
    """Finds an installed model's file by its name."""

    def __init__(self, folders: tuple[Path, ...], cache: ShapeCache) -> None:
        self._folders = folders
        self._cache = cache

    def shape(self, name: str, digest: str = "") -> ModelShape | None:
        """The shape of ``name`` from its file; None if it is not installed here or cannot be read.

        ``digest`` of the manifest: a model of that name but of other content is another server's.

        Raises:
            BadModelFile: its file is there but damaged.
            RegistryProblem: no model can have this name.
        """
        address = read_address(name)
        for folder in self._folders:
            found = self._in(folder, address, digest.removeprefix("sha256:"))
            if found is not None:
                return found
        return None

    def _in(self, folder: Path, address: ModelAddress, digest: str) -> ModelShape | None:
        manifest = local_manifest(folder, address)
        if manifest is None:
            return None
        try:
            config = ModelConfig()
            if manifest.config is not None:
                blob = _small(blob_file(folder, manifest.config.digest))
                config = parse_config(blob) if blob is not None else config
        except RegistryProblem:
            return None
        if digest and manifest.digest != digest:
            return None
        files = manifest.of_kind("model")
        if len(files) != 1:
            return None
        shape = self._read(folder, files[0].digest)
        drafts, params = manifest.of_kind("draft"), manifest.of_kind("params")
        draft = self._read(folder, drafts[0].digest, as_draft=True) if drafts else None
        if shape is None or (drafts and draft is None):
            return None
        raw = _small(blob_file(folder, params[0].digest)) if params else None
        return completed(shape, manifest, config, draft, raw)

    def _read(self, folder: Path, digest: str, as_draft: bool = False) -> ModelShape | None:
        shape = self._cache.get(digest)
        if shape is None:
            file = blob_file(folder, digest)
            if not os.access(file, os.R_OK):
                return None
            shape = replace(shape_from_file(file, as_draft=as_draft), digest=digest)
            self._cache.put(shape)
        return shape


def local_manifest(folder: Path, address: ModelAddress) -> Manifest | None:
    """The manifest of an installed model; None where it is not below ``folder``, or makes no sense."""
    raw = _small(manifest_file(folder, address))
    try:
        return None if raw is None else parse_manifest(raw)
    except RegistryProblem:
        return None


def lying_in(folder: Path) -> dict[str, str]:
    """The models below ``folder``: name, and SHA-256 of the manifest, which is the ID a server lists."""
    found: dict[str, str] = {}
    for root in ("manifests", "manifests-v2"):
        for file in (folder / root).glob("*/*/*/*"):
            raw = _small(file)
            if raw is not None:
                parts = file.parts[-4:]
                found[str(ModelAddress(*parts))] = sha256(raw).hexdigest()
    return found


def manifest_file(folder: Path, address: ModelAddress) -> Path:
    """Where the server keeps the manifest of a model below ``folder``."""
    return folder / "manifests" / address.host / address.namespace / address.model / address.tag


def blob_file(folder: Path, digest: str) -> Path:
    """Where it keeps the file with this digest (``sha256:`` and 64 hex digits)."""
    return folder / "blobs" / digest.replace(":", "-")


def _small(path: Path) -> bytes | None:
    try:
        raw = read_small(path, _MAX_BYTES + 1)
    except OSError:
        return None
    return raw if len(raw) <= _MAX_BYTES else None
