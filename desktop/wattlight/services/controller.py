"""What the window and the tray may ask for. Every method returns at once; results come as a new state."""

from typing import Protocol

from wattlight.domain.values import LOCAL_HOST, HostId
from wattlight.settings import Settings


class Controller(Protocol):
    """The user's commands. Safe to call from the main thread: nothing here blocks or raises.

    The outcome of a command appears in the next published :class:`~wattlight.domain.state.AppState`
    (``tasks``, ``pulls``, ``notices``, ``hosts``).
    """

    def switch(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Load ``model`` and unload the others."""

    def load(self, model: str, context_length: int | None = None, host: HostId = LOCAL_HOST) -> None:
        """Load ``model`` beside what is loaded."""

    def unload(self, model: str | None = None, host: HostId = LOCAL_HOST) -> None:
        """Unload one model, or all of them."""

    def keep_loaded(self, model: str, keep: bool, host: HostId = LOCAL_HOST) -> None:
        """Keep ``model`` loaded until it is unloaded, or give it the usual time again."""

    def remove(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Delete ``model`` from the server's disk. The window has asked before."""

    def pull(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Download ``model``."""

    def repair(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Remove the damaged files of ``model`` and download them again. The window has asked before."""

    def cancel_pull(self, model: str) -> None:
        """Stop a download; what has arrived is kept by the server."""

    def cancel_task(self, model: str) -> None:
        """Stop waiting for a load or switch."""

    def measure_speed(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Measure how fast ``model`` answers here; takes about a quarter of a minute."""

    def set_paused(self, paused: bool) -> None:
        """Pause or resume the meter."""

    def set_watching(self, watching: bool) -> None:
        """Tell whether someone looks (a window or the menu is open): the beat follows."""

    def apply_settings(self, settings: Settings) -> None:
        """Save new settings and act on them."""

    def start_server(self) -> None:
        """Start the installed server as our child, if one is installed."""

    def refresh(self) -> None:
        """Ask the server and the probes again now."""

    def request_advice(self, use: str | None = None, context_length: int | None = None) -> None:
        """Compute recommendations for this machine; they come in the next state."""

    def judge(self, model: str, registry: bool) -> None:
        """Tell whether ``model`` fits, by what is known here or by the header in its registry."""

    def dismiss(self, kind: str) -> None:
        """Forget the notice of this kind."""

    def quit(self) -> None:
        """Stop everything in order and leave."""
