"""Entries of the catalogue whose manifest was read again from the registry."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from .catalog import Catalog
from .model_entry import BytesStatus, CatalogEntry, CatalogTag


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
