"""Per-model work done once, so that a fit is quick."""

from collections.abc import Iterable

from ..entry import WholeBuffers
from ..shape import ModelShape, ShapeSource, of_each
from .architecture import Architecture, read_architecture
from .architecture_tables import NORM_IN_OUTPUT, TIED_TWICE, UNMODELLED_CACHE, WITHOUT_OUTPUT
from .cache import CacheLayout, lay_out
from .file_spans import FileSpans
from .graph import Buffers
from .result import Confidence
from .weights import Row, Weights, hidden_bytes, is_expert, outside_kind, tensor_rows, weigh

FLASH_HEADS = frozenset((40, 64, 72, 80, 96, 112, 128, 256, 512))
"""Lengths of key and value that CUDA's flash attention has."""


class PreparedModel:
    """A shape with everything that does not depend on the machine worked out.

    Layouts per backend and cache type are made on first use and kept. Safe to share between threads: a
    layout made twice is the same.
    """

    __slots__ = (
        "_cache",
        "_draft_file",
        "_drafting",
        "_flash_heads",
        "_loaded",
        "_rows",
        "_spans",
        "_weights",
        "arch",
        "base_confidence",
        "buffers",
        "drafts",
        "embedding_only",
        "projector_bytes",
        "seen",
        "sees",
        "shape",
        "vocabulary",
    )

    def __init__(
        self, shape: ModelShape, drafts: bool = False, whole: WholeBuffers | None = None, divided: str = ""
    ) -> None:
        """``drafts``: the blocks that only draft are loaded too; the others: worked out before."""
        self.shape, self.drafts = shape, drafts
        loaded = tensor_rows(shape, drafts)
        arch = self.arch = read_architecture(shape, loaded, drafts)
        self._rows = rows = loaded.trunk(arch.trunk)
        self._loaded = loaded if drafts else rows
        self.buffers = Buffers(arch, rows, whole, divided, shape.file_bytes)
        self.projector_bytes = shape.projector_bytes or hidden_bytes(shape)
        self.sees = shape.vision or self.projector_bytes > 0
        self.embedding_only = _embeds(shape, self.arch)
        self.vocabulary = _vocabulary(shape)
        self.seen: object = None
        """What was last worked out about a machine; see ``plan.surroundings``."""
        self.base_confidence = _confidence(shape, self)
        self._spans: FileSpans | None = None
        self._weights: dict[str, Weights] = {}
        self._cache: dict[tuple[str, bool, int, str], CacheLayout] = {}
        self._flash_heads: bool | None = None
        self._drafting: PreparedModel | None = None
        self._draft_file: PreparedModel | None = None

    @property
    def drafting(self) -> "PreparedModel":
        """The same model with the blocks that only draft loaded too."""
        if self.drafts:
            return self
        if self._drafting is None:
            self._drafting = PreparedModel(self.shape, drafts=True)
        return self._drafting

    @property
    def draft_file(self) -> "PreparedModel | None":
        """The draft that the server has as a file of its own, None without one."""
        if self._draft_file is None and self.shape.draft is not None:
            self._draft_file = PreparedModel(self.shape.draft, drafts=True)
        return self._draft_file

    @property
    def draft_blocks_bytes(self) -> int:
        """Bytes of the blocks that only draft, where they are loaded."""
        return sum(row.size for body in self._loaded.blocks[self.arch.trunk :] for row in body)

    @property
    def draft_expert_bytes(self) -> int:
        """Bytes of the largest expert matrix of a block that only drafts, 0 without one."""
        drafting = self._loaded.blocks[self.arch.trunk :]
        return max((row.size for body in drafting for row in body if is_expert(row.part)), default=0)

    @property
    def layers(self) -> int:
        return self.arch.layers

    @property
    def context_trained(self) -> int | None:
        """Trained context in tokens, None if the header does not say."""
        return self.arch.context_trained or None

    @property
    def weights_in_ram(self) -> Weights:
        """The weights as any backend has them: what lies in RAM is the same for all."""
        return next(iter(self._weights.values()), None) or self.weights("cpu", 512)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all weights of the text model, as they lie in RAM without an accelerator."""
        weights = self.weights_in_ram
        return weights.host_sum[-1] + weights.input_host + weights.output_host + weights.rope_host

    @property
    def flash_heads(self) -> bool:
        """Whether CUDA's flash attention has the model's sizes of heads."""
        if self._flash_heads is None:
            self._flash_heads = _flash_heads(self.arch)
        return self._flash_heads

    @property
    def spans(self) -> FileSpans:
        if self._spans is None:
            self._spans = FileSpans(
                self.shape, self.arch.layers, self.arch.layers if self.drafts else self.arch.trunk
            )
        return self._spans

    @property
    def token_matrix_bytes(self) -> int:
        """Bytes of the token matrix, which a tied model reads as its output for every token."""
        return next((row.size for row in self._rows.outside if row.part == "token_embd.weight"), 0)

    @property
    def active_parameters(self) -> int:
        """Parameters that take part in computing a token: of the experts those used, no input matrix."""
        arch = self.arch
        share = arch.experts_used / arch.experts if arch.experts else 1.0
        read = [row for row in self._rows.outside if outside_kind(row.part, False) != "input"]
        blocks = of_each(self._rows.blocks, lambda body: _parameters(body, share))
        return max(1, round(_parameters(read, share) + sum(blocks)))

    def weights(self, backend: str, row_pad: int) -> Weights:
        """The weights as ``backend`` stores them."""
        found = self._weights.get(backend)
        if found is None:
            found = self._weights[backend] = weigh(
                self._loaded,
                self.arch.layers,
                backend,
                row_pad,
                self.arch.name in NORM_IN_OUTPUT,
                self.arch.name in TIED_TWICE,
                self.arch.name in WITHOUT_OUTPUT,
            )
        return found

    def cache(self, kv_type: str, flash: bool, row_pad: int, v_type: str = "") -> CacheLayout:
        key = (kv_type, flash, row_pad, v_type)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = lay_out(self.arch, kv_type, flash, row_pad, v_type)
        return found


def _parameters(rows: Iterable[Row], share: float) -> float:
    """Values in ``rows``, of experts ``share`` of them."""
    return sum(
        row.size * row.kind.block / row.kind.block_bytes * (share if is_expert(row.part) else 1.0)
        for row in rows
    )


def _flash_heads(arch: Architecture) -> bool:
    if not arch.heads or not any((*arch.full_k, *arch.swa_k)):
        return True
    k, v = arch.key_length, arch.value_length
    ratio = arch.heads // arch.kv_heads if arch.kv_heads else 1
    if k == v:
        return k in FLASH_HEADS
    return (
        (k == 192 and v == 128 and ratio % 8 == 0)
        or (k == 320 and v == 256 and ratio % 32 == 0)
        or (k == 576 and v == 512)
    )


def _embeds(shape: ModelShape, arch: Architecture) -> bool:
    """The server takes a model with a pooling type for one that embeds and cannot complete text."""
    if shape.embedding_only is not None:
        return shape.embedding_only
    return not arch.has_cache or f"{shape.architecture}.pooling_type" in shape.metadata


def _confidence(shape: ModelShape, prepared: "PreparedModel") -> Confidence:
    """The best that anything worked out from the shape can have."""
    arch = prepared.arch
    latent = f"{shape.architecture}.attention.kv_lora_rank" in shape.metadata
    if latent and not arch.mla:
        return Confidence.LOW  # a file made before the engine kept compressed rows: that way was not measured
    if not arch.measured or arch.name in UNMODELLED_CACHE or shape.adapter_bytes or shape.unknown_types:
        return Confidence.LOW
    exact = shape.source is ShapeSource.HEADER and not prepared.projector_bytes
    return Confidence.HIGH if exact else Confidence.MEDIUM


def _vocabulary(shape: ModelShape) -> int:
    for tensor in shape.outside:
        if tensor.name in {"output.weight", "token_embd.weight"} and len(tensor.dims) > 1:
            return tensor.dims[1]
    return 0
