"""What the adviser says of one model."""

from dataclasses import dataclass

from wattlight.domain.entry import CatalogEntry
from wattlight.domain.fit import Confidence, FitResult, Reason
from wattlight.domain.shape import ShapeSource
from wattlight.domain.speed import SpeedRange


@dataclass(frozen=True, slots=True)
class Opinion:
    """How one model fits one machine.

    Attributes:
        fit: None where nothing is known of the model; ``reason`` then says why, in a sentence.
        source: a header is exact, a catalogue entry an estimate.
        largest_full_gpu_context: most tokens with which it stays wholly on the GPU, None if not at all.
        architecture: as the header or the catalogue names it.
        reasons: why the verdict is so, and what would change it.
        download_bytes: over the wire; None where not known.
        entry: what the catalogue says of it, None if it is not listed.
    """

    name: str
    fit: FitResult | None = None
    speed: SpeedRange | None = None
    largest_full_gpu_context: int | None = None
    trained_context: int | None = None
    confidence: Confidence = Confidence.LOW
    source: ShapeSource | None = None
    architecture: str = ""
    reasons: tuple[Reason, ...] = ()
    download_bytes: int | None = None
    entry: CatalogEntry | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One model at several context lengths; empty where nothing is known of it.

    ``largest_eight_bit_context``: most tokens that stay wholly on the GPU with a q8_0 cache.
    """

    steps: tuple[FitResult, ...] = ()
    largest_eight_bit_context: int | None = None
