"""What the pages of the first run, of privacy and of our own server may ask for."""

from typing import Protocol


class SetupControls(Protocol):
    """Every method returns at once; what comes of it is in the next facts or the next state."""

    def look(self) -> None:
        """Look anew for a server that could be started or installed."""

    def start_server(self) -> None:
        """Start the installed server, or the managed copy, as our child."""

    def install_server(self) -> None:
        """Fetch and install the managed copy, or a newer one; start it once no model is loaded."""

    def cancel_install(self) -> None:
        """Stop an installation; what has arrived is kept."""

    def go_back(self) -> None:
        """Use the version of our own copy before this one. The window has asked before."""

    def use_proxy(self, proxy: str) -> None:
        """Start the server that is ours anew with this HTTPS_PROXY ("" for none)."""

    def try_prompt(self, model: str, prompt: str) -> None:
        """Ask a model; the answer comes piece by piece."""

    def stop_answer(self) -> None:
        """End the answer that is coming."""

    def refresh_privacy(self) -> None:
        """Read anew which hosts were contacted."""

    def delete_ledger(self) -> None:
        """Delete everything that was recorded of energy and tokens, for good."""
