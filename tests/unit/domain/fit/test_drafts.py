"""Speculative drafts against what the engine logged (MiB), on pretended CUDA devices and the processor."""

from dataclasses import dataclass, replace

import pytest

from fakes import draft_models, fit_truth
from wattlight.domain.fit import Confidence, FitOptions, PreparedModel, Verdict, fit, largest_context, prepare
from wattlight.domain.fit.draft_memory import DraftMemory
from wattlight.domain.fit.plan import Plan, Planner
from wattlight.domain.shape import MetadataValue, ModelShape, Tensor
from wattlight.domain.values import MachineProfile

MIB = 1 << 20
M27, M9, M4, M35, M80 = "qwen35-27b", "qwen35-9b", "qwen35-4b", "qwen35moe-35b", "qwen3next-80b"


def machine(devices: str = "CUDA0:200000:204800", backend: str = "cuda") -> MachineProfile:
    return fit_truth.machine_of({"id": "x", "devices": devices, "backend": backend})


def planned(model: PreparedModel, where: MachineProfile, options: FitOptions) -> tuple[Plan, DraftMemory]:
    plan = Planner(model, where, options).plan(options.context)
    assert plan.draft_memory is not None
    return plan, plan.draft_memory


def mib(size: float) -> float:
    return size / MIB


@dataclass(frozen=True)
class Logged:
    """A line of the engine's log: state, cache and buffer of the draft, and what it thought before."""

    model: str
    context: int
    batch: int
    length: int
    slots: int
    state: float | None
    kv: float
    compute: float
    estimate: float
    kv_type: str = "f16"


LOGGED = (
    Logged(M27, 4096, 512, 4, 1, 748.12, 16, 126.02, 142.02),
    Logged(M27, 32768, 1024, 4, 1, 748.12, 128, 260.03, 388.03),
    Logged(M27, 65536, 2048, 2, 1, 448.88, 256, 528.06, 784.06),
    Logged(M27, 65536, 2048, 4, 1, 748.12, 256, 528.06, 784.06, "q8_0"),
    Logged(M27, 8192, 512, 1, 2, 598.5, 64, 130.02, 194.02),
    Logged(M27, 16384, 1024, 3, 1, 598.5, 64, 228.03, 292.03),
    Logged(M27, 131072, 512, 4, 1, None, 512, 196.02, 708.02),
    Logged(M27, 131072, 2048, 4, 1, None, 512, 784.06, 1296.06),
    Logged(M27, 262144, 2048, 4, 1, None, 1024, 1296.06, 2320.06),
    Logged(M9, 32768, 1024, 4, 1, 251.25, 128, 192.03, 320.03),
    Logged(M9, 65536, 2048, 2, 1, 150.75, 256, 432.06, 688.06),
    Logged(M9, 4096, 512, 4, 1, 251.25, 16, 92.02, 108.02),
    Logged(M4, 32768, 1024, 4, 1, 251.25, 128, 148.03, 276.03),
    Logged(M35, 65536, 2048, 2, 1, 188.44, 128, 416.06, 544.06),
    Logged(M35, 8192, 512, 1, 2, 251.25, 32, 72.02, 104.02),
    Logged(M35, 4096, 512, 4, 1, 314.06, 8, 68.02, 76.02),
    Logged(M80, 65536, 2048, 2, 1, 75.38, 128, 416.04, 544.04),
    # ollama#17482 (the context of 105,216 cells), HilbertRaum#391, llama.cpp#23269
    Logged(M27, 105216, 512, 4, 1, None, 411, 170.77, 581.77),
    Logged(M27, 32768, 2048, 2, 1, None, 128, 520.06, 648.06),
    Logged(M35, 65536, 2048, 2, 1, 188.44, 128, 416.06, 544.06),
)


@pytest.mark.parametrize("line", LOGGED, ids=str)
def test_a_block_of_the_model_drafts(line: Logged) -> None:
    options = FitOptions(
        context=line.context, batch=line.batch, parallel=line.slots, draft=line.length, kv_type=line.kv_type
    )
    model, where = draft_models.drafting(line.model), machine()
    plan, memory = planned(model, where, options)
    assert mib(memory.kv) == line.kv
    assert mib(memory.compute) == pytest.approx(line.compute, abs=0.1)
    assert mib(memory.measured) == pytest.approx(line.estimate, abs=0.1)
    assert plan.frees[0] - plan.limits[0] == 1024 * MIB + memory.measured
    if line.state is not None:
        sizer = plan.sizer(model.drafting)
        assert mib(sizer.states * sizer.cache.state[-1]) == pytest.approx(line.state, abs=0.01)


def held_out(architecture: str, blocks: int, **keys: int) -> PreparedModel:
    shape = fit_truth.shape(M27 if architecture == "qwen35" else M35)
    keys = {"block_count": blocks, **keys}
    metadata = {
        **shape.metadata,
        f"{architecture}.nextn_predict_layers": 1,
        f"{architecture}.context_length": 1 << 20,
        **{f"{architecture}.{k.replace('__', '.')}": v for k, v in keys.items()},
    }
    return prepare(replace(shape, metadata=metadata))


def test_shapes_the_rule_was_not_made_with() -> None:
    dense = held_out(
        "qwen35",
        25,
        embedding_length=2048,
        feed_forward_length=6144,
        attention__head_count=8,
        attention__head_count_kv=2,
    )
    _, memory = planned(dense, machine(), FitOptions(context=24576, batch=1024, draft=2))
    assert (mib(memory.kv), round(mib(memory.compute), 2)) == (48, 92.03)
    mixture = held_out(
        "qwen35moe",
        13,
        embedding_length=3072,
        expert_feed_forward_length=1024,
        attention__head_count=32,
        attention__head_count_kv=2,
    )
    _, memory = planned(mixture, machine(), FitOptions(context=50000, batch=2048, draft=2))
    assert (mib(memory.kv), round(mib(memory.compute), 2)) == (98, 500.06)


@pytest.mark.parametrize(("context", "batch", "wanted"), [(4096, 512, 9.52), (8192, 1024, 27.04)])
def test_a_tiny_model_on_the_processor(context: int, batch: int, wanted: float) -> None:
    options = FitOptions(context=context, batch=batch, draft=4)
    _, memory = planned(prepare(draft_models.tiny()), machine(""), options)
    assert mib(memory.compute) == pytest.approx(wanted, abs=0.02)
    assert (memory.measured, memory.host.total) == (0, 0)


FITTED = (
    # free; without: layers, weights; with a draft of 4: layers, weights, cache, state
    (24000, 66, 15490.5, 66, 15766.6, 2048, 748.1),
    (20000, 66, 15490.5, 64, 15311.3, 2048, 717.0),
    (18000, 61, 14356.8, 56, 13499.3, 1792, 623.4),
    (16000, 53, 12544.9, 49, 11915.0, 1536, 545.5),
    (12000, 38, 9148.6, 34, 8518.7, 1024, 374.1),
)


@pytest.mark.parametrize("line", FITTED, ids=lambda line: f"{line[0]} MiB free")
def test_the_fit_leaves_room_for_the_draft(line: tuple[float, ...]) -> None:
    free, layers, weights, drafting_layers, drafting_weights, kv, state = line
    model, where = draft_models.drafting(M27), machine(f"CUDA0:{free}:{free}")
    off = fit(model, where, FitOptions(context=32768, batch=1024))
    on = fit(model, where, FitOptions(context=32768, batch=1024, draft=4))
    assert (off.layers_total, on.layers_total) == (66, 66)
    assert (off.layers_on_gpu, on.layers_on_gpu) == (layers, drafting_layers)
    assert mib(off.devices[0].weights_bytes) == pytest.approx(weights, abs=0.1)
    assert mib(on.devices[0].weights_bytes) == pytest.approx(drafting_weights, abs=0.1)
    assert mib(on.devices[0].kv_bytes) == pytest.approx(kv + state + 128, abs=0.1)
    assert off.draft is None
    assert on.draft is not None
    assert on.draft.counted
    assert on.spare_bytes >= 0


def test_without_a_draft_at_most_the_blocks_that_answer_are_tried() -> None:
    model, where = draft_models.drafting(M35), machine("CUDA0:16000:16384")
    off = fit(model, where, FitOptions(context=4096, batch=512))
    on = fit(model, where, FitOptions(context=4096, batch=512, draft=4))
    assert (off.layers_on_gpu, off.layers_total) == (41, 42)
    assert (on.layers_on_gpu, on.layers_total) == (42, 42)
    assert off.expert_blocks_in_ram > 0
    assert on.expert_blocks_in_ram > 0


DFLASH = (
    (8192, 1024, 4, 1, 0, 748.12, 160, 1960.95),
    (65536, 2048, 7, 1, 0, 1197.0, 1280, 3920.95),
    (8192, 1024, 4, 2, 0, 1496.25, 320, 1960.95),
    (65536, 2048, 4, 1, 2048, 748.12, 320, 3920.95),
)


@pytest.mark.parametrize("line", DFLASH, ids=str)
def test_a_dflash_file_takes_eight_bytes_per_word_and_token(line: tuple[float, ...]) -> None:
    context, batch, length, slots, window, state, kv, compute = line
    options = FitOptions(context=int(context), batch=int(batch), parallel=int(slots), draft=int(length))
    model, where = draft_models.drafting(M27, draft_models.dflash(int(window))), machine()
    plan, memory = planned(model, where, options)
    assert mib(memory.kv) == kv
    assert mib(memory.compute) == pytest.approx(compute, abs=0.01)
    assert memory.measured == 0
    assert mib(memory.model_growth) == 20 * 5 * batch / 1024
    sizer = plan.sizer(model)
    assert mib(sizer.states * sizer.cache.state[-1]) == pytest.approx(state, abs=0.01)


def test_a_dflash_file_with_matrices_of_its_own_is_measured_short() -> None:
    model = draft_models.drafting(M27, draft_models.dflash(own_output=True))
    _, memory = planned(model, machine(), FitOptions(context=8192, batch=1024))
    assert mib(memory.measured) == pytest.approx(mib(memory.weights) + 160 + 990.0, abs=0.01)
    assert mib(memory.compute) - 990.0 == pytest.approx(970.95, abs=0.01)


def test_a_dflash_file_comes_on_top_of_what_was_fitted() -> None:
    model = draft_models.drafting(M27, draft_models.dflash())
    tight = machine("CUDA0:18600:20480")
    result = fit(model, tight, FitOptions(context=8192, batch=1024))
    assert result.obstacle == "draft_too_large"
    assert result.verdict is Verdict.NO
    assert result.draft is not None
    assert (result.draft.length, result.draft.counted) == (4, False)
    assert result.devices[0].total_bytes > result.devices[0].free_bytes
    assert fit(model, tight, FitOptions(context=8192, batch=1024, draft=0)).verdict is Verdict.FULL_GPU
    roomy = fit(model, machine("CUDA0:24000:24576"), FitOptions(context=8192, batch=1024))
    assert roomy.verdict is Verdict.FULL_GPU
    longest = largest_context(model, machine("CUDA0:24000:24576"), FitOptions(batch=1024))
    assert longest is not None
    at_edge = fit(model, machine("CUDA0:24000:24576"), FitOptions(context=longest, batch=1024))
    assert at_edge.verdict is Verdict.FULL_GPU


def test_a_default_context_steps_down_where_the_draft_runs_out_of_memory() -> None:
    model = draft_models.drafting(M27, draft_models.dflash())
    where = machine("CUDA0:20000:24576")
    result = fit(model, where)
    assert (result.context, result.context_asked) == (4096, 32768)
    assert result.verdict is Verdict.FULL_GPU
    assert fit(model, where, FitOptions(context=32768)).obstacle == "draft_too_large"
    assert fit(model, where, FitOptions(draft=0)).context == 32768


def test_a_file_with_the_blocks_alone() -> None:
    rows = [
        row for row in draft_models.tiny().tensors if not row.name.startswith("blk.") or ".8." in row.name
    ]
    head = replace(
        draft_models.tiny(), tensors=tuple(row for row in rows if row.name != "output_norm.weight")
    )
    model = prepare(replace(draft_models.tiny(), draft=head))
    _, memory = planned(model, machine(), FitOptions(context=8192, batch=1024))
    assert mib(memory.weights) == pytest.approx(9.67, abs=0.01)
    assert mib(memory.host.weights) == pytest.approx(3.91, abs=0.01)
    assert (mib(memory.kv), round(mib(memory.compute), 2)) == (4, 27.03)
    assert mib(memory.measured) == pytest.approx(40.70, abs=0.02)


def test_on_two_cards_the_last_one_holds_the_draft() -> None:
    model = draft_models.drafting(M27)
    where = machine("CUDA0:24000:24576,CUDA1:24000:24576")
    options = FitOptions(context=32768, batch=1024, spread=True)
    on, off = fit(model, where, replace(options, draft=4)), fit(model, where, options)
    assert on.draft is not None
    assert mib(on.draft.compute_bytes) == pytest.approx(660.13 + 8 * 5 + 64 + 3 * (64 + 20), abs=0.1)
    plan, memory = planned(model, where, replace(options, draft=4))
    assert mib(memory.measured) == pytest.approx(788.13, abs=0.01)
    assert [mib(free - limit) for free, limit in zip(plan.frees, plan.limits, strict=True)] == [
        1024,
        pytest.approx(1812.13, abs=0.01),
    ]
    assert on.confidence is Confidence.MEDIUM
    assert off.confidence is Confidence.HIGH


def test_what_other_architectures_cache_twice() -> None:
    shape = fit_truth.shape("deepseek2lite")
    lite = prepare(
        replace(
            shape,
            metadata={
                **shape.metadata,
                "deepseek2.block_count": 28,
                "deepseek2.nextn_predict_layers": 1,
            },
        )
    )
    plain = fit(prepare(shape), machine(), FitOptions(context=8192))
    off = fit(lite, machine(), FitOptions(context=8192))
    on = fit(lite, machine(), FitOptions(context=8192, draft=2))
    assert off.devices[0].kv_bytes == plain.devices[0].kv_bytes * 28 // 27
    assert on.devices[0].kv_bytes == 2 * off.devices[0].kv_bytes
    assert on.confidence is Confidence.LOW


@pytest.mark.parametrize("architecture", ["glm4moe", "exaone4", "glm4"])
def test_blocks_the_engine_cannot_compute(architecture: str) -> None:
    model = prepare(draft_models.tiny(architecture))
    off, on = (fit(model, machine(), FitOptions(context=8192, draft=n)) for n in (0, 3))
    assert off.verdict is Verdict.FULL_GPU
    assert (on.verdict, on.obstacle) == (Verdict.NO, "draft_crashes")
    assert on.draft is not None
    assert on.draft.kv_bytes == off.devices[0].kv_bytes


@pytest.mark.parametrize("other", ["llama32-1b", "qwen3-06b"])
def test_an_ordinary_model_cannot_draft(other: str) -> None:
    model = prepare(replace(fit_truth.shape("llama31-8b"), draft=fit_truth.shape(other)))
    result = fit(model, machine(), FitOptions(context=8192))
    assert (result.verdict, result.obstacle) == (Verdict.NO, "draft_refused")
    assert fit(model, machine(), FitOptions(context=8192, draft=0)).verdict is Verdict.FULL_GPU


def test_who_drafts_by_default() -> None:
    """Blocks inside wait for a length, a file drafts at once; an option beats the model's own word."""
    embedded = draft_models.with_block(fit_truth.shape(M9))
    options = FitOptions(context=8192)

    def length(shape: ModelShape, asked: int | None = None) -> int:
        use = fit(prepare(shape), machine(), replace(options, draft=asked)).draft
        return use.length if use is not None else 0

    assert length(embedded) == 0
    assert length(replace(embedded, draft_length=3)) == 3
    assert length(replace(embedded, draft_length=3), 0) == 0
    assert length(replace(embedded, draft_length=0)) == 0
    assert length(fit_truth.shape(M9), 5) == 0
    file = replace(fit_truth.shape(M9), draft=draft_models.dflash(width=4096))
    assert length(file) == 4
    assert length(replace(file, draft_length=2)) == 2
    assert length(replace(file, draft_length=0)) == 0
    assert length(replace(file, draft_length=2), 6) == 6
    both = fit(prepare(replace(embedded, draft=file.draft)), machine(), options).draft
    assert both is not None
    assert both.kind == "dflash"


def test_blocks_under_their_old_names() -> None:
    shape = fit_truth.shape(M9)
    old = tuple(
        Tensor(row[0].replace("blk.32.nextn.", "mtp.").replace("blk.32.", "mtp.layers.0."), row[1], row[2])
        for row in draft_models.block_of(shape, 32)
    )
    older = prepare(replace(shape, tensors=(*shape.tensors, *old)))
    newer = draft_models.drafting(M9)
    for asked in (0, 4):
        ours, theirs = (
            fit(model, machine(), FitOptions(context=8192, batch=1024, draft=asked))
            for model in (older, newer)
        )
        assert ours.gpu_bytes == theirs.gpu_bytes
        assert ours.layers_total == (34 if asked else 33)
    assert ours.confidence is Confidence.MEDIUM


def test_the_gemma_assistant_shares_the_models_cache() -> None:
    keys: dict[str, MetadataValue] = {
        "block_count": 4,
        "embedding_length": 512,
        "feed_forward_length": 1024,
        "attention.head_count": 4,
        "attention.head_count_kv": 1,
        "attention.key_length": 128,
    }
    rows = [row for row in draft_models.block_of(draft_models.tiny(), 0) if "nextn" not in row[0]]
    assistant = draft_models.made(
        "gemma4-assistant", keys, [("token_embd.weight", (512, 4000), "F16"), *rows]
    )
    model = prepare(replace(fit_truth.shape("gemma4-31b"), draft=assistant))
    result = fit(model, machine(), FitOptions(context=8192))
    assert result.draft is not None
    assert (result.draft.kv_bytes, result.draft.counted) == (0, False)
    assert result.draft.weights_bytes > 2 * 4000 * 512 * 2
    assert result.confidence is Confidence.LOW


def lines(*sizes: float) -> int:
    """The sum the server makes of a log's lines (MiB with two decimals)."""
    return sum(int(size * MIB) for size in sizes)


def test_what_the_server_lists_on_the_processor() -> None:
    """A draft's cache and buffer stand in the place of the model's; the real server said 92757031."""
    model, where = prepare(draft_models.tiny()), machine("")
    off, on = (fit(model, where, FitOptions(context=8192, batch=1024, draft=n)) for n in (0, 4))
    weights, block = 47.54, 5.76
    own = mib(on.host.weights_bytes)
    assert own - mib(off.host.weights_bytes) == pytest.approx(block, abs=0.01)
    shown = on.reported_size_bytes + lines(weights + block) - lines(round(own, 2))
    assert shown == pytest.approx(92757031, abs=0.02 * MIB)
    assert shown == pytest.approx(lines(53.30, 0.02, 4.00, 4.10, 27.04), abs=0.02 * MIB)
    assert on.reported_vram_bytes == 0
    assert on.draft is not None
    assert mib(on.draft.kv_bytes) == 4
    assert mib(on.draft.state_bytes) == pytest.approx(4 * 0.82, abs=0.01)
    used = own + 8 + 4 + 4.10 + mib(off.host.compute_bytes) + 27.04 + mib(on.draft.output_bytes)
    assert mib(on.host_bytes) == pytest.approx(used, abs=0.02)


def test_what_the_server_lists_on_a_card() -> None:
    """The real server said 88625642: 49.39 + 4.00 + 4.10 + 27.03."""
    on = fit(prepare(draft_models.tiny()), machine(), FitOptions(context=8192, batch=1024, draft=4))
    shown = on.reported_vram_bytes - lines(round(mib(on.devices[0].weights_bytes), 2))
    assert shown == pytest.approx(88625642 - lines(49.39), abs=0.02 * MIB)
    assert on.reported_size_bytes == on.reported_vram_bytes


def test_what_the_server_lists_of_a_mixture() -> None:
    model = draft_models.drafting(M35)
    off, on = (fit(model, machine(), FitOptions(context=8192, batch=1024, draft=n)) for n in (0, 4))
    weights = round(mib(on.devices[0].weights_bytes), 2)
    kv, state, compute = 16.0, 314.06, mib(on.draft.compute_bytes if on.draft else 0) - 32
    assert on.reported_vram_bytes == pytest.approx(lines(weights, kv, state, compute), abs=0.02 * MIB)
    assert on.gpu_bytes - on.reported_vram_bytes == pytest.approx(
        off.devices[0].compute_bytes + 160 * MIB, abs=0.05 * MIB
    )


def test_the_server_lists_a_files_weights_for_the_models() -> None:
    """Of a DFlash file weights and cache are listed, and the model's own buffer as a prompt left it."""
    file = draft_models.dflash(layers=2, width=512)
    file = replace(file, metadata={**file.metadata, "dflash.target_layers": (1, 3, 5)})
    alone = prepare(draft_models.tiny())
    both = prepare(draft_models.tiny(draft=file))
    options = FitOptions(context=8192, batch=1024)
    off, on = fit(alone, machine(""), options), fit(both, machine(""), options)
    assert on.draft is not None
    grown = mib(off.host.compute_bytes) + 3 * 2
    wanted = lines(round(mib(on.draft.weights_bytes), 2), 0.02, mib(on.draft.kv_bytes), 4.10, round(grown, 2))
    assert on.reported_size_bytes == pytest.approx(wanted, abs=0.02 * MIB)
    buffers = 8 * 4000 * 1024 + 2 * 1024 * 8192 + 6 * MIB
    assert on.draft.compute_bytes == buffers
    assert on.host_bytes - off.host_bytes == on.draft.total_bytes


@pytest.mark.parametrize("free", [16000, 12000])
def test_part_of_the_cache_in_ram_is_still_listed(free: int) -> None:
    model, where = draft_models.drafting(M27), machine(f"CUDA0:{free}:{free}")
    on = fit(model, where, FitOptions(context=32768, batch=1024, draft=4))
    in_ram = on.reported_size_bytes - on.reported_vram_bytes
    assert in_ram > on.host.kv_bytes
    assert on.reported_vram_bytes < on.gpu_bytes - 1000 * MIB
