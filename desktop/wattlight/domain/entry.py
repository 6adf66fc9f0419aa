"""The shipped catalogue as values: what is known of a model without asking anyone."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RecurrentLayers:
    """Layers that keep a fixed state instead of a growing cache.

    ``kind`` is ``gated_deltanet`` or ``mamba2``; ``inner`` is heads times head width; ``state``
    and ``groups`` as in the GGUF keys ``ssm.state_size`` and ``ssm.group_count``.
    """

    kind: str
    layers: int
    conv_kernel: int
    inner: int
    state: int
    groups: int


@dataclass(frozen=True, slots=True)
class CompressedAttention:
    """Multi-head latent attention: the cache holds ``kv_lora_rank + rope_width`` values a layer."""

    kv_lora_rank: int
    rope_width: int
    nope_width: int
    value_width: int
    q_lora_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Geometry:
    """Geometry of one model; widths in values, not bytes; None means not published where we looked.

    Attributes:
        name: ``general.architecture`` of its GGUF file, None if unknown.
        full_layers: layers whose cache grows with the context.
        sliding_layers: layers that look back at most ``window`` tokens.
        pattern: text of how the two kinds alternate ("5 sliding : 1 full").
        head_dim_full: head width of the full layers where it differs.
        kv_heads_full: KV heads of the full layers where they differ.
        shared_kv_layers: last layers that reuse an earlier layer's cache.
        tied: the token table serves as the output matrix too (found by adding up parameters).
        other_params: parameters that are not of the text model (vision tower), by difference.
        stand_in: geometry of a similar model taken because this one's was not found; never shown as a fact.
    """

    name: str | None
    layers: int
    d_model: int
    heads: int
    kv_heads: int
    vocab: int
    head_dim: int | None = None
    ffn: int | None = None
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int | None = None
    shared_ffn: int = 0
    leading_dense: int = 0
    full_layers: int | None = None
    sliding_layers: int = 0
    window: int | None = None
    pattern: str | None = None
    head_dim_full: int | None = None
    kv_heads_full: int | None = None
    shared_kv_layers: int = 0
    recurrent: RecurrentLayers | None = None
    mla: CompressedAttention | None = None
    tied: bool | None = None
    other_params: int = 0
    stand_in: bool = False


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
    architecture: Geometry | None = None
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
