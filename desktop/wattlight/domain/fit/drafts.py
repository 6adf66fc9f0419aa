"""Speculative drafts: which one the server starts.

Names and rules are the engine's: MTP blocks inside a model or in a file of their own, DFlash files, the
assistants of Gemma 4.
"""

from dataclasses import dataclass
from enum import StrEnum

from .architecture_tables import OWN_DRAFT_CACHE
from .prepared import PreparedModel
from .result import FitOptions
from .weights import renamed_drafts

DEFAULT_LENGTH = 4
"""``draft_num_predict`` of a model with a draft layer that does not set it."""
_DFLASH_BLOCK = 16

NO_GRAPH = frozenset(("glm4moe", "glm4", "exaone4", "exaone-moe", "bailingmoe2", "nemotron_h"))
"""Their files have drafting blocks, but the engine cannot compute them: the first request ends it."""
APART = OWN_DRAFT_CACHE - {"minimax-01"} | {"nemotron_h_moe", "bailingmoe3"}
"""The drafting context caches the drafting blocks alone; of all others it caches every block again."""
ROLLBACK = frozenset(("qwen35", "qwen35moe", "nemotron_h", "nemotron_h_moe", "deepseek4"))
"""Their recurrent state is kept once more for every drafted token."""
MEASURED_DRAFTS = frozenset(("qwen35", "qwen35moe", "qwen3next"))
STOPS_EARLY = "qwen3next"
"""Its drafting block keeps one row for the feed-forward part; its state is saved before each draft."""


class DraftKind(StrEnum):
    EMBEDDED = "embedded"
    """Blocks at the end of the model itself."""
    SEPARATE = "separate"
    """The same kind of blocks in a file of their own."""
    ASSISTANT = "assistant"
    DFLASH = "dflash"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as the server would start it.

    Attributes:
        length: tokens asked for; the engine may draft fewer, but keeps copies for all.
        main: the model as it is loaded beside this draft.
        model: holds the drafting blocks: the same, or the draft's own file.
        fault: why it cannot work, the code of a reason; empty otherwise.
    """

    kind: DraftKind
    length: int
    main: PreparedModel
    model: PreparedModel
    fault: str = ""

    @property
    def states(self) -> int:
        """Recurrent states kept per slot."""
        return 1 + self.length if self.main.arch.name in ROLLBACK else 1

    @property
    def apart(self) -> bool:
        """Its cache holds its own blocks only."""
        return self.kind is not DraftKind.EMBEDDED or self.main.arch.name in APART

    @property
    def targets(self) -> int:
        """Layers of the model whose values a DFlash draft reads."""
        layers = self.model.shape.metadata.get("dflash.target_layers")
        return len(layers) if isinstance(layers, tuple) else 0

    @property
    def has_own_output(self) -> bool:
        names = {tensor.name for tensor in self.model.shape.outside}
        return "output.weight" in names or "token_embd.weight" in names

    @property
    def renamed(self) -> bool:
        """Its blocks have old names, which the engine can only change while it reads the file."""
        return self.kind is DraftKind.EMBEDDED and renamed_drafts(self.main.shape) > 0

    @property
    def drafted(self) -> int:
        """Tokens really drafted at a time."""
        if self.kind is DraftKind.DFLASH:
            block = self.model.shape.metadata.get("dflash.block_size", _DFLASH_BLOCK)
            return min(self.length, max(1, block - 1)) if isinstance(block, int) else self.length
        heads = self.model.arch.layers - self.model.arch.trunk
        return min(self.length, heads) if heads > 1 else self.length


def draft_of(prepared: PreparedModel, options: FitOptions) -> Draft | None:
    """The draft the server would start for ``prepared``, None without one.

    A draft file drafts unless that is set to 0; blocks inside the model only if a length is set.
    """
    asked = prepared.shape.draft_length if options.draft is None else options.draft
    if prepared.draft_file is not None:
        length = DEFAULT_LENGTH if asked is None else asked
        return _from_file(prepared, prepared.draft_file, length) if length > 0 else None
    if not asked or asked <= 0:
        return None
    main = prepared.drafting
    if main.arch.trunk == main.arch.layers:
        return None
    fault = "draft_crashes" if main.arch.name in NO_GRAPH else ""
    return Draft(DraftKind.EMBEDDED, asked, main, main, fault)


def _from_file(main: PreparedModel, model: PreparedModel, length: int) -> Draft:
    arch = model.arch
    if arch.name == "dflash":
        return Draft(DraftKind.DFLASH, length, main, model)
    if arch.name == "gemma4-assistant":
        return Draft(DraftKind.ASSISTANT, length, main, model)
    fault = "draft_crashes" if arch.name in NO_GRAPH else ""
    if arch.trunk == arch.layers:
        fault = "draft_refused"
    return Draft(DraftKind.SEPARATE, length, main, model, fault)
