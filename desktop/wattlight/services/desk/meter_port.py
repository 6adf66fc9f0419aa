"""What the desk needs of a meter."""

from typing import Protocol

from wattlight.domain.state import RunningModel
from wattlight.domain.values import MachineProfile


class MeterPort(Protocol):
    """The sampler, recorder and sums of one computer, seen from the desk. All methods return at once."""

    def start(self) -> None:
        """Begin to sample (and to record, if nobody else does)."""

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop sampling, commit what is pending; False if that took longer."""

    def set_shown(self, shown: bool) -> None:
        """Somebody looks, or nobody does: the beat follows."""

    def set_paused(self, paused: bool) -> None:
        """Stop or resume counting."""

    def set_running(self, running: tuple[RunningModel, ...] | None) -> None:
        """Which models are resident now; None when the server did not say."""

    def settings_changed(self) -> None:
        """The settings were saved: price, beat or budgets may differ."""

    def profile(self) -> MachineProfile | None:
        """The computer as last seen, None before the first look."""


class NoMeter:
    """Stands in where nothing can be metered."""

    def start(self) -> None:
        """Nothing."""

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Nothing to stop."""
        return True

    def set_shown(self, shown: bool) -> None:
        """Nothing."""

    def set_paused(self, paused: bool) -> None:
        """Nothing."""

    def set_running(self, running: tuple[RunningModel, ...] | None) -> None:
        """Nothing."""

    def settings_changed(self) -> None:
        """Nothing."""

    def profile(self) -> MachineProfile | None:
        """Not known."""
        return None
