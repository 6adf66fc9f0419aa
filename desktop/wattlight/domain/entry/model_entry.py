"""One model of the catalogue and the tags it can be pulled under."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from .architecture import Architecture

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
    hf_repo: str
    tags: tuple[CatalogTag, ...]
    architecture: Architecture | None = None
    blob_digest: str = ""
    cloud_tags: tuple[str, ...] = ()
    unverified: Unverified = field(default_factory=Unverified)
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def base_name(self) -> str:
        """The name before the colon."""
        return self.name.partition(":")[0]

    @property
    def default_tag(self) -> CatalogTag:
        """The tag this entry is about."""
        return self.tags[0]
