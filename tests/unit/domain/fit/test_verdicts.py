"""What is told of well-known models on well-known cards."""

from dataclasses import replace
from typing import Any

import pytest

from fakes import fit_truth
from wattlight.domain.fit import (
    Confidence,
    FitOptions,
    FitResult,
    PreparedModel,
    UnknownCacheType,
    Verdict,
    explain,
    fit,
    largest_context,
    prepare,
)
from wattlight.domain.shape import ModelShape, ShapeSource, Tensor
from wattlight.domain.values import Device, MachineProfile, ServerProfile

GIB = 1 << 30
RESERVE = 500 << 20


def card(gib: float, count: int = 1, **more: Any) -> tuple[Device, ...]:
    total = int(gib * GIB)
    return tuple(Device(f"gpu{i}", f"card {i}", "cuda", total, total - RESERVE, **more) for i in range(count))


def machine(devices: tuple[Device, ...] = (), ram_gib: int = 64, **server: Any) -> MachineProfile:
    return MachineProfile(
        "desk",
        "linux",
        ram_gib * GIB,
        ram_gib * GIB * 3 // 4,
        server=ServerProfile(**server),
        devices=devices,
    )


def model(name: str) -> PreparedModel:
    return prepare(fit_truth.shape(name))


def llama_like(
    layers: int,
    embedding: int,
    forward: int,
    heads: int,
    kv: int,
    context: int,
    kind: str,
    words: int = 32000,
) -> ModelShape:
    """A dense model of the Llama family with all matrices of one type."""
    head = embedding // heads
    tensors = [Tensor(f"{name}.weight", (embedding, words), kind) for name in ("token_embd", "output")]
    for i in range(layers):
        for part, rows, columns in (
            ("attn_q", embedding, embedding),
            ("attn_k", embedding, kv * head),
            ("attn_v", embedding, kv * head),
            ("attn_output", embedding, embedding),
            ("ffn_gate", embedding, forward),
            ("ffn_up", embedding, forward),
            ("ffn_down", forward, embedding),
        ):
            tensors.append(Tensor(f"blk.{i}.{part}.weight", (rows, columns), kind))
    keys = {
        "block_count": layers,
        "embedding_length": embedding,
        "feed_forward_length": forward,
        "attention.head_count": heads,
        "attention.head_count_kv": kv,
        "context_length": context,
    }
    metadata = {f"llama.{key}": value for key, value in keys.items()}
    return ModelShape("llama", metadata, tuple(tensors), sum(t.size_bytes for t in tensors))


MISTRAL_7B = prepare(llama_like(32, 4096, 14336, 32, 8, 32768, "Q4_K"))
LLAMA2_7B = prepare(llama_like(32, 4096, 11008, 32, 32, 4096, "Q4_0"))
DENSE_32B = prepare(llama_like(64, 5120, 27648, 40, 8, 32768, "F16", 152064))


def test_llama_70b_at_4_bits_is_partial_on_24_gib() -> None:
    result = fit(model("llama33-70b"), machine(card(24)), FitOptions(context=8192))
    assert result.verdict is Verdict.PARTIAL_GPU
    assert 0 < result.layers_on_gpu < result.layers_total == 81
    assert model("llama33-70b").weights_bytes == pytest.approx(42.5e9, rel=0.01)


def test_llama_70b_does_not_fit_with_too_little_ram() -> None:
    result = fit(model("llama33-70b"), machine(card(24), ram_gib=16), FitOptions(context=8192))
    assert result.verdict is Verdict.NO
    assert result.obstacle == "ram_too_small"


@pytest.mark.parametrize(("ram_gib", "verdict"), [(96, Verdict.PARTIAL_GPU), (32, Verdict.NO)])
def test_a_32b_model_at_16_bits_never_fits_24_gib_whole(ram_gib: int, verdict: Verdict) -> None:
    assert DENSE_32B.weights_bytes == pytest.approx(65e9, rel=0.02)
    assert fit(DENSE_32B, machine(card(24), ram_gib), FitOptions(context=4096)).verdict is verdict


@pytest.mark.parametrize("context", [2048, 4096, 8192])
def test_mistral_7b_on_8_gib(context: int) -> None:
    assert fit(MISTRAL_7B, machine(card(8)), FitOptions(context=context)).verdict is Verdict.FULL_GPU


@pytest.mark.parametrize("context", [1024, 4096, 9000])
def test_llama2_7b_to_its_trained_context_on_8_gib(context: int) -> None:
    result = fit(LLAMA2_7B, machine(card(8)), FitOptions(context=context))
    assert result.verdict is Verdict.FULL_GPU
    assert result.context == min(context, 4096)
    assert result.context_asked == context


def test_no_accelerator_is_the_processor() -> None:
    result = fit(model("llama32-1b"), machine(ram_gib=16))
    assert result.verdict is Verdict.CPU
    assert result.devices == ()
    assert result.context == 4096
    assert result.reported_vram_bytes == 0


def test_experts_in_ram_are_no_full_gpu() -> None:
    result = fit(model("qwen3-30b-a3b"), machine(card(12)), FitOptions(context=8192))
    assert result.layers_on_gpu == result.layers_total
    assert result.expert_blocks_in_ram > 0
    assert result.verdict is Verdict.PARTIAL_GPU


def test_spare_is_free_less_margin_less_used() -> None:
    result = fit(model("llama31-8b"), machine(card(24)), FitOptions(context=8192))
    assert result.spare_bytes == 24 * GIB - RESERVE - GIB - result.gpu_bytes
    assert result.missing_bytes == 0


def test_spare_may_be_negative() -> None:
    result = fit(model("llama31-8b-q8"), machine(card(8)), FitOptions(context=8192, gpu_layers=33))
    assert result.spare_bytes < 0
    assert result.verdict is Verdict.NO
    assert result.obstacle == "device_too_small"


@pytest.mark.parametrize("name", ["llama31-8b", "gemma3-12b", "qwen3-30b-a3b", "qwen35-9b", "deepseek2lite"])
@pytest.mark.parametrize("gib", [6, 8, 12, 24])
@pytest.mark.parametrize("kv", ["f16", "q8_0"])
def test_all_contexts_up_to_the_largest_fit_and_the_next_does_not(name: str, gib: int, kv: str) -> None:
    prepared, here = model(name), machine(card(gib))
    largest = largest_context(prepared, here, FitOptions(kv_type=kv))
    step = 256
    top = prepared.context_trained or 0

    def whole(context: int) -> bool:
        return fit(prepared, here, FitOptions(context=context, kv_type=kv)).verdict is Verdict.FULL_GPU

    if largest is None:
        assert not whole(step)
        return
    assert largest % step == 0
    assert step <= largest <= top
    for context in {*range(step, largest + 1, max(step, largest // 40 // step * step)), largest}:
        assert whole(context), context
    if largest + step <= top:
        assert not whole(largest + step)


def test_a_quantised_cache_reaches_further() -> None:
    here = machine(card(8))
    reach = [
        largest_context(model("llama31-8b"), here, FitOptions(kv_type=kv)) for kv in ("f16", "q8_0", "q4_0")
    ]
    assert None not in reach
    assert reach == sorted(reach)  # type: ignore[type-var]
    assert reach[0] < reach[2]  # type: ignore[operator]


def test_what_would_change_it() -> None:
    prepared, here = model("llama31-8b"), machine(card(8))
    options = FitOptions(context=24576)
    result = fit(prepared, here, options)
    assert result.verdict is Verdict.PARTIAL_GPU
    codes = [reason.code for reason in explain(prepared, here, result, options)]
    assert codes[0] == "layers_in_ram"
    assert {"kv_q8_0", "shorter_context", "smaller_quantisation"} <= set(codes)


def test_memory_of_other_programs_is_named() -> None:
    busy = (replace(card(24)[0], memory_free_bytes=5 * GIB),)
    prepared, options = model("llama31-8b"), FitOptions(context=4096)
    result = fit(prepared, machine(busy), options)
    assert result.verdict is Verdict.PARTIAL_GPU
    assert "close_programs" in {reason.code for reason in explain(prepared, machine(busy), result, options)}
    freed = replace(options, unloaded=(("gpu0", 12 * GIB),))
    assert fit(prepared, machine(busy), freed).verdict is Verdict.FULL_GPU


def test_a_quantised_cache_without_flash_attention_is_refused() -> None:
    result = fit(model("llama31-8b"), machine(card(24)), FitOptions(kv_type="q8_0", flash_attention="off"))
    assert (result.verdict, result.obstacle) == (Verdict.NO, "needs_flash_attention")


def test_an_unknown_cache_type() -> None:
    with pytest.raises(UnknownCacheType, match="no KV cache of type"):
        fit(model("llama31-8b"), machine(), FitOptions(kv_type="q3"))


def confidence(prepared: PreparedModel, here: MachineProfile) -> Confidence:
    result: FitResult = fit(prepared, here, FitOptions(context=4096))
    return result.confidence


def test_how_sure_it_is() -> None:
    here = machine(card(24))
    shape = fit_truth.shape("llama31-8b")
    assert confidence(prepare(shape), here) is Confidence.HIGH
    assert confidence(prepare(replace(shape, source=ShapeSource.CATALOGUE)), here) is Confidence.MEDIUM
    other = {key.replace("llama.", "newarch."): value for key, value in shape.metadata.items()}
    strange = replace(shape, architecture="newarch", metadata=other)
    assert confidence(prepare(strange), here) is Confidence.LOW
    assert confidence(prepare(shape), machine(card(24), version="0.20.1")) is Confidence.MEDIUM


def test_one_device_where_it_fits_and_all_where_not() -> None:
    two = machine(card(12, 2))
    assert len(fit(model("llama31-8b"), two, FitOptions(context=8192)).devices) == 1
    assert len(fit(model("llama31-8b"), two, FitOptions(context=8192, spread=True)).devices) == 2
    assert len(fit(model("qwen3-30b-a3b"), two, FitOptions(context=8192)).devices) == 2


def test_integrated_graphics_are_left_out() -> None:
    graphics = Device("i", "Iris Xe", "vulkan", 12 * GIB, 12 * GIB, unified=True, integrated=True)
    assert fit(model("llama32-1b"), machine((graphics,))).verdict is Verdict.CPU


def test_families_with_one_slot() -> None:
    prepared, here = model("qwen35-9b"), machine(card(24), num_parallel=4)
    assert fit(prepared, here).parallel == 1
    assert fit(model("llama31-8b"), here, FitOptions(context=4096)).parallel == 4


def test_the_servers_settings_count() -> None:
    here = machine(card(24), kv_cache_type="q8_0", num_parallel=2)
    result = fit(model("llama31-8b"), here, FitOptions(context=8192))
    assert (result.kv_type, result.parallel) == ("q8_0", 2)


@pytest.mark.parametrize(
    ("devices", "gpu_layers", "on_card"),
    [
        ("", None, False),
        ("CUDA0:23000:24576", None, True),
        ("CUDA0:23000:24576", 9, False),
        ("C:1500:2048", None, False),
    ],
)
def test_what_a_model_sees_with_counts_where_it_lies(
    devices: str, gpu_layers: int | None, on_card: bool
) -> None:
    """The server keeps a projector in RAM without a card, beside a forced part, where it leaves no GiB."""
    size = 900 << 20
    blind = fit_truth.shape("llama32-3b")
    where, options = (
        fit_truth.machine_of({"id": "x", "devices": devices}),
        FitOptions(context=4096, gpu_layers=gpu_layers),
    )
    sees = prepare(replace(blind, projector_bytes=size, vision=True))
    with_it, without = fit(sees, where, options), fit(prepare(blind), where, options)
    assert with_it.projector_bytes == (size if on_card else 0)
    if with_it.layers_on_gpu == without.layers_on_gpu:
        assert with_it.needed_bytes - without.needed_bytes == size
        assert with_it.host_bytes - without.host_bytes == (0 if on_card else size)
    codes = {reason.code for reason in explain(sees, where, with_it, options)}
    assert ("projector" in codes, "projector_in_ram" in codes) == (on_card, not on_card)
