"""The shipped catalogue: read whole, found by every name, nothing unverified shown."""

import importlib.util
import json
import time
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from wattlight.catalog import shipped
from wattlight.catalog.editorial import load_editorial
from wattlight.catalog.shipped import CatalogProblem, load_catalog
from wattlight.domain.entry import BytesStatus, Catalog, Flavour

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalog_build", ROOT / "packaging" / "catalog_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_entry_is_there_and_dated(catalog: Catalog) -> None:
    assert len(catalog.entries) == 244
    assert catalog.date == date(2026, 8, 21)
    exact = [e for e in catalog.entries if e.bytes_status is not BytesStatus.LISTED]
    assert len(exact) == 135
    assert all(e.model_bytes and e.download_bytes for e in exact)


def test_the_file_is_canonical_and_without_faults() -> None:
    module = builder()
    text = (ROOT / "resources" / "catalog" / "models.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert module.faults_of(document) == []
    assert module.text_of(document) == text


def test_the_check_finds_faults() -> None:
    module = builder()
    document = json.loads((ROOT / "resources" / "catalog" / "models.json").read_text(encoding="utf-8"))
    first, second = document["entries"][5], document["entries"][6]
    del first["from"]["license"]
    second["download_bytes"] += 5_000_000
    found = module.faults_of(document)
    assert any(first["model"] in fault and "license has no source" in fault for fault in found)
    assert any(second["model"] in fault and "sum of its layers" in fault for fault in found)


@pytest.mark.parametrize(
    ("name", "entry", "tag"),
    [
        ("gemma4", "gemma4:e4b", "e4b"),
        ("GEMMA4:latest", "gemma4:e4b", "e4b"),
        ("library/qwen3.5", "qwen3.5:9b", "9b"),
        ("qwen3.5:9b-q4_K_M", "qwen3.5:9b", "9b"),
        ("gemma4:12b-it-q8_0", "gemma4:12b", "12b-it-q8_0"),
        ("mistral-small:22b", "mistral-small:22b", "22b"),
    ],
)
def test_names_are_found(catalog: Catalog, name: str, entry: str, tag: str) -> None:
    match = catalog.find(name)
    assert match is not None
    assert (match.entry.name, match.tag.tag) == (entry, tag)


@pytest.mark.parametrize(
    "name", ["", "gemma4:cloud", "gemma4:31b-cloud", "no-such-model", "hf.co/a/b:Q4_K_M"]
)
def test_what_is_not_listed_is_not_found(catalog: Catalog, name: str) -> None:
    assert catalog.find(name) is None


def test_every_name_and_alias_leads_to_its_entry(catalog: Catalog) -> None:
    for entry in catalog.entries:
        for tag in (entry.default_tag.tag, *entry.aliases):
            match = catalog.find(f"{entry.base_name}:{tag}")
            assert match is not None and match.entry is entry, (entry.name, tag)


def test_what_is_unverified_is_never_a_fact(catalog: Catalog) -> None:
    for entry in catalog.entries:
        for key in ("released", "license", "params_total"):
            if getattr(entry.unverified, key) is not None:
                assert getattr(entry, key) is None, (entry.name, key)
    recalled = next(entry for entry in catalog.entries if entry.unverified.released)
    assert recalled.released is None


def test_no_third_party_scores_are_shipped() -> None:
    text = (ROOT / "resources" / "catalog" / "models.json").read_text(encoding="utf-8")
    assert '"score"' not in text and '"quality"' not in text and "_guess" not in text


def test_every_fact_names_a_source(catalog: Catalog) -> None:
    for entry in catalog.entries:
        subjects = dict(entry.sources)
        assert "bytes" in subjects
        for value, subject in ((entry.license, "license"), (entry.released, "released")):
            assert value is None or subject in subjects, entry.name


def test_other_weights_under_the_same_size_are_told_apart(catalog: Catalog) -> None:
    def flavour(name: str) -> Flavour:
        match = catalog.find(name)
        assert match is not None
        return match.tag.flavour

    assert flavour("gemma4:e4b-it-qat") is Flavour.SAME
    assert flavour("qwen3:4b-instruct-2507-q8_0") is Flavour.INSTRUCT
    assert flavour("qwen2.5-coder:7b-base-q8_0") is Flavour.OTHER
    assert flavour("mistral:7b-instruct-v0.2-q8_0") is Flavour.OTHER


def test_listed_sizes_keep_their_rounding(catalog: Catalog) -> None:
    match = catalog.find("qwen3.8:27b")
    assert match is not None
    assert match.entry.model_bytes is None
    assert (match.tag.bytes_listed, match.tag.slack_bytes) == (18_000_000_000, 500_000_000)
    assert shipped.rounding_slack(7.2) == 50_000_000
    assert shipped.rounding_slack(0.523) == 500_000


def test_a_damaged_file_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"{", b"[]", b'{"sources":[],"entries":[{}],"shapes":[],"date":"2026-08-21"}', b"\xff\xfe"):
        monkeypatch.setattr(shipped, "asset_bytes", lambda _name, data=data: data)
        with pytest.raises(CatalogProblem):
            load_catalog()


def test_it_loads_in_under_40_ms() -> None:
    best = min(_load_ms() for _ in range(7))
    assert best < 40, f"{best:.1f} ms of CPU"


def _load_ms() -> float:
    start = time.process_time()
    load_catalog()
    return (time.process_time() - start) * 1000


def test_the_editorial_speaks_of_known_models_only(catalog: Catalog) -> None:
    editorial = load_editorial()
    names = {entry.base_name for entry in catalog.entries}
    languages = editorial.languages
    for known in (
        editorial.generation,
        editorial.standing,
        editorial.poor_agents,
        languages.broad,
        languages.english,
        languages.some,
    ):
        assert set(known) <= names
    assert all(-4 <= points <= 4 for points in editorial.standing.values())


def test_languages_are_known_wanted_or_not_known() -> None:
    languages = load_editorial().languages
    assert languages.speaks("smollm2", "en") is True
    assert languages.speaks("smollm2", "de") is False
    assert languages.speaks("gemma4", "sw") is True
    assert languages.speaks("llama3.2", "th") is True
    assert languages.speaks("llama3.2", "ja") is False
    assert languages.speaks("gpt-oss", "de") is None
