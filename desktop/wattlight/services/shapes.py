"""Finds the shape of a model by name or path: file, disk, registry, and where those fail the catalogue."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from wattlight.catalog.gguf import check_kind, projector_file_bytes, shape_from_file
from wattlight.catalog.installed import InstalledModels
from wattlight.catalog.registry import Registry, RegistryProblem, RunsElsewhere
from wattlight.domain import UNANSWERED
from wattlight.domain.fit import Confidence, PreparedModel, prepare
from wattlight.domain.servers import InstalledModel, same_model
from wattlight.domain.shape import TYPE_BY_NAME, MetadataValue, ModelShape, Tensor
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import gb, tr
from wattlight.runtime import is_cloud_name

if TYPE_CHECKING:
    from wattlight.domain.entry import Catalog
    from wattlight.runtime import ModelServer

LISTED_S = 5.0
"""For so long the server is not asked again what it has."""


SEEING = frozenset(
    (
        "qwen2vl", "qwen25vl", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "gemma3", "gemma3n", "gemma4",
        "mistral3", "llama4", "glmocr", "deepseek2-ocr", "deepseekocr", "paddleocr", "cogvlm", "hunyuan_vl",
    )
)  # fmt: skip
"""Architectures whose models see with a projector in a file of its own."""
NO_SHAPES = "no_shapes"
_BLIND_GEMMA3 = {18, 26}
"""Blocks of the Gemma 3 models that read text alone (270m, 1b)."""


class Source(StrEnum):
    FILE = "file"
    INSTALLED = "installed"
    SERVER = "server"
    REGISTRY = "registry"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class FoundShape:
    """A shape and where it came from.

    Attributes:
        confidence: upper bound of the confidence of anything worked out from it.
        catalogue_date: of a catalogue estimate, None otherwise.
        obstacle: why the registry was not used although it was asked; None otherwise.
        notes: sentences about what is not in it.
        ready: the shape prepared already, by the catalogue.
    """

    name: str
    shape: ModelShape
    source: Source
    confidence: Confidence = Confidence.HIGH
    catalogue_date: date | None = None
    obstacle: Problem | None = None
    notes: tuple[str, ...] = ()
    ready: PreparedModel | None = None

    def prepared(self) -> PreparedModel:
        """The shape ready to be fitted."""
        ready = self.ready
        return ready if ready is not None and ready.shape is self.shape else prepare(self.shape)


def is_path(model: str) -> bool:
    """True for what can only be a file: a path, or a name that ends in ``.gguf``."""
    return (
        model.lower().endswith(".gguf")
        or model.startswith(("/", "./", "../", "~", ".\\", "\\"))
        or model[1:3] in {":\\", ":/"}
    )


class ShapeFinder:
    """Asks, in this order: the file itself, the server's disk, the server, the registry, the catalogue.

    Blocks while it reads or asks. A name that the server lists is never looked up anywhere else.
    """

    def __init__(
        self,
        installed: InstalledModels,
        registry: Registry,
        from_catalogue: Callable[[str], FoundShape | None],
        server: "Callable[[], ModelServer] | None" = None,
        catalog: "Callable[[], Catalog] | None" = None,
    ) -> None:
        self._catalog = catalog
        self._server = server
        self._listed: tuple[float, tuple[InstalledModel, ...]] = (float("-inf"), ())
        self._shown: dict[str, FoundShape] = {}
        self._installed = installed
        self._registry = registry
        self._from_catalogue = from_catalogue

    def find(self, model: str, projector: Path | None = None) -> FoundShape:
        """The shape of ``model``, a path or a name; ``projector``: the file it sees (or hears) with.

        Raises:
            Problem: the file or name cannot be used, or nothing is known of it.
        """
        if projector is not None:
            found = self.find(model)
            size = projector_file_bytes(projector.expanduser())
            return replace(found, shape=replace(found.shape, projector_bytes=size, vision=True), notes=())
        if is_path(model) or Path(model).is_file():
            file = Path(model).expanduser()
            shape = shape_from_file(file)
            return FoundShape(model, shape, Source.FILE, notes=_left_out_projector(shape, file))
        return self.named(model)

    def named(self, model: str) -> FoundShape:
        """The shape of the model with this name; no file of that name is looked for.

        Raises:
            Problem: the name cannot be used, or nothing is known of it.
        """
        here = self.installed(model)
        if here is not None:
            return here
        if is_cloud_name(model):
            raise RunsElsewhere(model, tr("Ollama's cloud"))
        try:
            return FoundShape(model, self._registry.shape(model), Source.REGISTRY)
        except RegistryProblem as problem:
            if problem.code not in UNANSWERED:
                raise
            known = self._from_catalogue(model)
            if known is None:
                raise
            return replace(known, obstacle=problem)

    def installed(self, model: str) -> FoundShape | None:
        """The shape of an installed model: by its file where that can be read here, else by the server.

        Raises:
            Problem: it is installed, but what it is cannot be told.
        """
        listed = next((item for item in self._on_server() if same_model(item.name, model)), None)
        shape = self._installed.shape(model, listed.digest if listed else "")
        if shape is not None:
            return FoundShape(model, shape, Source.INSTALLED)
        if listed is None or self._server is None:
            return None
        found = self._shown.get(listed.digest)
        if found is None:
            found = _described(self._server(), listed, self._catalog)
            self._shown[listed.digest] = found
        return replace(found, name=model)

    def _on_server(self) -> tuple[InstalledModel, ...]:
        at, models = self._listed
        if self._server is not None and time.monotonic() - at > LISTED_S:
            try:
                models = self._server().installed()
            except Problem:
                models = ()
            self._listed = (time.monotonic(), models)
        return models


def _left_out_projector(shape: ModelShape, file: Path) -> tuple[str, ...]:
    """A sentence where a model that sees comes without what it sees with."""
    blocks = shape.metadata.get(f"{shape.architecture}.block_count")
    blind = shape.architecture == "gemma3" and blocks in _BLIND_GEMMA3
    inside = any(tensor.name.startswith(("v.", "mm.")) for tensor in shape.tensors)
    if not (shape.vision or shape.architecture in SEEING) or blind or inside:
        return ()
    beside = sorted(other.name for other in file.parent.glob("*mmproj*.gguf"))
    if beside:
        name = clean_text(beside[0], 80)
        return (
            tr(
                "Its projector {name} lies beside it and is not counted: give it with --projector.", name=name
            ),
        )
    return (
        tr(
            "Models of this kind see with a projector in a file of its own, often about 1 GiB, which is not "
            "counted: give it with --projector."
        ),
    )


def _described(
    server: "ModelServer", listed: InstalledModel, catalog: "Callable[[], Catalog] | None"
) -> FoundShape:
    """The shape of a model by what its server says of it; where that is no shapes, of one like it."""
    if listed.remote_host:
        raise RunsElsewhere(listed.name, listed.remote_host)
    document = server.describe(listed.name)
    if any(value == [] for key, value in _record(document, "model_info").items() if "tokenizer." not in key):
        document = server.describe(listed.name, long_lists=True)
    try:
        shape = shape_told(document, listed)
    except Problem as problem:
        like = _like(document, listed, catalog()) if catalog and problem.code == NO_SHAPES else None
        if like is None:
            raise
        return FoundShape(listed.name, like, Source.SERVER, Confidence.LOW, notes=(_only_told(listed),))
    rough = shape.projector_bytes or shape.unknown_types
    found = FoundShape(listed.name, shape, Source.SERVER, Confidence.MEDIUM if rough else Confidence.HIGH)
    rest = shape.file_bytes - sum(tensor.size_bytes for tensor in shape.tensors)
    if re.search(r"^DRAFT\s", str(document.get("modelfile", "")), re.M | re.I) and shape.draft_length != 0:
        note = tr(
            "It drafts with a file of its own (up to {size}) of which the server tells nothing more: what "
            "that takes is not counted.",
            size=gb(max(0, rest)),
        )
        return replace(found, confidence=Confidence.LOW, notes=(note,))
    return found


def _only_told(listed: InstalledModel) -> str:
    return tr(
        "The server tells its size ({size}) and family ({family}), but not its shapes.",
        size=gb(listed.size_bytes),
        family=listed.family,
    )


_PARAMETERS = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*([KMBT])", re.I)
_TIMES = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def _like(document: Mapping[str, object], listed: InstalledModel, catalog: "Catalog") -> ModelShape | None:
    """The shape of a model that is told by family, parameters and size alone."""
    from wattlight.domain.advice import stand_in

    number = _PARAMETERS.fullmatch(listed.parameter_size.strip())
    told = _metadata_told(document)
    architecture = str(told.get("general.architecture") or listed.family)
    count = told.get("general.parameter_count")
    if not isinstance(count, int):
        count = round(float(number[1]) * _TIMES[number[2].upper()]) if number else 0
    shape = stand_in(catalog.entries, told, architecture, count, listed.quantization, listed.size_bytes)
    return shape and replace(shape, digest="", context_set=_parameters(document).get("num_ctx") or None)


def shape_told(document: Mapping[str, object], listed: InstalledModel) -> ModelShape:
    """The shape in an answer to ``/api/show``; sizes of files follow from the size of the whole model.

    Raises:
        Problem: the answer has no shapes, or it is no language model that the engine loads.
    """
    metadata = _metadata_told(document)
    architecture = str(metadata.get("general.architecture", ""))
    rows = document.get("tensors")
    named = [_row(item) for item in rows] if isinstance(rows, list) else []
    sized = [row for row in named if row is not None]
    if not sized or not isinstance(metadata.get(f"{architecture}.block_count"), int):
        raise Problem(
            tr(
                "The server has {name} ({size}, {family}) but does not tell its shapes: there is no verdict.",
                name=listed.name,
                size=gb(listed.size_bytes),
                family=listed.family or tr("of unknown family"),
            ),
            tr("Update the server, or give the path of the model's .gguf file."),
            NO_SHAPES,
        )
    known = sum(-(-tensor.size_bytes // 32) * 32 for tensor in sized)
    tensors = _with_unknown(sized, max(0, listed.size_bytes - known))
    check_kind(metadata, tensors)
    parameters = _parameters(document)
    skills = document.get("capabilities")
    skills = skills if isinstance(skills, list) else []
    whole = sum(-(-tensor.size_bytes // 32) * 32 for tensor in tensors)
    projector = max(0, listed.size_bytes - whole) if document.get("projector_info") else 0
    return ModelShape(
        architecture=architecture,
        metadata=metadata,
        tensors=tensors,
        file_bytes=listed.size_bytes - projector,
        projector_bytes=projector,
        family=listed.family,
        embedding_only=True if "embedding" in skills and "completion" not in skills else None,
        vision="vision" in skills or projector > 0,
        draft_length=parameters.get("draft_num_predict"),
        context_set=parameters.get("num_ctx") or None,
    )


def _metadata_told(document: Mapping[str, object]) -> dict[str, MetadataValue]:
    info = _record(document, "model_info").items()
    return {key: value for key, told in info if (value := _value(key, told)) is not None}


def _parameters(document: Mapping[str, object]) -> dict[str, int]:
    """What the model sets, of that which memory depends on."""
    told = re.findall(r"^(num_ctx|draft_num_predict)\s+(\d{1,8})$", str(document.get("parameters", "")), re.M)
    return {name: int(number) for name, number in told}


def _record(document: Mapping[str, object], key: str) -> dict[str, object]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _value(key: str, told: object) -> MetadataValue | None:
    """A value of the header as it is kept: no texts of the tokenizer, no list of anything but numbers."""
    if key.startswith("tokenizer."):
        return None
    if isinstance(told, list):
        return tuple(told) if told and all(isinstance(item, int | float) for item in told) else None
    return told if isinstance(told, str | int | float | bool) else None


def _row(item: object) -> Tensor | None:
    if not isinstance(item, dict):
        return None
    name, kind, dims = item.get("name"), item.get("type"), item.get("shape")
    if not isinstance(name, str) or not isinstance(kind, str) or not isinstance(dims, list):
        return None
    if not all(isinstance(dim, int) and 0 <= dim < 1 << 40 for dim in dims):
        return None
    known = kind.upper() in TYPE_BY_NAME
    return Tensor(
        clean_text(name, 128),
        tuple(dims),
        kind.upper() if known else clean_text(kind, 20),
        stored_bytes=None if known else 0,
    )


def _with_unknown(tensors: list[Tensor], room: int) -> tuple[Tensor, ...]:
    """``tensors`` with those of unknown types sharing ``room``, each by its number of values."""
    values = sum(prod(t.dims) for t in tensors if t.stored_bytes is not None)
    return tuple(
        t if t.stored_bytes is None else t._replace(stored_bytes=room * prod(t.dims) // max(1, values))
        for t in tensors
    )
