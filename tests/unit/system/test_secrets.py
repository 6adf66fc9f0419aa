"""A secret is in the keyring, or with consent in a file of its owner alone, and nowhere else."""

import logging
import stat
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from wattlight.system import SecretProblem, SecretStore


class Ring(ModuleType):
    """A keyring in memory."""

    def __init__(self, priority: float = 5, broken: bool = False) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.priority, self.broken = priority, broken

    def get_keyring(self) -> SimpleNamespace:
        return SimpleNamespace(priority=self.priority)

    def get_password(self, service: str, name: str) -> str | None:
        if self.broken:
            raise RuntimeError("locked: hunter2")
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        if self.broken:
            raise RuntimeError("locked: hunter2")
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def with_ring(monkeypatch: pytest.MonkeyPatch, ring: Ring | None) -> None:
    monkeypatch.setitem(sys.modules, "keyring", ring)  # type: ignore[arg-type]


def test_the_keyring_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()
    with_ring(monkeypatch, ring)
    store = SecretStore(tmp_path)
    store.put("plug", "hunter2")
    assert SecretStore(tmp_path).get("plug") == "hunter2"
    assert list(tmp_path.iterdir()) == []
    store.put("plug", "")
    assert store.get("plug") is None
    assert ring.kept == {}
    store.put("plug", "")


@pytest.mark.parametrize("ring", [None, Ring(priority=0), Ring(broken=True)])
def test_without_one_it_takes_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: Ring | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with_ring(monkeypatch, ring)
    store = SecretStore(tmp_path / "config")
    with pytest.raises(SecretProblem, match="no keyring"):
        store.put("plug", "hunter2")
    assert store.get("plug") is None
    store.put("plug", "hunter2", in_file=True)
    (file,) = (tmp_path / "config").iterdir()
    assert store.get("plug") == "hunter2"
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.put("plug", "")
    assert not file.exists()
    assert "hunter2" not in caplog.text


def test_a_keyring_that_comes_takes_it_out_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_ring(monkeypatch, None)
    SecretStore(tmp_path).put("plug", "old", in_file=True)
    with_ring(monkeypatch, Ring())
    SecretStore(tmp_path).put("plug", "new")
    assert SecretStore(tmp_path).get("plug") == "new"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_ring(monkeypatch, None)
    (tmp_path / "secrets.json").write_text("[1")
    assert SecretStore(tmp_path).get("plug") is None
    (tmp_path / "secrets.json").write_text('{"plug": 7}')
    assert SecretStore(tmp_path).get("plug") is None
