"""Shapes estimated from the catalogue: exact totals, the cache the published geometry gives."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import fit_truth
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import estimate_shape, tensors_of
from wattlight.domain.entry import Catalog, CatalogEntry, Proof
from wattlight.domain.fit import Confidence, FitOptions, explain, fit, prepare
from wattlight.domain.shape import ShapeSource
from wattlight.domain.values import Device, MachineProfile

DATA = Path(__file__).resolve().parents[3] / "data"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def entry_of(catalog: Catalog, name: str) -> CatalogEntry:
    match = catalog.find(name)
    assert match is not None
    return match.entry


def test_tensors_add_up_to_the_bytes_of_the_file(catalog: Catalog) -> None:
    for entry in catalog.entries:
        assert entry.layout is not None, entry.name
        for tag in entry.tags:
            shape = estimate_shape(entry, tag, entry.layout).shape
            assert sum(t.size_bytes for t in shape.tensors) + shape.data_offset == shape.file_bytes, tag.tag
            assert all(t.size_bytes >= 0 for t in shape.tensors), (entry.name, tag.tag)
            assert shape.source is ShapeSource.CATALOGUE
        if entry.model_bytes is not None:
            shape = estimate_shape(entry, entry.default_tag, entry.layout).shape
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
def test_the_cache_is_what_the_geometry_gives(catalog: Catalog, name: str, cache_bytes: int) -> None:
    entry = entry_of(catalog, name)
    assert entry.layout is not None
    machine = MachineProfile("box", "linux", 64 << 30, 64 << 30)
    model = prepare(estimate_shape(entry, entry.default_tag, entry.layout).shape)
    result = fit(model, machine, FitOptions(context=8192))
    assert result.host.kv_bytes == pytest.approx(cache_bytes, rel=0.001)


def test_confidence_says_what_is_known(catalog: Catalog) -> None:
    def sure(name: str) -> Confidence:
        match = catalog.find(name)
        assert match is not None
        assert match.entry.layout is not None
        return estimate_shape(match.entry, match.tag, match.entry.layout).confidence

    assert sure("llama3.1:8b") is Confidence.MEDIUM
    assert sure("codestral:22b") is Confidence.MEDIUM
    assert sure("llama3.1:8b-instruct-q8_0") is Confidence.LOW  # only a rounded size is listed
    assert sure("qwen3.8:27b") is Confidence.LOW
    assert sure("qwen3-next:80b") is Confidence.LOW  # its geometry is known, its types are not


def test_a_rounded_size_is_worked_out_where_the_rules_come_to_it(catalog: Catalog) -> None:
    match = catalog.find("llama3.1:8b-instruct-q6_K")
    assert match is not None
    assert match.entry.layout is not None
    shape = estimate_shape(match.entry, match.tag, match.entry.layout).shape
    assert shape.file_bytes == pytest.approx(6_596_000_000, rel=0.001)  # 8.03e9 weights of 6.5625 bits
    assert abs(shape.file_bytes - match.tag.bytes_listed) <= match.tag.slack_bytes


def test_a_rounded_size_that_the_rules_do_not_explain_is_taken_at_its_largest(catalog: Catalog) -> None:
    entry = entry_of(catalog, "qwen3.5:9b")
    assert entry.layout is not None
    odd = replace(entry.tags[-1], quant="Q4_0")
    shape = estimate_shape(entry, odd, entry.layout).shape
    assert shape.file_bytes == odd.bytes_listed + odd.slack_bytes


def test_joined_tables_hold_the_same_bytes(catalog: Catalog) -> None:
    """What a list of models is worked out with comes to what the whole table does."""
    for entry in catalog.entries:
        assert entry.layout is not None
        whole = tensors_of(entry.layout, entry.quant or "", default=True)
        joined = tensors_of(entry.layout, entry.quant or "", default=True, joined=True)
        assert sum(t.size_bytes for t in whole) == sum(t.size_bytes for t in joined), entry.name
        assert len(joined) < len(whole)


@pytest.mark.parametrize(
    "name", ["llama3.1:8b", "lfm2.5:8b", "gemma4:e4b", "qwen3.5:35b", "nemotron-3-nano:30b", "phi4-mini:3.8b"]
)
def test_joined_tables_take_the_same_memory(catalog: Catalog, name: str) -> None:
    entry = entry_of(catalog, name)
    assert entry.layout is not None
    shape = estimate_shape(entry, entry.default_tag, entry.layout).shape
    inside = [t for t in shape.tensors if t.name.startswith(("v.", "mtp."))]
    whole = replace(shape, tensors=(*tensors_of(entry.layout, entry.quant or "", default=True), *inside))
    card = Device("g", "card", "cuda", 12 << 30, 11 << 30, compute_capability="8.9")
    for devices in ((), (card,)):
        machine = MachineProfile("box", "linux", 96 << 30, 96 << 30, devices=devices)
        one, other = (fit(prepare(each), machine, FitOptions(context=8192)) for each in (shape, whole))
        assert one.layers_on_gpu == other.layers_on_gpu
        assert one.gpu_bytes + one.host_bytes == pytest.approx(other.gpu_bytes + other.host_bytes, rel=1e-4)


def test_the_cache_of_every_listed_model_is_that_of_its_true_shape(catalog: Catalog) -> None:
    """139 models, worked out without the program (f16); a window holds itself and a batch, by 256 cells."""
    with (DATA / "catalog_kv.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 139
    for row in rows:
        entry = entry_of(catalog, row["model"])
        assert entry.layout is not None
        model = prepare(estimate_shape(entry, entry.default_tag, entry.layout).shape)
        cache, context = model.cache("f16", True, 512), int(row["context"])
        window = model.arch.window
        cells = [min(context, -(-(window + batch) // 256) * 256) for batch in (512, 1024)]
        kept = [context * cache.full[-1] + count * cache.swa[-1] for count in cells]
        found = [size + state for size in kept for state in (0, cache.state[-1])]
        assert int(row["kv_bytes"]) in found, row["model"]


def test_nearly_every_file_is_explained_to_its_bytes(catalog: Catalog) -> None:
    """What is left is the vocabulary: 9 to 75 bytes a token, alike for models that share one."""
    exact = [entry for entry in catalog.entries if entry.model_bytes is not None]
    explained = [e for e in exact if e.layout is not None and e.layout.proof is Proof.BYTES]
    left_open = {entry.name for entry in exact} - {entry.name for entry in explained}
    assert left_open <= {"nemotron-3-super:120b", "laguna-s-2.1:latest", "qwen3-next:80b"}
    for entry in explained:
        layout = entry.layout
        assert layout is not None and entry.model_bytes is not None
        tensors = tensors_of(layout, entry.quant or "", default=True)
        inside = layout.vision_bytes + layout.hidden_bytes
        left = entry.model_bytes - inside - sum(-(-t.size_bytes // 32) * 32 for t in tensors)
        assert 9 * layout.vocabulary < left < 75 * layout.vocabulary, (entry.name, left / layout.vocabulary)


@pytest.mark.parametrize(
    ("listed", "file", "quant"),
    [
        ("llama3.1:8b", "llama31-8b", "Q4_K_M"),
        ("llama3.1:8b", "llama31-8b-q8", "Q8_0"),
        ("llama3.1:8b", "llama31-8b-f16", "F16"),
        ("qwen2.5:7b", "qwen25-7b", "Q4_K_M"),
        ("qwen3:30b", "qwen3-30b-a3b", "Q4_K_M"),
        ("gemma2:9b", "gemma2-9b", "Q4_K_M"),
        ("gemma3:12b", "gemma3-12b", "Q4_K_M"),
    ],
)
def test_a_table_worked_out_is_the_table_of_a_real_header(
    catalog: Catalog, listed: str, file: str, quant: str
) -> None:
    layout = entry_of(catalog, listed).layout
    assert layout is not None
    real = {t.name: (t.dims, t.type_name) for t in fit_truth.shape(file).tensors}
    assert {t.name: (t.dims, t.type_name) for t in tensors_of(layout, quant, default=False)} == real


def test_a_stand_in_is_named_and_rough(catalog: Catalog) -> None:
    entry = entry_of(catalog, "zephyr:7b")
    assert entry.layout is not None
    estimate = estimate_shape(entry, entry.default_tag, entry.layout)
    assert estimate.shape.stand_in == "mistral:7b"
    assert estimate.confidence is Confidence.LOW
    machine = MachineProfile("box", "linux", 64 << 30, 64 << 30)
    model = prepare(estimate.shape)
    codes = {reason.code: dict(reason.values) for reason in explain(model, machine, fit(model, machine))}
    assert codes["stand_in"] == {"other": "mistral:7b"}
    assert "rounded_size" in codes


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("codestral:22b", "mistral-small:24b"),
        ("command-r:35b", "qwen2.5:32b"),
        ("command-r7b:7b", "llama3.1:8b"),
        ("granite4:1b", "granite4.1:3b"),
        ("laguna-s-2.1:latest", "laguna-xs-2.1:latest"),
        ("qwen3:14b", "qwen2.5:14b"),
        ("phi4:14b", "qwen2.5:14b"),
    ],
)
def test_the_error_of_a_stand_in_holds(catalog: Catalog, model: str, other: str) -> None:
    """Where the truth is known: figures by another model's geometry are within the error that is shown."""
    entry, like = entry_of(catalog, model), entry_of(catalog, other)
    assert entry.layout is not None and like.layout is not None
    borrowed = replace(like.layout, stand_in=other, proof=Proof.GEOMETRY)
    machine = MachineProfile("box", "linux", 256 << 30, 256 << 30)
    for context in (4096, 32768):
        true, told = (
            fit(prepare(estimate_shape(entry, entry.default_tag, layout).shape), machine, FitOptions(context))
            for layout in (entry.layout, borrowed)
        )
        assert abs(told.host_bytes - true.host_bytes) <= told.uncertainty_bytes


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("qwen3.8:27b-mtp-q8_0", 4),
        ("qwen3.6:27b-mtp-bf16", 4),
        ("qwen3.6:35b-a3b-mtp-q4_K_M", 4),
        ("qwen3.8:27b-q4_K_M", None),
        ("qwen3.6:27b", None),
        ("llama3.1:8b", None),
    ],
)
def test_builds_that_draft_do_so_in_the_estimate(catalog: Catalog, name: str, length: int | None) -> None:
    match = catalog.find(name)
    assert match is not None
    assert match.entry.layout is not None
    estimate = estimate_shape(match.entry, match.tag, match.entry.layout)
    machine = fit_truth.machine_of({"id": "x", "devices": "CUDA0:64000:65536"})
    on, off = (fit(prepare(estimate.shape), machine, FitOptions(context=8192, draft=n)) for n in (None, 0))
    assert off.draft is None
    if length is None:
        assert on.draft is None
        return
    assert on.draft is not None
    assert (on.draft.kind, on.draft.length) == ("embedded", length)
    trunk = on.devices[0].weights_bytes - on.draft.weights_bytes
    blocks = match.entry.layout.number("block_count")
    assert on.draft.weights_bytes > 0.7 * trunk / (blocks + 6)
    assert on.gpu_bytes > off.gpu_bytes + on.draft.state_bytes
