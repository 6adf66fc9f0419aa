"""Shapes estimated from the catalogue: exact totals, the cache the published geometry gives."""

import pytest

from wattlight.catalog.shipped import load_catalog, load_editorial
from wattlight.domain.advice import Editorial, estimate_shape, geometry_of, windowed_layers
from wattlight.domain.entry import Catalog, CatalogEntry
from wattlight.domain.fit import Confidence, FitOptions, fit, prepare
from wattlight.domain.shape import ShapeSource
from wattlight.domain.values import MachineProfile


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def editorial() -> Editorial:
    return load_editorial()


def entry_of(catalog: Catalog, name: str) -> CatalogEntry:
    match = catalog.find(name)
    assert match is not None
    return match.entry


def test_tensors_add_up_to_the_bytes_of_the_file(catalog: Catalog, editorial: Editorial) -> None:
    for entry in catalog.entries:
        arch = geometry_of(entry, catalog, editorial)
        assert arch is not None, entry.name
        for tag in entry.tags:
            shape = estimate_shape(entry, tag, arch).shape
            assert sum(t.size_bytes for t in shape.tensors) == shape.file_bytes, (entry.name, tag.tag)
            assert all(t.size_bytes >= 0 for t in shape.tensors), (entry.name, tag.tag)
            assert shape.source is ShapeSource.CATALOGUE
        if entry.model_bytes is not None:
            shape = estimate_shape(entry, entry.default_tag, arch).shape
            assert shape.file_bytes == entry.model_bytes


# Bytes of an f16 cache at 8192 tokens, worked out by hand from the published geometry:
# layers * 2 * KV heads * head width * 2 bytes * tokens; windowed layers hold window + batch (1024) cells,
# in multiples of 256.
CACHE = [
    ("llama3.1:8b", 32 * 2 * 8 * 128 * 2 * 8192),
    ("qwen3:8b", 36 * 2 * 8 * 128 * 2 * 8192),
    ("qwen2.5:7b", 28 * 2 * 4 * 128 * 2 * 8192),
    ("gpt-oss:20b", 12 * 2 * 8 * 64 * 2 * 8192 + 12 * 2 * 8 * 64 * 2 * 1280),
    ("gemma3:27b", 10 * 2 * 16 * 128 * 2 * 8192 + 52 * 2 * 16 * 128 * 2 * (1024 + 1024)),
    ("qwen3.5:9b", 8 * 2 * 4 * 256 * 2 * 8192 + 52_690_944),
    ("deepseek-coder-v2:16b", 27 * 576 * 2 * 8192),
    ("nemotron-3-nano:30b", 6 * 2 * 2 * 128 * 2 * 8192 + 49_930_240),
]


@pytest.mark.parametrize(("name", "cache_bytes"), CACHE)
def test_the_cache_is_what_the_geometry_gives(
    catalog: Catalog, editorial: Editorial, name: str, cache_bytes: int
) -> None:
    entry = entry_of(catalog, name)
    arch = geometry_of(entry, catalog, editorial)
    assert arch is not None
    machine = MachineProfile("box", "linux", 64 << 30, 64 << 30)
    model = prepare(estimate_shape(entry, entry.default_tag, arch).shape)
    result = fit(model, machine, FitOptions(context=8192))
    assert result.host.kv_bytes == pytest.approx(cache_bytes, rel=0.001)


def test_confidence_says_what_is_known(catalog: Catalog, editorial: Editorial) -> None:
    def sure(name: str) -> Confidence:
        match = catalog.find(name)
        assert match is not None
        arch = geometry_of(match.entry, catalog, editorial)
        assert arch is not None
        return estimate_shape(match.entry, match.tag, arch).confidence

    assert sure("llama3.1:8b") is Confidence.MEDIUM
    assert sure("llama3.1:8b-instruct-q8_0") is Confidence.LOW  # only a rounded size is listed
    assert sure("qwen3.8:27b") is Confidence.LOW
    assert sure("mistral-small:22b") is Confidence.LOW  # another model's geometry
    assert sure("ornith:35b") is Confidence.LOW  # its architecture is assumed


def test_a_rounded_size_is_taken_at_its_largest(catalog: Catalog, editorial: Editorial) -> None:
    match = catalog.find("gemma4:12b-it-q8_0")
    assert match is not None
    arch = geometry_of(match.entry, catalog, editorial)
    assert arch is not None
    shape = estimate_shape(match.entry, match.tag, arch).shape
    assert shape.file_bytes + shape.projector_bytes == 13_500_000_000


def test_windows_follow_the_published_pattern(catalog: Catalog, editorial: Editorial) -> None:
    for name, windowed, first, last in (
        ("gemma3:27b", 52, True, True),
        ("gpt-oss:20b", 12, True, False),
        ("laguna-xs-2.1", 30, False, True),
        ("muse-glimmer:30b", 39, True, False),
        ("llama3.1:8b", 0, False, False),
    ):
        arch = geometry_of(entry_of(catalog, name), catalog, editorial)
        assert arch is not None
        layers = windowed_layers(arch)
        assert (sum(layers), layers[0], layers[-1]) == (windowed, first, last), name
