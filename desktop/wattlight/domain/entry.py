"""The shipped catalogue as values: what is known of a model without asking anyone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from .shape import MetadataValue


class Proof(StrEnum):
    """How far a layout is proven."""

    HEADER = "header"
    """Read from the header of the very file."""
    BYTES = "bytes"
    """Worked out from the published geometry by the quantization's own rules; all parts add up to the bytes
    of the file within 0.1 % (a vision tower inside the file, whose own types were not seen, is the rest)."""
    GEOMETRY = "geometry"
    """The geometry, and with it the cache, is the model's own; how its bytes are shared out is estimated."""


class TensorGroup(NamedTuple):
    """Tensors alike: name (``.part`` where each block has one), dimensions, in which blocks, of which types.

    ``blocks`` is ranges ("0-2,5"), empty for all. ``types`` holds runs over these blocks ("Q6_K*4,Q4_K") of
    the default tag's file, empty where the quantization's rules tell.
    """

    name: str
    dims: tuple[int, ...]
    blocks: str = ""
    types: str = ""


class WholeBuffers(NamedTuple):
    """Compute buffers of a model on one device, or in RAM alone: one slot, f16 cache, flash attention.

    ``full`` and ``windowed``: some of its blocks read the mask of full, of windowed attention. ``peaks``:
    bytes without masks and inputs, by batch and by what a device rounds values to.
    """

    full: bool
    windowed: bool
    peaks: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header of a model's file would say, in short.

    Attributes:
        architecture: ``general.architecture``.
        keys: what memory depends on, without the architecture's prefix.
        header_bytes: of the file before its tensors (mostly the vocabulary).
        vision_bytes: of a vision (and audio) tower inside the model file, never quantized.
        hidden_bytes: of draft blocks inside the default tag's file that stay on disk.
        read_bytes: weights of the default tag's file that are read for each token.
        stand_in: the model whose geometry this is, where the model's own was not found; empty otherwise.
        draft: of the file that the default tag brings to draft with.
        whole: its compute buffers where one device, or RAM alone, holds all of it, worked out beforehand.
        divided: those by tag where a device holds a part of it; texts (see ``fit.ready_buffers``).
    """

    architecture: str
    keys: Mapping[str, MetadataValue]
    tensors: tuple[TensorGroup, ...]
    header_bytes: int = 0
    vision_bytes: int = 0
    hidden_bytes: int = 0
    read_bytes: int = 0
    proof: Proof = Proof.BYTES
    stand_in: str = ""
    draft: "Layout | None" = None
    whole: WholeBuffers | None = None
    divided: Mapping[str, str] = field(default_factory=dict)

    def number(self, key: str) -> int:
        """The value of ``key``, the largest where it has one a block; 0 if it is not there."""
        value = self.keys.get(key, 0)
        if type(value) is int:
            return value
        numbers = value if isinstance(value, tuple) else (value,)
        return max((v for v in numbers if isinstance(v, int)), default=0)

    @property
    def vocabulary(self) -> int:
        return next((g.dims[1] for g in self.tensors if g.name == "token_embd.weight"), 0)


GB = 10**9


class BytesStatus(StrEnum):
    """How far the bytes of an entry are proven."""

    EXACT = "exact"
    """Layer sizes of the registry's manifest, whose hash equals the listed id."""
    AGREES = "agrees"
    """Layer sizes of a manifest that agree with the listing; the hash was not recomputed."""
    LISTED = "listed"
    """Only the rounded figure of the listing is known."""


class Flavour(StrEnum):
    """What a tag holds compared with the entry's default tag."""

    SAME = "same"
    """The same weights in another quantization."""
    INSTRUCT = "instruct"
    """The variant that answers without thinking first, where the default thinks."""
    OTHER = "other"
    """Something else: a base model, an older version; never recommended."""


@dataclass(frozen=True, slots=True)
class CatalogTag:
    """A tag that can be pulled.

    ``bytes_listed`` is the rounded figure of the listing; ``slack_bytes`` is half a step of that rounding (0
    where the bytes are exact). ``engine`` is ``gguf``, ``mlx`` or empty where the listing does not say.
    """

    tag: str
    quant: str
    bytes_listed: int
    slack_bytes: int
    engine: str
    flavour: Flavour = Flavour.SAME
    read_on: date | None = None
    """The day its bytes were read again from the registry; None: they are the catalogue's."""
    draft_length: int | None = None
    """Tokens a build with a speculative draft drafts at a time by default; None for one without."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """Recalled values without a source: they may order a list, they are never shown."""

    released: str | None = None
    params_total: int | None = None
    params_active: int | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model in one size, as its default tag.

    Attributes:
        name: what to pull: ``gemma4:e4b``.
        model_bytes: of the model layer, None where only the listing is known.
        download_bytes: of all layers; None as above, then ``listed_bytes`` holds the rounded figure.
        context: trained context length in tokens.
        capabilities: ``completion``, ``embedding``, ``tools``, ``thinking``, ``vision``, ``audio``.
        uses: editorial use cases.
        released: ISO date, or only year and month.
        tags: the default tag first, then the others of this size.
        sources: where the facts come from, by subject (``bytes``, ``license``, ``released``, ``params``,
            ``quant``, ``other``).
    """

    name: str
    title: str
    family: str
    publisher: str
    aliases: tuple[str, ...]
    manifest_id: str
    bytes_status: BytesStatus
    model_bytes: int | None
    projector_bytes: int
    download_bytes: int | None
    listed_bytes: int
    quant: str | None
    context: int
    capabilities: frozenset[str]
    uses: tuple[str, ...]
    code_specialised: bool
    params_total: int | None
    params_active: int | None
    moe: bool
    license: str | None
    released: str | None
    tags: tuple[CatalogTag, ...]
    layout: Layout | None = None
    blob_digest: str = ""
    cloud_tags: tuple[str, ...] = ()
    unverified: Unverified = field(default_factory=Unverified)
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def base_name(self) -> str:
        return self.name.partition(":")[0]

    @property
    def default_tag(self) -> CatalogTag:
        return self.tags[0]


DEFAULT_TAG = "latest"
LIBRARY = "library/"


@dataclass(frozen=True, slots=True)
class CatalogMatch:
    """An entry and which of its tags was meant."""

    entry: CatalogEntry
    tag: CatalogTag

    @property
    def name(self) -> str:
        """What to pull: "gemma4:12b-it-q8_0"."""
        return f"{self.entry.base_name}:{self.tag.tag}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every known model; ``date`` is the newest day its source saw the library."""

    entries: tuple[CatalogEntry, ...]
    date: date
    _by_name: dict[str, CatalogMatch] = field(repr=False, compare=False, hash=False, default_factory=dict)

    def find(self, name: str) -> CatalogMatch | None:
        """The model called ``name`` ("qwen3.5", "qwen3.5:9b", "gemma4:12b-it-q8_0"); None: not listed.

        Tags and names are compared without regard to case, as the server does. Cloud tags are never found.
        """
        wanted = name.strip().lower().removeprefix(LIBRARY)
        if ":" not in wanted:
            wanted = f"{wanted}:{DEFAULT_TAG}"
        if not self._by_name:
            self._by_name.update(_index(self.entries))
        return self._by_name.get(wanted)


def _index(entries: tuple[CatalogEntry, ...]) -> dict[str, CatalogMatch]:
    names: dict[str, CatalogMatch] = {}
    for entry in entries:
        base = entry.base_name.lower()
        default = CatalogMatch(entry, entry.default_tag)
        names[entry.name.lower()] = default
        for alias in entry.aliases:
            names[f"{base}:{alias.lower()}"] = default
        for tag in entry.tags[1:]:
            names.setdefault(f"{base}:{tag.tag.lower()}", CatalogMatch(entry, tag))
    return names


@dataclass(frozen=True, slots=True)
class Reread:
    """What the registry said of one tag on the day ``read_on`` (UTC).

    Attributes:
        name: what to pull, with its tag.
        manifest_id: first twelve hex digits of the manifest's SHA-256, as Ollama lists it.
        blob_digest: ``sha256:`` and 64 hex digits of the model's file.
        download_bytes: of all files a pull fetches.
        quant: as the registry names it, "" where it does not.
    """

    name: str
    manifest_id: str
    blob_digest: str
    model_bytes: int
    projector_bytes: int
    download_bytes: int
    quant: str
    read_on: date


def with_rereads(catalog: Catalog, rereads: Iterable[Reread]) -> Catalog:
    """``catalog`` with exact bytes where a tag was read again later than the catalogue was made.

    Names that are not listed are left out.
    """
    found: dict[str, dict[str, Reread]] = {}
    for item in rereads:
        match = catalog.find(item.name)
        if match is not None and item.read_on >= catalog.date:
            found.setdefault(match.entry.name, {})[match.tag.tag] = item
    if not found:
        return catalog
    entries = tuple(
        _renewed(entry, found[entry.name]) if entry.name in found else entry for entry in catalog.entries
    )
    return Catalog(entries, catalog.date)


def _renewed(entry: CatalogEntry, news: dict[str, Reread]) -> CatalogEntry:
    tags = tuple(_renewed_tag(tag, news[tag.tag]) if tag.tag in news else tag for tag in entry.tags)
    default = news.get(entry.default_tag.tag)
    if default is None:
        return replace(entry, tags=tags)
    return replace(
        entry,
        tags=tags,
        manifest_id=default.manifest_id,
        bytes_status=BytesStatus.EXACT,
        model_bytes=default.model_bytes,
        projector_bytes=default.projector_bytes,
        download_bytes=default.download_bytes,
        listed_bytes=default.download_bytes,
        quant=default.quant or entry.quant,
        blob_digest=default.blob_digest,
    )


def _renewed_tag(tag: CatalogTag, news: Reread) -> CatalogTag:
    return replace(
        tag,
        quant=news.quant or tag.quant,
        bytes_listed=news.download_bytes,
        slack_bytes=0,
        read_on=news.read_on,
    )
