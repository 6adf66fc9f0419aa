"""The catalogue shipped with the program: which models exist, as of its date."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any
from zlib import crc32

from wattlight.domain.entry import (
    BytesStatus,
    Catalog,
    CatalogEntry,
    CatalogTag,
    Flavour,
    Layout,
    Proof,
    TensorGroup,
    Unverified,
    WholeBuffers,
)
from wattlight.domain.fit import offer_tapes
from wattlight.domain.values import UNREADABLE, Problem
from wattlight.i18n import tr
from wattlight.paths import asset_bytes

CATALOG_FILE = "catalog/models.json"
SHAPES_FILE = "catalog/shapes.json"
TAPES_FILE = "catalog/tapes.json"
BUFFERS_FILE = "catalog/buffers.json"
GB = 10**9
_FLAVOUR = {item.value: item for item in Flavour}
_STATUS = {item.value: item for item in BytesStatus}
_PROOF = {item.value: item for item in Proof}


class CatalogProblem(Problem):
    """The shipped catalogue cannot be used."""

    code = "bad_catalogue"

    def __init__(self) -> None:
        super().__init__(
            tr("The model catalogue that comes with Wattlight is damaged."),
            tr("Install Wattlight again."),
        )


def load_catalog() -> Catalog:
    """The shipped catalogue; about 10 ms of CPU, so load it once.

    Raises:
        CatalogProblem: the file is missing or damaged.
    """
    try:
        offer_tapes(asset_bytes(TAPES_FILE))
        shapes = asset_bytes(SHAPES_FILE)
        ready = ready_buffers(json.loads(asset_bytes(BUFFERS_FILE)), shapes)
        return parse_catalog(json.loads(asset_bytes(CATALOG_FILE)), json.loads(shapes), ready)
    except UNREADABLE as error:
        raise CatalogProblem from error


ReadyBuffers = tuple[WholeBuffers | None, Mapping[str, str]]
"""``whole`` and ``divided`` of a layout."""
NOTHING_READY: ReadyBuffers = (None, MappingProxyType({}))


def ready_buffers(document: Mapping[str, Any], shapes: bytes) -> dict[str, ReadyBuffers]:
    """Compute buffers by model, none if they were worked out for other ``shapes``."""
    if document["shapes"] != crc32(shapes):
        return {}
    settings = [(batch, align) for batch, align in document["settings"]]
    whole = {
        model: WholeBuffers(full > 0, windowed > 0, dict(zip(settings, peaks, strict=True)))
        for model, (full, windowed, *peaks) in document["whole"].items()
    }
    divided = document["divided"]
    return {model: (whole.get(model), divided.get(model, {})) for model in {*whole, *divided}}


def parse_catalog(
    document: Mapping[str, Any],
    shapes: Mapping[str, Any],
    ready: Mapping[str, ReadyBuffers] = MappingProxyType({}),
) -> Catalog:
    """The catalogue of two parsed documents (see ``resources/catalog/README.md``); ``ready``: compute buffers
    by model."""
    texts, layouts = document["sources"], layouts_of(shapes, ready)
    entries = tuple(_entry(item, texts, layouts.get(item["model"])) for item in document["entries"])
    return Catalog(entries, date.fromisoformat(document["date"]))


def _entry(item: Mapping[str, Any], texts: Sequence[str], layout: Layout | None) -> CatalogEntry:
    get = item.get
    listed = round(item["listed_gb"] * GB)
    model_bytes = get("model_bytes")
    name = item["model"]
    quant = get("quant")
    default = CatalogTag(
        name.partition(":")[2],
        quant or "",
        listed if model_bytes is None else item["download_bytes"],
        rounding_slack(item["listed_gb"]) if model_bytes is None else 0,
        "gguf",
        draft_length=_draft_length("gguf", *get("aliases", ())),
    )
    unverified = get("unverified")
    return CatalogEntry(
        name=name,
        title=item["title"],
        family=item["family"],
        publisher=item["publisher"],
        aliases=tuple(get("aliases", ())),
        manifest_id=item["manifest_id"],
        bytes_status=_STATUS[item["status"]],
        model_bytes=model_bytes,
        projector_bytes=get("projector_bytes", 0),
        download_bytes=get("download_bytes"),
        listed_bytes=listed,
        quant=quant,
        context=item["context"],
        capabilities=frozenset(item["capabilities"]),
        uses=tuple(item["uses"]),
        code_specialised=get("code", False),
        params_total=get("params_total"),
        params_active=get("params_active"),
        moe=get("moe", False),
        license=get("license"),
        released=get("released"),
        tags=(default, *[_tag(row) for row in get("tags", ())]),
        layout=layout,
        blob_digest=get("blob", ""),
        cloud_tags=tuple(get("cloud", ())),
        unverified=Unverified(**unverified) if unverified else _NOTHING_UNVERIFIED,
        sources=(
            *[(subject, texts[index]) for subject, index in item["from"].items()],
            *[("other", texts[index]) for index in item["sources"]],
        ),
    )


_NOTHING_UNVERIFIED = Unverified()


def _tag(row: Sequence[Any]) -> CatalogTag:
    tag, quant, listed_gb, engine, flavour = row
    return CatalogTag(
        tag,
        quant,
        round(listed_gb * GB),
        rounding_slack(listed_gb),
        engine,
        _FLAVOUR[flavour],
        draft_length=_draft_length(engine, tag),
    )


_DRAFT_LENGTH = 4
"""What the server drafts by default with the builds that are called so."""


def _draft_length(engine: str, *tags: str) -> int | None:
    return _DRAFT_LENGTH if engine == "gguf" and any("-mtp-" in tag for tag in tags) else None


def rounding_slack(listed_gb: float) -> int:
    """Half a step of a listed figure: the listing shows two digits from 1 GB on, whole MB below."""
    if listed_gb < 1:
        return 500_000
    return 500_000_000 if listed_gb >= 10 else 50_000_000


def layouts_of(
    document: Mapping[str, Any], ready: Mapping[str, ReadyBuffers] = MappingProxyType({})
) -> dict[str, Layout]:
    """Layouts by model; one ``like`` another has that one's, as a stand-in if it says whose (``of``)."""
    own, found = {}, {}
    for item in document["shapes"]:
        own[item["model"]] = item
        like = own[item["like"]] if "like" in item else item
        layout = _layout(like, item, ready.get(item["model"], NOTHING_READY))
        found[item["model"]] = replace(layout, draft=_layout(item["draft"])) if "draft" in item else layout
    return found


def _layout(
    shape: Mapping[str, Any], item: Mapping[str, Any] | None = None, ready: ReadyBuffers = NOTHING_READY
) -> Layout:
    """Geometry of ``shape``, bytes of ``item`` (the same where it is None)."""
    get = (item or shape).get
    return Layout(
        architecture=shape["arch"],
        keys={key: tuple(v) if isinstance(v, list) else v for key, v in shape["keys"].items()},
        tensors=tuple(TensorGroup(row[0], tuple(row[1]), *row[2:]) for row in shape["tensors"]),
        header_bytes=get("header", 0),
        vision_bytes=get("vision", 0),
        hidden_bytes=get("hidden", 0),
        read_bytes=get("read", 0),
        proof=_PROOF[get("proof", Proof.GEOMETRY.value)],
        stand_in=get("of", ""),
        whole=ready[0],
        divided=ready[1],
    )
