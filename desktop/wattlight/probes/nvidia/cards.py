"""NVIDIA GPUs: which there are (from the bus), which may be asked (sleep gate), what they say (NVML)."""

from dataclasses import dataclass, replace

from wattlight.domain.values import Device, DeviceSample

from ..device_table import name_of
from ..linux.pci import ASLEEP, Adapter, IdleWatch, SleepGate
from ..numbers import Moment
from ..probe import Probe, ProbeContext, Processes, remember, resting, silenced
from ..report import Memory
from .device import NvidiaDevice, is_unified_name, unified_memory
from .nvml import FUNCTION_NOT_FOUND, GPU_IS_LOST, LIBRARY_NOT_FOUND, RESET_REQUIRED, NvmlFault
from .session import (
    ENDS_SESSION,
    NO_GPU_LISTED,
    NOT_PASSED,
    OTHER_ASLEEP,
    RELEASED,
    RESERVED,
    RESUMING,
    NvmlSession,
    sentence,
)

VENDOR_ID = 0x10DE
_LOST_S = 30.0


@dataclass(slots=True)
class _Card:
    """One NVIDIA function on the bus and what is known of it."""

    adapter: Adapter
    gate: SleepGate
    base: Device
    idle: IdleWatch
    word: str = ""
    device: NvidiaDevice | None = None
    generation: int = 0
    lost_until_s: float = float("-inf")
    losses: int = 0
    fault: int | None = None


def _refusal(card: _Card) -> str | None:
    """Why NVML is not to be asked about this card at all, None if it may be."""
    if card.adapter.driver == "vfio-pci":
        return RESERVED
    return sentence(LIBRARY_NOT_FOUND, False) if card.adapter.driver == "nouveau" else None


class NvidiaCards(Probe):
    """All NVIDIA GPUs on the bus; one part, because they share one driver."""

    key = "nvidia"

    def __init__(self, context: ProbeContext, adapters: list[Adapter]) -> None:
        self.signature = tuple(adapter.identity for adapter in adapters)
        self._context = context
        self._api = context.nvml()
        self._session = NvmlSession(self._api)
        self._processes = Processes(context.reader, context.contained)
        self._cards = [self._card(adapter) for adapter in adapters]

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        """Every card's row; NVML is used for the awake ones only."""
        for card in self._cards:
            card.word = card.gate.status()
            if card.word == "asleep":
                card.device = None
                card.idle.rearm()
        if not any(c.word == "awake" and not c.idle.released and _refusal(c) is None for c in self._cards):
            self.close()
        others_rest = any(card.word == "asleep" or card.idle.released for card in self._cards)
        return tuple(row for card in self._cards for row in self._rows(card, others_rest, now, memory))

    def engine_started(self) -> None:
        """A model was loaded: ask again even what was let go."""
        for card in self._cards:
            card.idle.rearm()

    def close(self) -> None:
        self._session.close()
        for card in self._cards:
            card.device = None

    def _card(self, adapter: Adapter) -> _Card:
        gate = SleepGate(self._context.reader, adapter)
        name, source = name_of(self._context.reader, adapter, True)
        base = Device(
            adapter.id,
            name,
            "cuda",
            integrated=is_unified_name("", adapter.pci_id),
            vendor="nvidia",
            driver=adapter.driver or None,
            name_source=source,
            pci_id=adapter.pci_id,
        )
        return _Card(adapter, gate, base, IdleWatch(gate.may_sleep()))

    def _rows(self, card: _Card, others_rest: bool, now: Moment, memory: Memory) -> list[DeviceSample]:
        if card.word == "asleep":
            return [self._resting(card, "asleep", ASLEEP)]
        if (reason := _refusal(card)) is not None:
            state = "unavailable" if reason == RESERVED else "active"
            return [self._silent(card, state, reason, memory)]
        if card.word == "resuming":
            return [self._resting(card, "active", RESUMING)]
        if card.idle.released:
            return [self._resting(card, "active", RELEASED)]
        if now.monotonic_s < card.lost_until_s:
            return [self._failed(card, card.fault or GPU_IS_LOST, memory, state="lost")]
        if not self._session.open(now.monotonic_s, others_rest):
            return [self._failed(card, self._session.fault or 0, memory)]
        try:
            return self._ask(card, others_rest, now, memory)
        except NvmlFault as fault:
            card.device = None
            if fault.code in {GPU_IS_LOST, RESET_REQUIRED}:
                self._lost(card, fault.code, now.monotonic_s)
            elif fault.code in ENDS_SESSION:
                self._session.lose(fault.code, now.monotonic_s)
            return [self._failed(card, fault.code, memory, others_rest)]

    def _ask(self, card: _Card, others_rest: bool, now: Moment, memory: Memory) -> list[DeviceSample]:
        if card.device is None or card.generation != self._session.generation:
            handle = self._session.handle_for(card.adapter.slot)
            card.device = NvidiaDevice(self._api, handle, card.base.id, self._processes, self._session.driver)
            card.generation = self._session.generation
        device = card.device
        row = device.look(card.base, now, memory)
        slices = device.slice_rows(row)
        self._session.worked()
        card.losses = 0
        remember(row, self._context.cache)
        if card.idle.note(row.load.value == 0 and not device.computing, now.monotonic_s):
            self.close()
        return [row, *slices]

    def _lost(self, card: _Card, code: int, at: float) -> None:
        """One card is gone: look again in half a minute, and open NVML anew if it is still gone then.

        While another card works the session is only cycled, which costs that one a single look.
        """
        card.lost_until_s, card.fault, card.losses = at + _LOST_S, code, card.losses + 1
        others = [c for c in self._cards if c is not card and _refusal(c) is None]
        if all(at < other.lost_until_s for other in others):
            self._session.lose(code, at)
        elif card.losses > 1:
            self.close()

    def _failed(
        self, card: _Card, code: int, memory: Memory, others_rest: bool = False, state: str = "active"
    ) -> DeviceSample:
        if code == 0:
            return self._silent(card, "unavailable", NO_GPU_LISTED, memory)
        if code == FUNCTION_NOT_FOUND and others_rest:
            return replace(self._silent(card, "active", OTHER_ASLEEP, memory), usable=True)
        contained = self._context.contained
        said = NOT_PASSED if code == LIBRARY_NOT_FOUND and contained else sentence(code, contained)
        return self._silent(card, "lost" if code == GPU_IS_LOST else state, said, memory)

    def _silent(self, card: _Card, state: str, reason: str, memory: Memory) -> DeviceSample:
        """A row of a card that cannot be asked, with what is remembered of it."""
        row = self._resting(card, state, reason)
        if row.device.integrated and state == "active":
            row = replace(row, memory=unified_memory(memory))
        return replace(row, usable=False, messages=(reason,))

    def _resting(self, card: _Card, state: str, reason: str) -> DeviceSample:
        return resting(card.base, state, reason, self._context.cache)


class NvidiaUnlisted(Probe):
    """NVIDIA GPUs that no bus shows: inside WSL, and Tegra boards whose driver has no sysfs load."""

    key = "nvidia-unlisted"

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._api = context.nvml()
        self._session = NvmlSession(self._api)
        self._processes = Processes(context.reader, context.contained)
        self._devices: dict[str, NvidiaDevice] = {}
        self._rows: dict[str, DeviceSample] = {}
        self._generation = 0

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        """A row for each GPU NVML lists; none without NVML."""
        if not self._session.open(now.monotonic_s, False):
            return self._lost(self._session.fault or 0)
        try:
            if self._generation != self._session.generation:
                self._find()
            rows = []
            for key, device in self._devices.items():
                row = device.look(self._rows[key].device, now, memory)
                self._rows[key] = row
                rows += [row, *device.slice_rows(row)]
            return tuple(rows)
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION:
                self._session.lose(fault.code, now.monotonic_s)
            return self._lost(fault.code)

    def close(self) -> None:
        self._session.close()

    def _find(self) -> None:
        self._devices, self._rows = {}, {}
        for handle in self._api.handles():
            slot = self._api.slot(handle)
            device = NvidiaDevice(
                self._api, handle, f"pci:{slot}" if slot else "", self._processes, self._session.driver
            )
            key = device.id or f"uuid:{device.uuid}"
            self._devices[key] = device
            known = Device(key, device.name, "cuda", vendor="nvidia", driver="nvidia", pci_id=device.pci_id)
            self._rows[key] = DeviceSample(known)
        self._generation = self._session.generation

    def _lost(self, code: int) -> tuple[DeviceSample, ...]:
        said = sentence(code, self._context.contained)
        return tuple(
            replace(silenced(replace(row, messages=()), said), state="lost", usable=False)
            for row in self._rows.values()
        )


def find(context: ProbeContext) -> list[Probe]:
    cards = [a for a in context.adapters if a.vendor_id == VENDOR_ID and a.slot]
    if cards:
        return [NvidiaCards(context, cards)]
    return [NvidiaUnlisted(context)] if context.environment.wsl else []
