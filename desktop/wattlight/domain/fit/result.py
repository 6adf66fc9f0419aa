"""What a fit answers with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Where a model would run; ``no`` is an answer too."""

    FULL_GPU = "full_gpu"
    PARTIAL_GPU = "partial_gpu"
    CPU = "cpu"
    NO = "no"


class Confidence(StrEnum):
    """How far the figures can be trusted: header and measured architecture, or less."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def at_most(self, other: "Confidence") -> "Confidence":
        return max(self, other, key=list(Confidence).index)


class ContextSource(StrEnum):
    """Who chose the context: the person, the model, a setting of the server, or the tier of its devices."""

    ASKED = "asked"
    MODEL = "model"
    SETTING = "server_setting"
    TIER = "server_default"
    STEPPED_DOWN = "server_stepped_down"


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What is asked for; None takes the server's setting or its default.

    Attributes:
        context: tokens per slot; None: the server's default for this machine.
        kv_type: type of the KV cache ("f16", "q8_0").
        parallel: slots.
        batch: None lets the server's batch rule choose.
        flash_attention: ``auto``, ``on`` or ``off``.
        gpu_layers: None lets the engine choose, 0 is CPU, n forces n layers.
        spread: use all accelerators even where one would do.
        draft: tokens drafted at a time (``draft_num_predict``), 0 for no draft; None takes the model's own.
        unloaded: answer for the memory as it would be with these bytes more free on each device
            (the resident model unloaded), by device id.
    """

    context: int | None = None
    kv_type: str | None = None
    parallel: int | None = None
    batch: int | None = None
    flash_attention: str | None = None
    gpu_layers: int | None = None
    spread: bool = False
    draft: int | None = None
    unloaded: tuple[tuple[str, int], ...] = ()


class DeviceUse(NamedTuple):
    """Bytes on one accelerator; ``free_bytes`` is what it had before."""

    id: str
    name: str
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    free_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


class HostUse(NamedTuple):
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


@dataclass(frozen=True, slots=True)
class DraftUse:
    """A speculative draft's part of the memory of a fit, wherever it lies.

    Attributes:
        kind: ``embedded``, ``separate``, ``assistant`` or ``dflash``.
        length: tokens drafted at a time.
        state_bytes: copies of the recurrent state beyond the one every model keeps.
        compute_bytes: its own buffers, and what it makes the model's buffer grow by.
        output_bytes: what the output buffers in RAM grow by at the first requests.
        counted: the engine counts it when it fits the model; else it comes on top.
        saves_state: the model's state is copied to RAM before each draft, which takes its gain away.
    """

    kind: str
    length: int
    weights_bytes: int
    kv_bytes: int
    state_bytes: int
    compute_bytes: int
    output_bytes: int
    counted: bool
    saves_state: bool

    @property
    def total_bytes(self) -> int:
        parts = self.weights_bytes + self.kv_bytes + self.state_bytes
        return parts + self.compute_bytes + self.output_bytes


class FitResult(NamedTuple):
    """Memory a model would take on a machine, and what the server would report.

    Attributes:
        context_asked: what ``context_source`` names, before it is cut to what the model can.
        layers_total: blocks plus the output unit.
        layers_on_gpu: of these, on accelerators.
        expert_blocks_in_ram: blocks whose experts (all or some) are in RAM although the block is on a GPU.
        spare_bytes: over the used devices: free - margin - used; negative if it does not fit. On a machine
            without accelerator: available RAM less what is used.
        missing_bytes: what devices lack for all layers and experts, 0 if everything fits (or without device).
        projector_bytes: of a vision projector on a device, beside the sums here; 0 without, and where it is
            in RAM and among the weights there.
        uncertainty_bytes: half width of the range around the total.
        obstacle: why the verdict is ``no``, a short word; empty otherwise.
        draft: a speculative draft's part of all this, None without one.
    """

    verdict: Verdict
    layers_total: int
    layers_on_gpu: int
    expert_blocks_in_ram: int
    devices: tuple[DeviceUse, ...]
    host: HostUse
    batch: int
    context: int
    context_asked: int
    kv_type: str
    parallel: int
    flash_attention: bool
    reported_size_bytes: int
    reported_vram_bytes: int
    spare_bytes: int
    missing_bytes: int
    projector_bytes: int
    uncertainty_bytes: int
    confidence: Confidence
    obstacle: str = ""
    draft: DraftUse | None = None
    context_source: ContextSource = ContextSource.ASKED

    @property
    def gpu_bytes(self) -> int:
        return sum(device.total_bytes for device in self.devices)

    @property
    def host_bytes(self) -> int:
        return self.host.total_bytes

    @property
    def needed_bytes(self) -> int:
        """What it takes in all: on the devices, in RAM, and the projector."""
        return self.gpu_bytes + self.host_bytes + self.projector_bytes
