"""Drafts: what a server lists, and lines of the engine's log beside the table of ``test_drafts`` (MiB)."""

from dataclasses import replace

import pytest

from fakes import draft_models, fit_truth
from wattlight.domain.fit import Confidence, FitOptions, explain, fit, prepare
from wattlight.domain.fit.cache import UnknownCacheType
from wattlight.domain.fit.draft_memory import DraftMemory
from wattlight.domain.fit.plan import Planner
from wattlight.domain.machine_file import machine_document, parse_machine
from wattlight.domain.shape import ModelShape
from wattlight.domain.values import MachineProfile, Problem
from wattlight.probes.server_switches import profile_of

MIB = 1 << 20
M27, M35 = "qwen35-27b", "qwen35moe-35b"
OPTIONS = FitOptions(context=8192, batch=1024, draft=4)


def machine(devices: str = "CUDA0:200000:204800", **server: object) -> MachineProfile:
    return fit_truth.machine_of({"id": "x", "devices": devices, "backend": "cuda"}, **server)


def memory_of(shape: ModelShape, where: MachineProfile, options: FitOptions) -> DraftMemory:
    found = Planner(prepare(shape), where, options).plan(options.context).draft_memory
    assert found is not None
    return found


def lines(*sizes: float) -> int:
    """The sum the server makes of a log's lines (MiB with two decimals)."""
    return sum(int(size * MIB) for size in sizes)


@pytest.mark.parametrize(
    ("devices", "weights", "listed", "shown"),
    [
        ("", 87.13, 128230357, (0.02, 4.00, 4.10, 27.04)),
        ("CUDA0:200000:204800", 83.23, 124109454, (4.00, 4.10, 27.03)),
    ],
)
def test_what_the_server_lists_of_a_tiny_mixture(
    devices: str, weights: float, listed: int, shown: tuple[float, ...]
) -> None:
    """The real server's answers; the weights of its file were 0.1 MiB more than those of this one."""
    found = fit(prepare(draft_models.tiny_mixture()), machine(devices), OPTIONS)
    own = found.devices[0].weights_bytes if devices else found.host.weights_bytes
    size = found.reported_size_bytes - lines(round(own / MIB, 2)) + lines(weights)
    assert size == pytest.approx(listed, abs=0.03 * MIB)
    assert listed == pytest.approx(lines(weights, *shown), abs=0.02 * MIB)
    assert found.reported_vram_bytes == (found.reported_size_bytes if devices else 0)


def test_what_the_server_lists_of_a_dflash_file_on_the_processor() -> None:
    """65210939: the file's weights and cache for the model's, its own buffer as the first prompt left it."""
    file = draft_models.dflash(layers=2, width=512)
    narrow = {"dflash.attention.head_count_kv": 1, "dflash.target_layers": (1, 3, 5)}
    file = replace(file, metadata={**file.metadata, **narrow})
    shape = draft_models.tiny(draft=file)
    off = fit(prepare(draft_models.tiny()), machine(""), replace(OPTIONS, draft=0))
    on = fit(prepare(shape), machine(""), OPTIONS)
    assert on.draft is not None
    assert on.draft.kv_bytes == 8 * MIB
    swapped = lines(round(on.draft.weights_bytes / MIB, 2), round(off.host.compute_bytes / MIB, 2) + 6)
    size = on.reported_size_bytes - swapped + lines(10.01, 40.06)
    assert size == pytest.approx(65210939, abs=0.03 * MIB)


@pytest.mark.parametrize(
    ("context", "batch", "logged"),
    [(4096, 512, 9.52), (5000, 512, 10.52), (4096, 1024, 19.04), (16384, 512, 21.52), (8192, 1024, 27.04)],
)
def test_tiny_blocks_on_the_processor(context: int, batch: int, logged: float) -> None:
    options = FitOptions(context=context, batch=batch, draft=4)
    for shape in (draft_models.tiny(), draft_models.tiny_mixture()):
        assert memory_of(shape, machine(""), options).compute / MIB == pytest.approx(logged, abs=0.02)


def test_experts_of_the_drafting_block_in_ram() -> None:
    """Logged: 308.0 where its own buffer was 152.03, and an estimate of 216.03 made as if all were there."""
    model = draft_models.drafting(M35)
    where, options = machine("CUDA0:16000:16384"), FitOptions(context=32768, batch=1024, draft=4)
    memory = Planner(model, where, options).plan(32768).draft_memory
    found = fit(model, where, options)
    assert memory is not None and found.draft is not None and found.expert_blocks_in_ram > 1
    assert memory.measured / MIB == pytest.approx(216.03, abs=0.02)
    beside = found.draft.compute_bytes - memory.host.compute
    assert beside / MIB == pytest.approx(308.0, abs=0.1)
    roomy = fit(model, machine(), options)
    assert roomy.draft is not None
    assert (roomy.draft.compute_bytes - memory.host.compute) / MIB == pytest.approx(152.03, abs=0.02)


def test_without_flash_attention_a_draft_takes_what_the_model_takes() -> None:
    """Logged: 460.01 beside 460.01."""
    options = replace(OPTIONS, flash_attention="off")
    model = draft_models.drafting(M27)
    plan = Planner(model, machine(), options).plan(8192)
    assert plan.draft_memory is not None
    assert plan.draft_memory.compute == plan.sizer(model.drafting).full_compute


def test_output_buffers_grow_at_the_first_requests() -> None:
    """Logged nowhere, by llama-server's source: a row of words for each drafted token, and the stream."""
    found = fit(draft_models.drafting(M27), machine(), FitOptions(context=32768, batch=1024, draft=4))
    words, stream = 248320, 5120
    assert found.draft is not None
    grown = 4 * (4 * words + 1024 * stream) + 4 * (4 * words + stream)
    assert found.draft.output_bytes == grown == pytest.approx(27.6 * MIB, abs=0.1 * MIB)
    without = fit(draft_models.drafting(M27), machine(), FitOptions(context=32768, batch=1024))
    assert found.host_bytes - without.host_bytes > grown
    two = fit(draft_models.drafting(M27), machine(), FitOptions(context=8192, batch=512, draft=1, parallel=2))
    assert two.draft is not None
    assert two.draft.output_bytes == 4 * (2 * words + 512 * stream) + 8 * (4 * words + stream)


@pytest.mark.parametrize(
    ("types", "cache"),
    [(("f16", "f16"), 128), (("q8_0", "q8_0"), 68), (("q8_0", "f16"), 98), (("f16", "q4_0"), 82)],
)
def test_the_servers_type_of_a_drafts_cache(types: tuple[str, str], cache: float) -> None:
    where = machine(draft_cache_types=types)
    options = FitOptions(context=32768, batch=1024, draft=4, kv_type="q8_0")
    found, plain = (fit(draft_models.drafting(M27), place, options) for place in (where, machine()))
    assert found.draft is not None and plain.draft is not None
    assert found.draft.kv_bytes == cache * MIB
    assert found.confidence is (Confidence.HIGH if types == ("f16", "f16") else Confidence.LOW)
    assert found.draft.compute_bytes >= plain.draft.compute_bytes


def test_a_file_that_drafts_has_that_type_too() -> None:
    model = draft_models.drafting(M27, draft_models.dflash())
    found = fit(model, machine(draft_cache_types=("q8_0", "q8_0")), FitOptions(context=8192, batch=1024))
    assert found.draft is not None
    assert found.draft.kv_bytes == 85 * MIB


def test_a_type_of_a_drafts_cache_that_the_engine_does_not_know() -> None:
    where = machine(draft_cache_types=("q8_0", "q3_k"))
    with pytest.raises(UnknownCacheType, match="q3_k"):
        fit(draft_models.drafting(M27), where, OPTIONS)
    assert fit(draft_models.drafting(M27), where, replace(OPTIONS, draft=0)).draft is None


def test_where_the_types_are_read() -> None:
    one = profile_of({"LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_V": " Q5_1 ", "OLLAMA_KV_CACHE_TYPE": "q8_0"})
    assert (one.draft_cache_types, one.kv_cache_type) == (("f16", "q5_1"), "q8_0")
    where = machine(draft_cache_types=("q8_0", "q5_1"))
    assert parse_machine(machine_document(where)).server == where.server
    document = machine_document(where)
    for told, read in (("q4_0", ("q4_0", "q4_0")), (None, ("f16", "f16")), (["f32", "F16"], ("f32", "f16"))):
        document["server"]["draft_cache_types"] = told
        assert parse_machine(document).server.draft_cache_types == read
    for bad in (["f16"], ["f16", "q9"], "best"):
        document["server"]["draft_cache_types"] = bad
        with pytest.raises(Problem, match="draft_cache_types"):
            parse_machine(document)


@pytest.mark.parametrize(
    ("model", "context", "device"), [("llama31-8b", 8192, 226513024), ("mixtral", 16384, 419516544)]
)
def test_cards_copy_every_cache_that_is_not_of_16_bits(model: str, context: int, device: int) -> None:
    """As the engine laid it out with a cache of 32 bits: its attention reads f16 alone."""
    options = FitOptions(context=context, batch=1024, kv_type="f32", gpu_layers=999)
    found = fit(prepare(fit_truth.shape(model)), machine("CUDA0:400000:410000"), options)
    assert found.devices[0].compute_bytes == pytest.approx(device, rel=0.0002)


def shortened(shape: ModelShape, blocks: int, **keys: int) -> ModelShape:
    """The first ``blocks`` of ``shape``, of which the last one drafts."""
    told = {"block_count": blocks, "nextn_predict_layers": 1, **keys}
    kept = tuple(
        tensor
        for tensor in shape.tensors
        if not tensor.name.startswith("blk.") or int(tensor.name.split(".")[1]) < blocks
    )
    metadata = {f"{shape.architecture}.{key.replace('__', '.')}": value for key, value in told.items()}
    return replace(shape, metadata={**shape.metadata, **metadata}, tensors=kept)


@pytest.mark.parametrize(
    ("shape", "cache", "device"),
    [
        (shortened(draft_models.tiny("glm4moe"), 5), 20.0, ""),
        (shortened(draft_models.tiny("glm4moe"), 5), 20.0, "CUDA0:200000:204800"),
        (
            shortened(
                fit_truth.shape("deepseek2lite"), 5, attention__kv_lora_rank=128, attention__key_length=160
            ),
            12.5,
            "CUDA0:200000:204800",
        ),
    ],
    ids=["glm4moe in RAM", "glm4moe on a card", "deepseek2"],
)
def test_tiny_models_that_cache_every_block_twice(shape: ModelShape, cache: float, device: str) -> None:
    """4 + 1 blocks, 8192 tokens: all five are cached, with a draft by both contexts, with equal buffers."""
    model, where = prepare(shape), machine(device)
    off, on = (fit(model, where, FitOptions(context=8192, batch=1024, draft=n)) for n in (0, 4))
    own = off.devices[0] if device else off.host
    assert own.kv_bytes == cache * MIB
    assert on.draft is not None
    assert on.draft.kv_bytes == cache * MIB
    both = on.devices[0] if device else on.host
    assert both.kv_bytes == 2 * cache * MIB
    if shape.architecture == "glm4moe":
        assert on.obstacle == "draft_crashes"
        if not device:
            assert own.compute_bytes / MIB == pytest.approx(32.02, abs=0.01)
            assert on.draft.compute_bytes == own.compute_bytes


@pytest.mark.parametrize(("model", "state"), [(M27, 149.62), ("qwen35-9b", 50.25)])
def test_snapshots_of_a_state_are_told_with_and_without_a_draft(model: str, state: float) -> None:
    """llama-server keeps them for prompts in RAM that no list shows: one state each, never one for each row
    of a draft, beside which the draft's cache of the whole prompt lies in it."""
    prepared, where = draft_models.drafting(model), machine()
    for length, code in ((0, "state_snapshots"), (4, "draft_snapshots")):
        options = replace(OPTIONS, draft=length)
        result = fit(prepared, where, options)
        found = {reason.code: dict(reason.values) for reason in explain(prepared, where, result, options)}
        each = found[code]["each_bytes"]
        assert isinstance(each, int)
        beside = result.draft.kv_bytes if result.draft else 0
        assert (each - beside) / MIB == pytest.approx(state, abs=0.01)
        assert len({"state_snapshots", "draft_snapshots"} & found.keys()) == 1
    plain = prepare(fit_truth.shape("llama31-8b"))
    told = explain(plain, where, fit(plain, where, OPTIONS), OPTIONS)
    assert not any("snapshots" in reason.code for reason in told)
