"""A model's header worked out from the catalogue: its geometry, its quantization's rules, its file's bytes.

Which matrix is stored how follows llama.cpp's rules for each quantization (more bits for attention values and
feed-forward outputs of the first and last eighth of the blocks and every third between, and so on); where a
file was made by other rules, the catalogue states its types. What does not add up is scaled until it does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log

from wattlight.domain.fit import Confidence

from ..entry import CatalogEntry, CatalogTag, Layout, Proof, TensorGroup
from ..shape import TYPE_BY_NAME, MetadataValue, ModelShape, ShapeSource, Table, Tensor, of_each

_BASE = {
    "Q2_K": "Q2_K", "Q3_K_S": "Q3_K", "Q3_K_M": "Q3_K", "Q3_K_L": "Q3_K", "Q4_0": "Q4_0", "Q4_1": "Q4_1",
    "Q4_K_S": "Q4_K", "Q4_K_M": "Q4_K", "QAT": "Q4_0", "Q5_0": "Q5_0", "Q5_1": "Q5_1", "Q5_K_S": "Q5_K",
    "Q5_K_M": "Q5_K", "Q6_K": "Q6_K", "Q8_0": "Q8_0", "MXFP4": "Q8_0", "BF16": "BF16", "FP16": "F16",
    "F16": "F16",
}  # fmt: skip
_FULL_PRECISION = (
    "_norm", "ffn_gate_inp", "conv1d", "shortconv.conv", "token_types", "position_embd", "altup_router",
    "altup_correct", "altup_predict",
)  # fmt: skip
_SIXTEEN_BITS = ("altup_proj", "altup_unembd", "per_layer_model_proj", ".laurel_")
_FALLBACK = {"Q2_K": "IQ4_NL", "Q3_K": "IQ4_NL", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""Stored so where the rows are no multiple of 256 values."""
_DOWN = {"Q2_K": "Q3_K", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K"}
_VALUES = {"Q2_K": "Q4_K", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K"}
_OUTPUT = {"Q2_K": "Q3_K", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K"}
_FUSED = {"Q3_K_M": "Q4_K", "Q3_K_L": "Q4_K", "Q4_K_M": "Q5_K", "Q5_K_M": "Q6_K"}
_MORE = frozenset(("Q4_K_M", "Q5_K_M"))
_MIXED = frozenset(("Q4_K_M", "Q5_K_M", "Q4_K_S", "Q3_K_M"))
"""Quantizations that store like matrices of different blocks differently."""
_EARLY_DOWN = {"Q4_K_S": 8, "Q3_K_M": 16}
"""The first of so many parts of the blocks store feed-forward outputs with more bits."""
_EARLY_VALUES = {"Q4_K_S": 4, "Q3_K_M": 2}
"""So many of the first blocks store attention values with more bits."""
_SEVENTY_BILLION_LAYERS = 80
"""Models of so many layers store attention values with five bits instead of three or four."""


ADDS_UP = 0.002
"""Share of a file's bytes by which its parts may miss them and still tell how it is made."""


@dataclass(frozen=True, slots=True)
class EstimatedShape:
    """A shape and how far what is worked out from it can be trusted at best."""

    shape: ModelShape
    confidence: Confidence


def estimate_shape(entry: CatalogEntry, tag: CatalogTag, layout: Layout) -> EstimatedShape:
    """The shape of ``tag`` of ``entry``.

    Where only a rounded size is listed and the parts come to another, the largest that rounds to it is
    taken: what is said to fit does.
    """
    default = tag is entry.default_tag
    tensors = tensors_of(layout, tag.quant, default, joined=True)
    inside = layout.vision_bytes + layout.header_bytes
    draft = _draft_of(layout) if default else None
    held = tensors.size_bytes
    parts = held + inside
    known = entry.model_bytes if default else None
    if known is not None:
        total, hidden = known, layout.hidden_bytes
        fits = abs(known - parts - hidden) <= known * ADDS_UP
    else:
        high = tag.bytes_listed + tag.slack_bytes - entry.projector_bytes
        high -= draft.file_bytes if draft else 0
        low = high - 2 * tag.slack_bytes
        hidden = max(
            0 if draft else _draft_block(layout, tag, tensors), min(2 * layout.hidden_bytes, low - parts)
        )
        fits = low <= parts + hidden <= high
        total = parts + hidden if fits else high
    if not fits:
        tensors = _scaled(tensors, total - inside - hidden)
        held = tensors.size_bytes
    for name, size in (("v.tower.weight", layout.vision_bytes), ("mtp.block.weight", hidden)):
        if size:
            tensors = tensors.followed_by(Tensor(name, (size,), "I8"))
    shape = ModelShape(
        architecture=layout.architecture,
        metadata=_metadata(layout) | {f"{layout.architecture}.context_length": entry.context},
        tensors=tensors,
        file_bytes=total,
        data_offset=max(0, total - held - layout.vision_bytes - hidden),
        projector_bytes=entry.projector_bytes,
        family=layout.architecture,
        source=ShapeSource.HEADER if known and layout.proof is Proof.HEADER else ShapeSource.CATALOGUE,
        embedding_only="completion" not in entry.capabilities,
        vision="vision" in entry.capabilities,
        digest=entry.blob_digest if known else "",
        stand_in=layout.stand_in,
        rounded=known is None and tag.slack_bytes > 0,
        draft=draft,
        draft_length=tag.draft_length,
    )
    if known is None or not fits or layout.stand_in:
        return EstimatedShape(shape, Confidence.LOW)
    return EstimatedShape(shape, Confidence.HIGH if layout.proof is Proof.HEADER else Confidence.MEDIUM)


PARAMETERS_APART = 1.5
"""A model of so many times the parameters is no stand-in."""


def stand_in(
    entries: Iterable[CatalogEntry],
    told: Mapping[str, MetadataValue],
    architecture: str,
    parameters: int,
    quant: str,
    size: int,
) -> ModelShape | None:
    """The shape of a file of ``size`` bytes of which the server tells no tensors.

    It is that of the catalogue's model of this architecture nearest in parameters, and named as its
    stand-in unless what is ``told`` of the header is the same geometry. None where nothing comes near.
    """

    def same(layout: Layout) -> bool:
        prefix = f"{layout.architecture}."
        return all(
            told.get(prefix + key) == layout.keys.get(key) is not None
            for key in ("block_count", "embedding_length")
        )

    near = [
        (not same(entry.layout), abs(log(entry.params_total / max(1, parameters))), entry.name, entry)
        for entry in entries
        if entry.layout and entry.params_total and entry.layout.architecture == architecture
    ]
    if parameters <= 0 or not near:
        return None
    other, distance, name, entry = min(near)
    if distance > log(PARAMETERS_APART) or entry.layout is None:
        return None
    layout = replace(entry.layout, stand_in=entry.layout.stand_in or name if other else "", draft=None)
    tag = CatalogTag(name, quant or entry.quant or "", size, 0, "gguf")
    shape = estimate_shape(replace(entry, projector_bytes=0), tag, layout).shape
    if sum(tensor.size_bytes for tensor in shape.tensors) > size:
        return None
    own = {} if other else {key: value for key, value in told.items() if key.startswith(architecture)}
    return replace(shape, metadata={**shape.metadata, **own})


def _draft_of(layout: Layout) -> ModelShape | None:
    if layout.draft is None:
        return None
    tensors = tensors_of(layout.draft, "", default=True)
    size = layout.draft.header_bytes + tensors.size_bytes
    return ModelShape(
        layout.draft.architecture,
        _metadata(layout.draft),
        tensors,
        size,
        layout.draft.header_bytes,
        source=ShapeSource.CATALOGUE,
    )


def _metadata(layout: Layout) -> dict[str, MetadataValue]:
    return {f"{layout.architecture}.{key}": value for key, value in layout.keys.items()}


def _draft_block(layout: Layout, tag: CatalogTag, tensors: Table) -> int:
    """Bytes a build that drafts has for that at least: a block like the model's."""
    blocks = Table((), tensors.blocks).size_bytes if tag.draft_length else 0
    return blocks // layout.number("block_count")


def tensors_of(layout: Layout, quant: str, default: bool, joined: bool = False) -> Table:
    """The tensor table of a file in ``quant``; ``default``: of the default tag, whose types may be stated.

    ``joined``: what is placed together (all of a block but its feed-forward matrices) is one tensor, except
    in the first block of each make-up, so that a list of models is quick to work out.
    """
    rules = _Rules(layout, quant)
    layers = layout.number("block_count")
    outside = [
        Tensor(group.name, group.dims, group.types if default and group.types else rules.type_of(group, 0))
        for group in layout.tensors
        if group.name[0] != "."
    ]
    groups = [group for group in layout.tensors if group.name[0] == "."]
    columns: dict[object, list[str]] = {}
    column_of = []
    for group in groups:
        where = blocks_of(group.blocks, layers)
        kinds = rules.types(group, where, default)
        alike = kinds[0] if kinds.count(kinds[0]) == len(kinds) else ""
        key = (group.blocks, "" if alike else tuple(kinds))
        if key not in columns:
            column = columns[key] = [""] * layers
            for block, kind in zip(where, kinds, strict=True):
                column[block] = kind
        column_of.append((list(columns).index(key), alike))
    rows = list(zip(*columns.values(), strict=True)) or [()] * layers
    spelled_out = _first_of_each(layout, layers) if joined else frozenset(range(layers))
    made: dict[object, tuple[Tensor, ...]] = {}
    found: dict[object, tuple[Tensor, ...]] = {}
    blocks = []
    for block, row in enumerate(rows):
        whole = block in spelled_out
        known = found.get((row, whole))
        if known is None:
            own = [
                Tensor(group.name, group.dims, alike or row[column])
                for group, (column, alike) in zip(groups, column_of, strict=True)
                if row[column]
            ]
            own = own if whole else _put_together(own)
            known = found[row, whole] = made.setdefault(tuple(own), tuple(own))
        blocks.append(known)
    return Table(outside, blocks)


def _put_together(tensors: list[Tensor]) -> list[Tensor]:
    """What is placed together of a block as one tensor each, behind the others."""
    sizes = dict.fromkeys(_TOGETHER, 0)
    apart = []
    for tensor in tensors:
        part = _part(tensor.name)
        if part is None:
            apart.append(tensor)
        else:
            sizes[part] += tensor.size_bytes
    return apart + [Tensor(part, (size,), "I8") for part, size in sizes.items() if size]


def _first_of_each(layout: Layout, layers: int) -> frozenset[int]:
    """The first block of each make-up."""
    ranges = {group.blocks: None for group in layout.tensors if group.name[0] == "." and group.blocks}
    columns = []
    for where in ranges:
        column = [False] * layers
        for block in blocks_of(where, layers):
            column[block] = True
        columns.append(column)
    makeup = list(zip(*columns, strict=True)) or [()] * layers
    return frozenset(makeup.index(kind) for kind in set(makeup))


_TOGETHER = (".attn.weight", ".ffn_gate_shexp.weight")


@lru_cache(maxsize=512)
def _part(name: str) -> str | None:
    """The tensor of ``_TOGETHER`` that ``name`` may be part of; None for matrices that buffers depend on."""
    if name.startswith((".ffn_gate_inp", ".ffn_gate_shexp")):
        return _TOGETHER[1]
    return None if name.startswith((".ffn_down", ".ffn_gate", ".ffn_up")) else _TOGETHER[0]


@lru_cache(maxsize=512)
def blocks_of(ranges: str, layers: int) -> tuple[int, ...]:
    """The blocks of "0-2,5"; all ``layers`` where it is empty."""
    if not ranges:
        return tuple(range(layers))
    ends = [part.partition("-") for part in ranges.split(",")]
    return tuple(block for first, _, last in ends for block in range(int(first), int(last or first) + 1))


@lru_cache(maxsize=512)
def _is_full_precision(name: str) -> bool:
    return not name.endswith(".weight") or any(part in name for part in _FULL_PRECISION)


def _more_bits(index: int, count: int) -> bool:
    return index < count // 8 or index >= 7 * count // 8 or (index - count // 8) % 3 == 2


class _Rules:
    """How one quantization stores each tensor of one model."""

    def __init__(self, layout: Layout, quant: str) -> None:
        self._quant = quant
        self._base = _BASE.get(quant, "Q4_K")
        self._varies = quant in _MIXED
        self._layers = layout.number("block_count")
        self._tied = all(group.name != "output.weight" for group in layout.tensors)
        self._eight_experts = layout.number("expert_count") == 8
        self._value_place: dict[tuple[int, str], int] = {}
        if self._varies:
            values = [
                (block, group.name)
                for group in layout.tensors
                if group.name in {".attn_v.weight", ".attn_qkv.weight", ".attn_kv_b.weight"}
                for block in blocks_of(group.blocks, self._layers)
            ]
            self._value_place = {item: place for place, item in enumerate(sorted(values))}

    def types(self, group: TensorGroup, where: tuple[int, ...], default: bool) -> list[str]:
        """One type for each block of ``where``."""
        if default and group.types:
            runs = [part.partition("*") for part in group.types.split(",")]
            if len(runs) == 1:
                return [runs[0][0]] * len(where)
            return [kind for kind, _, count in runs for _ in range(int(count or 1))]
        if self._varies and group.name.startswith((".ffn_down", ".attn_v.")):
            known: dict[object, str] = {}
            return [
                known.get(v) or known.setdefault(v, self.type_of(group, block))
                for v, block in zip(self._variants(group.name, where), where, strict=True)
            ]
        return [self.type_of(group, where[0])] * len(where)

    def _variants(self, name: str, where: tuple[int, ...]) -> list[bool]:
        """For each block whether it is one of those whose matrix ``name`` gets more bits."""
        count = self._layers
        if name == ".attn_v.weight":
            where, count = tuple([self._value_place[block, name] for block in where]), len(self._value_place)
            early = _EARLY_VALUES.get(self._quant, 0)
        else:
            early = count // _EARLY_DOWN[self._quant] if self._quant in _EARLY_DOWN else 0
        if self._quant in _MORE:
            return [_more_bits(place, count) for place in where]
        return [place < early for place in where]

    def type_of(self, group: TensorGroup, block: int) -> str:
        name, dims = group.name, group.dims
        if len(dims) < 2 or _is_full_precision(name):
            return "F32"
        if self._base in {"F16", "BF16"}:
            return self._base
        if any(part in name for part in _SIXTEEN_BITS):
            return "F16"
        if self._quant == "MXFP4":
            return "MXFP4" if len(dims) > 2 else "Q8_0"
        kind = self._wanted(name, dims, block)
        if dims[0] % TYPE_BY_NAME[kind].block:
            kind = _FALLBACK.get(kind, "F16")
        return "F16" if dims[0] % TYPE_BY_NAME[kind].block else kind

    def _wanted(self, name: str, dims: tuple[int, ...], block: int) -> str:
        quant, base = self._quant, self._base
        if name == "output.weight" or (name == "token_embd.weight" and self._tied):
            return base if base == "Q8_0" else "Q8_0" if dims[0] % 256 else "Q6_K"
        if name in {".attn_v.weight", ".attn_k.weight"} and self._eight_experts:
            return "Q8_0"
        if name == ".attn_v.weight":
            return self._values(self._value_place.get((block, name), 0))
        if name.startswith(".ffn_down"):
            if quant in _MORE and _more_bits(block, self._layers):
                return "Q6_K"
            early = _EARLY_DOWN.get(quant)
            if early and block < self._layers // early:
                return "Q5_K"
            return _DOWN.get(quant, base)
        if name == ".attn_output.weight":
            if self._eight_experts and quant in {"Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M"}:
                return "Q5_K"
            return _OUTPUT.get(quant, base)
        return _FUSED.get(quant, base) if name == ".attn_qkv.weight" else base

    def _values(self, place: int) -> str:
        if self._quant in _MORE and _more_bits(place, len(self._value_place)):
            return "Q6_K"
        early = _EARLY_VALUES.get(self._quant, 0)
        kind = "Q5_K" if place < early else _VALUES.get(self._quant, self._base)
        many = self._layers == _SEVENTY_BILLION_LAYERS
        return "Q5_K" if many and kind in {"Q3_K", "Q4_K"} else kind


def _scaled(tensors: Table, wanted: int) -> Table:
    """``tensors`` with their matrices scaled until all come to ``wanted`` bytes; the token table is kept."""
    kept = {"token_embd.weight", "output.weight"}
    fixed = sum(t.size_bytes for t in tensors.before if t.type_name == "F32" or t.name in kept)
    fixed += sum(of_each(tensors.blocks, lambda b: sum([t.size_bytes for t in b if t.type_name == "F32"])))
    whole = tensors.size_bytes - fixed
    if whole <= 0 or wanted <= fixed:
        return tensors
    factor = (wanted - fixed) / whole

    def scaled(table: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(
            t
            if t.type_name == "F32" or t.name in kept
            else Tensor(t.name, (int(t.size_bytes * factor),), "I8")
            for t in table
        )

    out = Table(scaled(tensors.before), of_each(tensors.blocks, scaled))
    rest = wanted - out.size_bytes
    return out.followed_by(Tensor("output_scale.weight", (rest,), "I8")) if rest else out
