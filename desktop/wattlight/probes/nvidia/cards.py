"""NVIDIA GPUs: which there are (from the bus), which may be asked (sleep gate), what they say (NVML)."""

from dataclasses import dataclass, replace

from ..device_table import name_of
from ..linux.pci import ASLEEP, Adapter, IdleWatch, SleepGate
from ..numbers import Moment
from ..part import Machine, Part, Processes, remember, resting_row
from ..report import Accelerator, Memory
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
    base: Accelerator
    idle: IdleWatch
    device: NvidiaDevice | None = None
    generation: int = 0
    lost_until_s: float = float("-inf")
    losses: int = 0
    fault: int | None = None


class NvidiaCards:
    """All NVIDIA GPUs on the bus; one part, because they share one driver."""

    key = "nvidia"

    def __init__(self, machine: Machine, adapters: list[Adapter]) -> None:
        self.signature: tuple[object, ...] = tuple(adapter.identity for adapter in adapters)
        self._machine = machine
        self._api = machine.nvml()
        self._session = NvmlSession(self._api)
        self._processes = Processes(machine.reader, machine.environment.container is not None)
        self._cards = [self._card(adapter) for adapter in adapters]

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """Every card's row; NVML is used for the awake ones only."""
        status = [card.gate.status() for card in self._cards]
        rows: list[Accelerator] = []
        for card, word in zip(self._cards, status, strict=True):
            if word == "asleep":
                card.device = None
                card.idle.rearm()
        wanted = [
            card
            for card, word in zip(self._cards, status, strict=True)
            if word == "awake" and not card.idle.released and self._usable(card) is None
        ]
        if not wanted:
            self._release()
        others_rest = any(w == "asleep" or c.idle.released for c, w in zip(self._cards, status, strict=True))
        for card, word in zip(self._cards, status, strict=True):
            rows += self._rows(card, word, others_rest, now, memory)
        return tuple(rows)

    def engine_started(self) -> None:
        """A model was loaded: ask again even what was let go."""
        for card in self._cards:
            card.idle.rearm()

    def close(self) -> None:
        """Release NVML."""
        self._release()

    def _card(self, adapter: Adapter) -> _Card:
        gate = SleepGate(self._machine.reader, adapter)
        name, source = name_of(self._machine.reader, adapter, True)
        base = Accelerator(
            id=adapter.id,
            vendor="nvidia",
            name=name,
            name_source=source,
            kind="integrated" if is_unified_name("", adapter.pci_id) else "discrete",
            state="active",
            driver=adapter.driver or None,
            pci_id=adapter.pci_id,
            backend="cuda",
        )
        return _Card(adapter, gate, base, IdleWatch(gate.may_sleep()))

    def _usable(self, card: _Card) -> str | None:
        """Why NVML is not to be asked about this card at all, None if it may be."""
        if card.adapter.driver == "vfio-pci":
            return RESERVED
        if card.adapter.driver == "nouveau":
            return sentence(LIBRARY_NOT_FOUND, False)
        return None

    def _rows(
        self, card: _Card, word: str, others_rest: bool, now: Moment, memory: Memory
    ) -> list[Accelerator]:
        if word == "asleep":
            return [self._resting(card, "asleep", ASLEEP)]
        if (reason := self._usable(card)) is not None:
            state = "unavailable" if reason == RESERVED else "active"
            return [self._silent(card, state, reason, memory)]
        if word == "resuming":
            return [self._resting(card, "active", RESUMING)]
        if card.idle.released:
            return [self._resting(card, "active", RELEASED)]
        if now.monotonic_s < card.lost_until_s:
            return [self._silent(card, "lost", sentence(card.fault or GPU_IS_LOST, self._contained), memory)]
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

    def _ask(self, card: _Card, others_rest: bool, now: Moment, memory: Memory) -> list[Accelerator]:
        if card.device is None or card.generation != self._session.generation:
            handle = self._session.handle_for(card.adapter.slot)
            card.device = NvidiaDevice(self._api, handle, card.base.id, self._processes, self._session.driver)
            card.generation = self._session.generation
        device = card.device
        row = device.look(card.base, now, memory)
        slices = device.slice_rows(row)
        self._session.worked()
        card.losses = 0
        remember(row, self._machine.cache)
        self._watch_idle(card, device, row, now.monotonic_s)
        return [row, *slices]

    def _watch_idle(self, card: _Card, device: NvidiaDevice, row: Accelerator, at: float) -> None:
        """Let a card go that could sleep but for us."""
        if card.idle.note(row.utilization_pct == 0 and not device.computing, at):
            self._release()

    def _release(self) -> None:
        self._session.close()
        for card in self._cards:
            card.device = None

    def _lost(self, card: _Card, code: int, at: float) -> None:
        """One card is gone: look again in half a minute, and open NVML anew if it is still gone then.

        While another card works the session is only cycled, which costs that one a single look.
        """
        card.lost_until_s, card.fault, card.losses = at + _LOST_S, code, card.losses + 1
        others = [c for c in self._cards if c is not card and self._usable(c) is None]
        if all(at < other.lost_until_s for other in others):
            self._session.lose(code, at)
        elif card.losses > 1:
            self._release()

    @property
    def _contained(self) -> bool:
        return self._machine.environment.container is not None

    def _failed(self, card: _Card, code: int, memory: Memory, others_rest: bool = False) -> Accelerator:
        if code == 0:
            return self._silent(card, "unavailable", NO_GPU_LISTED, memory)
        if code == GPU_IS_LOST:
            return self._silent(card, "lost", sentence(code, self._contained), memory)
        if code == FUNCTION_NOT_FOUND and others_rest:
            return replace(self._silent(card, "active", OTHER_ASLEEP, memory), usable=True)
        if code == LIBRARY_NOT_FOUND and self._contained:
            return self._silent(card, "active", NOT_PASSED, memory)
        return self._silent(card, "active", sentence(code, self._contained), memory)

    def _silent(self, card: _Card, state: str, reason: str, memory: Memory) -> Accelerator:
        """A row of a card that cannot be asked, with what is remembered of it."""
        row = self._resting(card, state, reason)
        if row.kind == "integrated" and state == "active":
            row = replace(row, memory=unified_memory(memory))
        return replace(row, usable=False, messages=(reason,))

    def _resting(self, card: _Card, state: str, reason: str) -> Accelerator:
        return resting_row(card.base, state, reason, self._machine.cache)


class NvidiaUnlisted:
    """NVIDIA GPUs that no bus shows: inside WSL, and Tegra boards whose driver has no sysfs load."""

    key = "nvidia-unlisted"
    signature: tuple[object, ...] = ()

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._api = machine.nvml()
        self._session = NvmlSession(self._api)
        self._processes = Processes(machine.reader, machine.environment.container is not None)
        self._devices: dict[str, NvidiaDevice] = {}
        self._rows: dict[str, Accelerator] = {}
        self._generation = 0

    def look(self, now: Moment, memory: Memory) -> tuple[Accelerator, ...]:
        """A row for each GPU NVML lists; none without NVML."""
        if not self._session.open(now.monotonic_s, False):
            return self._lost(self._session.fault or 0)
        try:
            if self._generation != self._session.generation:
                self._find()
            rows = []
            for key, device in self._devices.items():
                row = device.look(self._rows[key], now, memory)
                self._rows[key] = row
                rows += [row, *device.slice_rows(row)]
            return tuple(rows)
        except NvmlFault as fault:
            if fault.code in ENDS_SESSION:
                self._session.lose(fault.code, now.monotonic_s)
            return self._lost(fault.code)

    def engine_started(self) -> None:
        """Nothing was let go."""

    def close(self) -> None:
        """Release NVML."""
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
            self._rows[key] = Accelerator(
                key,
                "nvidia",
                device.name,
                "discrete",
                "active",
                driver="nvidia",
                pci_id=device.pci_id,
                backend="cuda",
            )
        self._generation = self._session.generation

    def _lost(self, code: int) -> tuple[Accelerator, ...]:
        said = sentence(code, self._machine.environment.container is not None)
        return tuple(
            replace(
                row,
                state="lost",
                usable=False,
                power_w=None,
                power_reason=said,
                utilization_pct=None,
                utilization_reason=said,
                temperature_c=None,
                counter_mj=None,
                processes=(),
                messages=(said,),
            )
            for row in self._rows.values()
        )


def find(machine: Machine) -> list[Part]:
    """The NVIDIA parts of this machine."""
    cards = [a for a in machine.adapters if a.vendor_id == VENDOR_ID and a.slot]
    if cards:
        return [NvidiaCards(machine, cards)]
    if machine.environment.wsl:
        return [NvidiaUnlisted(machine)]
    return []
