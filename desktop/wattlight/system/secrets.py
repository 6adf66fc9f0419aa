"""Passwords and tokens: in the keyring of the system, or, if a person agrees, in a file of theirs alone."""

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wattlight.domain import Problem
from wattlight.domain.values import UNREADABLE
from wattlight.i18n import tr
from wattlight.paths import make_folder, read_small, write_whole

_SERVICE = "wattlight"
_FILE = "secrets.json"
_MOST = 65_536


class SecretProblem(Problem):
    """A secret cannot be kept."""

    code = "no_keyring"


class SecretStore:
    """Secrets by name. Nothing of them is in settings, log, arguments or addresses."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def get(self, name: str) -> str | None:
        """The secret; None where none is kept or the keyring is closed. May wait for its owner."""
        kept = self._read().get(name)
        if isinstance(kept, str):
            return kept
        ring = _keyring()
        if ring is None:
            return None
        found = None
        with _whatever():
            found = ring.get_password(_SERVICE, name)
        return found if isinstance(found, str) else None

    def put(self, name: str, secret: str, in_file: bool = False) -> None:
        """Keep a secret; "" forgets it. ``in_file``: the person agreed to a file that only they can read.

        Raises:
            SecretProblem: there is no keyring (code ``no_keyring``), or the file cannot be written.
        """
        if not secret or in_file:
            self._forget(name)
        if not secret:
            return
        if in_file:
            self._write({**self._read(), name: secret})
            return
        ring = _keyring()
        done = False
        if ring is not None:
            with _whatever():
                ring.set_password(_SERVICE, name, secret)
                done = ring.get_password(_SERVICE, name) == secret
        if not done:
            raise SecretProblem(
                tr("This system has no keyring that Wattlight can use."),
                tr("Install the package 'keyring' for it, or agree to a file that only you can read."),
            )
        if name in self._read():
            self._write({key: value for key, value in self._read().items() if key != name})

    def _forget(self, name: str) -> None:
        kept = self._read()
        if kept.pop(name, None) is not None:
            self._write(kept)
        ring = _keyring()
        if ring is not None:
            with _whatever():
                ring.delete_password(_SERVICE, name)

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(read_small(self._file, _MOST))
        except UNREADABLE:
            return {}
        return kept if isinstance(kept, dict) else {}

    def _write(self, kept: dict[str, Any]) -> None:
        try:
            if not kept:
                self._file.unlink(missing_ok=True)
                return
            make_folder(self._file.parent)
            write_whole(self._file, json.dumps(kept).encode())
            self._file.chmod(0o600)
        except OSError as error:
            raise SecretProblem(
                tr(
                    "The secret cannot be saved to {file} ({reason}).", file=self._file, reason=error.strerror
                ),
                tr("Make the folder writable."),
                "secret_file",
            ) from error


def _keyring() -> Any:
    """The library, where it is installed and has a keyring of the system behind it."""
    rings: list[Any] = []
    with _whatever():
        import keyring  # type: ignore[import-not-found,unused-ignore]

        if getattr(keyring.get_keyring(), "priority", 0) >= 1:  # a null or failing one has less
            rings.append(keyring)
    return rings[0] if rings else None


@contextlib.contextmanager
def _whatever() -> Iterator[None]:
    """What a keyring raises is of many families; none of them ends the program."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        logging.getLogger("wattlight").info("the keyring is not used: %s", type(error).__name__)
