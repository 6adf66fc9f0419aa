"""Newer versions of installed models, found by their manifests alone: nothing of a model is downloaded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from wattlight.catalog.installed import blob_file, local_manifest
from wattlight.catalog.registry import (
    Layer,
    Manifest,
    RegistryProblem,
    RegistryUnreachable,
    read_address,
)
from wattlight.domain.state import InstalledModel, same_model
from wattlight.domain.values import clean_text
from wattlight.i18n import gb, joined, tr
from wattlight.runtime import ModelServer, RuntimeProblem

_LEAST_SHOWN = 100_000


@dataclass(frozen=True, slots=True)
class ModelUpdate:
    """A newer version of an installed model in its registry.

    ``fetch_bytes`` are of its files that are not here; not ``exact``: at most so many. ``changes``: the kinds
    of files that differ, empty where what is here cannot be seen.
    """

    model: str
    fetch_bytes: int
    exact: bool
    changes: tuple[str, ...] = ()
    than_digest: str = ""
    """Of the version that was here when the registry was asked."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What came of asking; ``stopped`` says why not every model was asked about, None if all were.

    ``unknown`` are models that their registry does not have: made here, or no longer offered.
    """

    updates: tuple[ModelUpdate, ...] = ()
    current: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problems: tuple[tuple[str, RegistryProblem], ...] = ()
    stopped: RegistryProblem | None = None


def find_updates(
    models: Iterable[InstalledModel], ask: Callable[[str], Manifest], folders: tuple[Path, ...]
) -> UpdateReport:
    """Ask the registry of each model for its manifest and compare digests. Blocks; one small request each.

    Args:
        ask: the registry's manifest of a name; raises :class:`RegistryProblem`.
        folders: where files of the server can be seen; without them what is here already is not known.

    Raises:
        RegistryUnreachable: before any model was answered for.
    """
    updates: list[ModelUpdate] = []
    current: list[str] = []
    unknown: list[str] = []
    problems: list[tuple[str, RegistryProblem]] = []
    for model in models:
        if model.remote_host is not None or not model.digest:
            continue
        try:
            there = ask(model.name)
        except RegistryUnreachable as problem:
            if not (updates or current or unknown or problems):
                raise
            return UpdateReport(tuple(updates), tuple(current), tuple(unknown), tuple(problems), problem)
        except RegistryProblem as problem:
            if problem.code == "unknown_model":
                unknown.append(model.name)
            else:
                problems.append((model.name, problem))
            continue
        if there.digest == model.digest.removeprefix("sha256:"):
            current.append(model.name)
        else:
            updates.append(_compared(model, there, folders))
    return UpdateReport(tuple(updates), tuple(current), tuple(unknown), tuple(problems))


def _compared(model: InstalledModel, there: Manifest, folders: tuple[Path, ...]) -> ModelUpdate:
    wanted = _layers(there)
    for folder in folders:
        here = local_manifest(folder, read_address(model.name))
        if here is None or here.digest != model.digest.removeprefix("sha256:"):
            continue
        missing = {layer.digest: layer.size_bytes for layer in wanted if not _is_here(folder, layer)}
        mine = {(layer.kind, layer.digest) for layer in _layers(here)}
        kinds = dict.fromkeys(
            kind for kind, _ in sorted(mine ^ {(layer.kind, layer.digest) for layer in wanted})
        )
        return ModelUpdate(model.name, sum(missing.values()), True, tuple(kinds), model.digest)
    whole = {layer.digest: layer.size_bytes for layer in wanted}
    return ModelUpdate(model.name, sum(whole.values()), False, than_digest=model.digest)


def _layers(manifest: Manifest) -> tuple[Layer, ...]:
    config = manifest.config
    return manifest.layers if config is None else (*manifest.layers, replace(config, kind="config"))


def _is_here(folder: Path, layer: Layer) -> bool:
    try:
        return blob_file(folder, layer.digest).stat().st_size == layer.size_bytes
    except OSError:
        return False


def set_aside(server: ModelServer, model: str, today: date) -> str:
    """Keep the version of ``model`` that is here under a name of its own, which takes no disk; the name.

    Raises:
        RuntimeProblem: the server's, or that name is taken (code ``name_taken``).
    """
    base, _, tag = model.rpartition(":") if ":" in model.rpartition("/")[2] else (model, ":", "latest")
    name = f"{base}:{tag}-{today:%Y%m%d}"
    if any(same_model(known.name, name) for known in server.installed()):
        raise RuntimeProblem(
            tr("A version of {model} was kept today already.", model=clean_text(model, 120)),
            tr("Remove {name} first, or update without keeping.", name=clean_text(name, 120)),
            "name_taken",
        )
    server.copy(model, name)
    return name


def layer_words(kinds: Iterable[str]) -> str:
    """What differs, in words: "weights, template"."""
    words = {
        "model": tr("weights"),
        "template": tr("template"),
        "system": tr("system prompt"),
        "params": tr("parameters"),
        "license": tr("licence"),
        "projector": tr("image encoder"),
        "adapter": tr("adapter"),
        "draft": tr("draft model"),
    }
    named = (words.get(kind, tr("description")) for kind in kinds)
    return joined(dict.fromkeys(named))


def fetch_text(update: ModelUpdate) -> str:
    """What it downloads: "1.2 GB", "at most 5.0 GB"."""
    small = update.fetch_bytes < _LEAST_SHOWN
    size = tr("less than 0.1 MB") if small else gb(update.fetch_bytes)
    return size if update.exact else tr("at most {size}", size=size)
