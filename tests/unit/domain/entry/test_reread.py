"""Figures of the registry over those of the catalogue."""

from dataclasses import replace
from datetime import date, timedelta

from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import KnownModels
from wattlight.domain.entry import BytesStatus, Reread, with_rereads
from wattlight.domain.fit import Confidence

CATALOG = load_catalog()
DAY = CATALOG.date + timedelta(days=90)
LISTED = next(e for e in CATALOG.entries if e.bytes_status is BytesStatus.LISTED and e.layout)


def reread(name: str, day: date = DAY) -> Reread:
    return Reread(
        name, "0123456789ab", "sha256:" + "c" * 64, 17_000_000_001, 900_000_000, 17_900_012_345, "Q4_K_M", day
    )


def test_a_rounded_size_becomes_exact_and_bears_its_day() -> None:
    catalog = with_rereads(CATALOG, [reread(LISTED.name)])
    match = catalog.find(LISTED.name)
    assert match is not None
    assert match.entry.model_bytes == 17_000_000_001
    assert match.entry.projector_bytes == 900_000_000
    assert match.entry.bytes_status is BytesStatus.EXACT
    assert match.entry.blob_digest == "sha256:" + "c" * 64
    assert (match.tag.bytes_listed, match.tag.slack_bytes, match.tag.read_on) == (17_900_012_345, 0, DAY)
    assert match.tag is match.entry.default_tag
    known = KnownModels(catalog, load_editorial()).known(match.entry, match.tag)
    assert known is not None
    assert known.model.shape.file_bytes == 17_000_000_001
    assert known.confidence is Confidence.LOW  # its parts do not come to these bytes: it was built otherwise


def test_another_tag_changes_itself_alone() -> None:
    entry = next(e for e in CATALOG.entries if len(e.tags) > 2)
    tag = entry.tags[1]
    catalog = with_rereads(CATALOG, [reread(f"{entry.base_name}:{tag.tag}")])
    match = catalog.find(f"{entry.base_name}:{tag.tag}")
    assert match is not None
    assert match.tag == replace(tag, quant="Q4_K_M", bytes_listed=17_900_012_345, slack_bytes=0, read_on=DAY)
    assert replace(match.entry, tags=entry.tags) == entry
    assert match.entry.tags[0] is entry.tags[0]


def test_unlisted_names_and_readings_older_than_the_catalogue_change_nothing() -> None:
    old = reread(LISTED.name, CATALOG.date - timedelta(days=1))
    assert with_rereads(CATALOG, [old, reread("nobody/knows:this")]) is CATALOG


def test_all_other_entries_stay() -> None:
    catalog = with_rereads(CATALOG, [reread(LISTED.name)])
    assert catalog.date == CATALOG.date
    before = {e.name: e for e in CATALOG.entries if e.name != LISTED.name}
    assert {e.name: e for e in catalog.entries if e.name != LISTED.name} == before
