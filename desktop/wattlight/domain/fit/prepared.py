"""Per-model work done once, so that a fit is quick."""

from dataclasses import dataclass

from wattlight.domain.shape import ModelShape


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A shape with everything that does not depend on the machine worked out."""

    shape: ModelShape
    layers: int
    context_trained: int | None
    weights_bytes: int
