"""Equal stretches of blocks are laid out once: with what is remembered and without, buffers are the same."""

from dataclasses import replace

import pytest

from fakes import fit_truth
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import FitOptions, FitResult, arena, blocks, fit, graph, prepare, program
from wattlight.domain.fit.arena import FREE, Side, walk
from wattlight.domain.fit.file_spans import FileSpans
from wattlight.domain.fit.sizing import Share
from wattlight.domain.fit.weights import tensor_rows
from wattlight.domain.shape import ModelShape, Table, Tensor
from wattlight.domain.values import Device, MachineProfile

GIB = 1 << 30
MODELS = ("llama31-8b", "gemma3-12b", "qwen3-30b-a3b", "qwen25-7b", "granite4:350m", "qwen2.5:0.5b")


def machine(*gib: float) -> MachineProfile:
    devices = tuple(
        Device(f"g{i}", "card", "cuda", int(size * GIB), int(size * GIB) - (500 << 20))
        for i, size in enumerate(gib)
    )
    return MachineProfile("m", "linux", 256 * GIB, 200 * GIB, devices=devices)


MAC = MachineProfile(
    "m",
    "darwin",
    16 * GIB,
    14 * GIB,
    devices=(Device("m", "Apple M4", "metal", 12 * GIB, 12 * GIB, unified=True, integrated=True),),
)
MACHINES = (machine(80), machine(8), machine(3), machine(2, 3), machine(24, 24))


def block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is laid out on its own, and no model knows of another."""
    made = graph.Trunk

    def trunk(*parts: object) -> graph.Trunk:
        found = made(*parts)  # type: ignore[arg-type]
        alone = len(found.blocks), [*range(len(found.blocks))]
        found.repeats, found.repeats_full, found.make = alone, alone, object()
        return found

    monkeypatch.setattr(graph, "Trunk", trunk)
    monkeypatch.setattr(program, "tapes_of", lambda work: {})
    monkeypatch.setattr(graph.BufferLayout, "_walk_alone", lambda layout, room: layout._walk([room]))
    blocks.program_of.cache_clear()


def listed(name: str) -> ModelShape:
    entry = next(entry for entry in load_catalog().entries if entry.name == name)
    assert entry.layout is not None
    return estimate_shape(entry, entry.default_tag, entry.layout).shape


def answers(name: str) -> list[FitResult]:
    model = prepare(listed(name) if ":" in name else fit_truth.shape(name))
    layers = model.arch.layers
    options = [FitOptions(context=c, kv_type=kv) for c in (4096, 40960) for kv in ("f16", "q8_0")]
    forced = [FitOptions(context=8192, gpu_layers=n) for n in range(layers + 1)]
    found = [fit(model, where, option) for where in MACHINES for option in options]
    return found + [fit(model, where, option) for where in (MACHINES[1], MAC) for option in forced]


@pytest.mark.parametrize("name", MODELS)
def test_what_repeats_is_laid_out_as_block_by_block(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = answers(name)
    block_by_block(monkeypatch)
    assert answers(name) == found


def test_stretches_are_really_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    step = graph.Passes.step

    def counted(*parts: object) -> None:
        nonlocal seen
        seen += 1
        step(*parts)  # type: ignore[arg-type]

    monkeypatch.setattr(graph.Passes, "step", counted)
    model = prepare(fit_truth.shape("llama31-8b"))
    fit(model, machine(80), FitOptions(context=12288, batch=768))
    assert 0 < seen < model.arch.layers / 2


@pytest.mark.parametrize(("name", "asked"), [("qwen3-30b-a3b", False), ("llama31-8b", True)])
def test_nothing_on_a_device_is_laid_out_only_where_a_step_starts_there(
    monkeypatch: pytest.MonkeyPatch, name: str, asked: bool
) -> None:
    """A mixture whose other parts fit starts from these; a dense model's search starts from nothing."""
    seen = []
    made = graph.BufferLayout.__init__

    def noted(layout: graph.BufferLayout, passes: graph.Passes, spans: graph.Spans, *more: object) -> None:
        seen.append(spans)
        made(layout, passes, spans, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(graph.BufferLayout, "__init__", noted)
    model = prepare(fit_truth.shape(name))
    found = fit(model, machine(8 if not asked else 4), FitOptions(context=7168, batch=448))
    assert found.layers_on_gpu > 0
    assert found.missing_bytes > 0
    assert (((model.arch.layers, model.arch.layers),) in seen) is asked


def test_the_weights_in_ram_are_those_of_any_backend() -> None:
    one, other = (prepare(fit_truth.shape("gemma3-12b")) for _ in range(2))
    found = one.weights("cuda", 512)
    assert one.weights_in_ram is found
    alone = other.weights_in_ram
    assert alone.device != found.device
    for part in ("host", "host_sum", "experts_host", "output_host", "input_host", "output_tied"):
        assert getattr(alone, part) == getattr(found, part), part


def test_models_of_one_make_share_what_devices_hold() -> None:
    """Another quantization has other matrices, which only blocks in RAM ask for."""
    one, other = (prepare(fit_truth.shape(name)) for name in ("llama31-8b", "llama31-8b-q8"))
    setting = graph.Setting(640, 1024, 0, 1, "F16", True, False, 128)
    layers = one.arch.layers
    whole = ((0, layers),)
    first, second = one.buffers.passes(setting), other.buffers.passes(setting)
    assert second.layout("k", whole, [], False) is first.layout("k", whole, [], False)
    half = ((layers // 2, layers),)
    assert first.layout("h", half, [], False).peaks < second.layout("h", half, [], False).peaks


def test_makes_of_the_same_operations_share_lists_and_steps() -> None:
    """Two makes with equal blocks: what is laid out for one is looked up for the other."""
    graph.common.cache_clear()
    made = fit_truth.shape("qwen25-7b")
    keys = {key.replace("qwen2.", "llama."): value for key, value in made.metadata.items()}
    other = replace(made, architecture="llama", metadata=keys)
    setting = graph.Setting(640, 1024, 0, 1, "F16", True, False, 128)
    first, second = (prepare(shape).buffers.passes(setting) for shape in (made, other))
    layers = len(first.trunk.blocks)
    assert first.trunk.make != second.trunk.make
    spans = ((layers // 2, layers),)
    walked: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "ready_tape", lambda *_: None)
        peaks = first.layout("h", spans, [], False).peaks
        patch.setattr(arena, "walk", lambda *parts: walked.append(parts) or walk(*parts))
        assert second.layout("h", spans, [], False).peaks == peaks
    assert not walked


def test_a_program_reads_only_its_own_matrices_in_ram() -> None:
    def listed_as(weight: str) -> program.Program:
        made = program.Program()
        made.new("y", "e", "x", w=weight)
        made.same("x", "e", "y", "x")
        return made

    one, same, other = listed_as("attn_q"), listed_as("attn_q"), listed_as("attn_k")
    here, there = frozenset(("attn_q", "ffn_up")), frozenset(("attn_q", "ffn_down"))
    assert one.tape(here, False) is same.tape(there, False)
    assert one.tape(here, False).fetches
    assert not other.tape(here, False).fetches
    assert one.tape(here, False) is not one.tape(frozenset(), False)
    assert one.tape(here, False) is not one.tape(here, True)


def test_the_allocator_takes_the_smallest_hole_and_joins_its_neighbours() -> None:
    # 0: 10 bytes, 1: 4, 2: 6, 3: 4; then 0 and 2 are holes, 6 fits the smaller one
    events = [(0, 0), (1, 1), (2, 2), (3, 1), (0, FREE), (2, FREE), (4, 2), (1, FREE), (4, FREE), (5, 3)]
    found = walk(Side(tuple(events), (), ((0, 5), (1, 3), (2, -1)), {}), (10, 4, 6, 20), ((), ()), ())
    assert found.moves == ((0, 0, 20), (1, 20, 4), (2, 0, 0))
    assert (found.end, found.top, found.holes) == (24, 24, ((), ()))
    ends = walk(Side(((0, FREE), (1, FREE)), (0, 1), (), {}), (), ((-30,), (5,)), ((-25, 10), (-7, 7)))
    assert (ends.end, ends.holes) == (-7, ((-23,), (15,)))


def table() -> tuple[Table, tuple[Tensor, ...]]:
    norm, gate, up = Tensor(".attn_norm.weight", (64,), "F32"), "ffn_gate_exps.weight", "ffn_up_exps.weight"
    dense = (norm, Tensor(".ffn_up.weight", (64, 33), "Q8_0"))
    mixed = (norm, Tensor("." + gate, (64, 9, 3), "F16"), Tensor("." + up, (64, 9, 3), "Q4_0"))
    before = [Tensor("token_embd.weight", (64, 100), "Q4_0")]
    behind = [Tensor("output.weight", (64, 100), "Q4_0"), Tensor("v.tower.weight", (77,), "I8")]
    blocks = (dense, mixed, mixed, dense)
    flat = [*before]
    for i, block in enumerate(blocks):
        flat += [tensor._replace(name=f"blk.{i}{tensor.name}") for tensor in block]
    return Table(before, blocks, behind), (*flat, *behind)


def test_a_table_that_says_equal_blocks_once_is_the_table() -> None:
    short, flat = table()
    assert tuple(short) == flat
    assert (len(short), short[2], short[-2:]) == (len(flat), flat[2], flat[-2:])
    assert short.size_bytes == sum(tensor.size_bytes for tensor in flat)
    more = short.followed_by(Tensor("mtp.block.weight", (5,), "I8"))
    assert tuple(more)[:-1] == flat
    shapes = [ModelShape("llama", {"llama.block_count": 4}, tensors, 1 << 20) for tensors in (short, flat)]
    rows = [tensor_rows(shape) for shape in shapes]
    assert rows[0] == rows[1]
    assert all(found.blocks[1] is found.blocks[2] for found in rows)
    spans = [FileSpans(shape, 4, 3) for shape in shapes]
    for shares in ([], [Share(2)], [Share(4, 3)], [Share(5, 2)], [Share(1), Share(3, 1)]):
        assert spans[0].in_ram(shares) == spans[1].in_ram(shares) > 0, shares
    assert spans[0].on_device(1, 3, True, True) == spans[1].on_device(1, 3, True, True) > 0
