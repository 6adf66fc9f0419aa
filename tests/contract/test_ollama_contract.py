"""What Wattlight relies on in an Ollama server, true of the fake and of the real one."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Semaphore

import pytest

from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.installed import manifest_file
from wattlight.catalog.registry import Registry, ShapeCache, read_address
from wattlight.domain.state import ServerStatus, same_model
from wattlight.runtime import RuntimeProblem
from wattlight.services.models import (
    UpdateReport,
    damaged_layers,
    disk_use,
    find_updates,
    remove_damaged,
    remove_orphans,
)
from wattlight.store import MeterLock
from wattlight.web import Web

from .conftest import Place


def pull(place: Place) -> None:
    assert list(place.server.pull(place.model))[-1].done


def test_it_is_ready_and_says_its_version(place: Place) -> None:
    state = place.server.state()
    assert state.status is ServerStatus.READY
    assert state.message is None
    assert state.version


def test_a_pull_ends_done_and_the_model_is_installed(place: Place) -> None:
    states = list(place.server.pull(place.model))
    assert states[-1].done
    assert states[-1].error is None
    marks = [state.completed_bytes for state in states]
    assert marks == sorted(marks)
    model = next(m for m in place.server.installed() if same_model(m.name, place.model))
    assert model.size_bytes > 0
    assert model.quantization
    assert len(model.digest) == 64
    assert model.modified_at is not None


def test_pulling_it_again_is_quick_and_shows_its_size(place: Place) -> None:
    pull(place)
    states = list(place.server.pull(place.model))
    model = next(m for m in place.server.installed() if same_model(m.name, place.model))
    assert states[-1].done
    assert states[-1].total_bytes is not None
    assert states[-1].completed_bytes == states[-1].total_bytes <= model.size_bytes


def test_an_installed_model_is_found(place: Place) -> None:
    pull(place)
    place.server.check_installed(place.model)


def test_a_copy_is_another_name_of_the_same_model(place: Place) -> None:
    pull(place)
    place.server.copy(place.model, "kept-aside:latest")
    try:
        names = {m.name: m for m in place.server.installed()}
        original = next(m for m in names.values() if same_model(m.name, place.model))
        assert names["kept-aside:latest"].digest == original.digest
        assert names["kept-aside:latest"].size_bytes == original.size_bytes
    finally:
        place.server.remove("kept-aside:latest")
    assert any(same_model(m.name, place.model) for m in place.server.installed())


def test_what_is_not_there_cannot_be_copied(place: Place) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        place.server.copy("nothing-here:1b", "other:1b")
    assert caught.value.code == "unknown_model"


def test_load_is_listed_with_its_expiry_and_unload_frees_it(place: Place) -> None:
    pull(place)
    loaded = place.server.load(place.model, keep_alive="10m", context_length=1024)
    assert loaded is not None
    assert loaded.context_length == 1024
    assert loaded.size_bytes > 0
    assert 0 <= loaded.size_vram_bytes <= loaded.size_bytes
    assert loaded.expires_at is not None
    left = loaded.expires_at - datetime.now(UTC)
    assert timedelta(minutes=8) < left < timedelta(minutes=11)
    assert any(same_model(m.name, place.model) for m in place.server.running())
    place.server.unload(place.model)
    assert not any(same_model(m.name, place.model) for m in place.server.running())


def test_for_ever_has_no_expiry(place: Place) -> None:
    pull(place)
    loaded = place.server.load(place.model, keep_alive="forever")
    assert loaded is not None
    assert loaded.expires_at is None


def test_a_context_over_the_trained_one_is_clipped(place: Place) -> None:
    pull(place)
    loaded = place.server.load(place.model, context_length=40_000_000)
    assert loaded is not None
    assert loaded.context_length == 4096


def test_another_context_reloads(place: Place) -> None:
    pull(place)
    first = place.server.load(place.model, context_length=512)
    second = place.server.load(place.model, context_length=1024)
    assert first is not None
    assert second is not None
    assert (first.context_length, second.context_length) == (512, 1024)
    assert sum(same_model(m.name, place.model) for m in place.server.running()) == 1


def test_unloading_what_is_not_loaded_is_no_error(place: Place) -> None:
    pull(place)
    place.server.unload(place.model)


def test_remove_deletes(place: Place) -> None:
    pull(place)
    place.server.remove(place.model)
    assert not any(same_model(m.name, place.model) for m in place.server.installed())


def test_a_model_removed_while_loaded_cannot_be_unloaded_by_name(place: Place) -> None:
    pull(place)
    place.server.load(place.model, keep_alive="2s")
    place.server.remove(place.model)
    with pytest.raises(RuntimeProblem) as caught:
        place.server.unload(place.model)
    assert caught.value.code == "deleted_still_loaded"
    assert caught.value.next_step


@pytest.mark.parametrize("act", ["load", "unload", "remove", "check_installed"])
def test_an_unknown_model_is_named(place: Place, act: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        getattr(place.server, act)("nosuchmodel:1b")
    assert caught.value.code == "unknown_model"
    assert "nosuchmodel" in caught.value.message
    assert "not found" in (caught.value.server_text or "")


def test_a_name_the_registry_does_not_know(place: Place) -> None:
    base = place.model.rsplit(":", 1)[0]
    with pytest.raises(RuntimeProblem) as caught:
        list(place.server.pull(f"{base}-nosuch:1b"))
    assert caught.value.code == "unknown_model"


def test_a_bad_keep_alive_is_refused(place: Place) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        place.server.load(place.model, keep_alive="soon")
    assert caught.value.code == "invalid_duration"


def test_a_cancelled_event_ends_a_pull_at_once(place: Place) -> None:
    cancel = Event()
    cancel.set()
    states = list(place.server.pull(place.model, cancel))
    assert states[-1].cancelled
    assert not states[-1].done


@pytest.mark.real_ollama
@pytest.mark.parametrize("place", ["real"], indirect=True)
class TestOwnRegistry:
    """Pulls from the loopback registry of the suite; only a real server can use it."""

    def test_a_real_server_pulls_from_it(self, place: Place) -> None:
        with LoopbackRegistry() as registry:
            name = registry.add("contract", b"not a model, but bytes" * 5000)
            assert list(place.server.pull(name))[-1].done
            hosts = {host.split(":")[0] for _, host, path in registry.requests if "/storage/" in path}
            assert hosts == {"localhost"}
            place.server.remove(name)

    def test_a_newer_version_is_found_by_its_digest_and_taken(self, place: Place, tmp_path: Path) -> None:
        with LoopbackRegistry() as registry:
            name = registry.add("renewed", b"some weights" * 9000)
            assert list(place.server.pull(name))[-1].done
            client = Registry(ShapeCache(tmp_path), Web(os.environ))

            def look() -> UpdateReport:
                models = [m for m in place.server.installed() if same_model(m.name, name)]
                return find_updates(models, client.manifest, ())

            assert look().current
            registry.add("renewed", b"other weights" * 9000)
            (update,) = look().updates
            assert update.fetch_bytes > 13 * 9000
            assert list(place.server.pull(name))[-1].done
            assert look().current
            place.server.remove(name)

    def test_what_belongs_to_no_model_goes_and_the_server_goes_on(self, place: Place, tmp_path: Path) -> None:
        """Needs WATTLIGHT_TEST_MODELS, the folder the server keeps its models in."""
        named = os.environ.get("WATTLIGHT_TEST_MODELS", "")
        if not named:
            pytest.skip("WATTLIGHT_TEST_MODELS is not set")
        folder = Path(named)
        with LoopbackRegistry() as registry:
            name = registry.add("stays", b"weights that stay" * 5000)
            other = registry.add("goes", b"weights of a model whose list is lost" * 5000)
            for model in (name, other):
                assert list(place.server.pull(model))[-1].done
            manifest_file(folder, read_address(other)).unlink()

            def later() -> datetime:
                return datetime.now(UTC) + timedelta(hours=2)

            (use,) = disk_use([folder], later())
            assert name in {model.name for model in use.models}
            lost = {file.path for file in use.orphans}
            assert use.orphan_bytes >= len(b"weights of a model whose list is lost") * 5000
            removed = remove_orphans(use, MeterLock(tmp_path / "models.lock"), later)
            assert {file.path for file in removed.files} == lost
            assert any(same_model(model.name, name) for model in place.server.installed())
            assert list(place.server.pull(other))[-1].done
            for model in (name, other):
                place.server.remove(model)

    def test_a_cancel_stops_the_transfer_and_the_next_pull_goes_on(self, place: Place) -> None:
        with LoopbackRegistry() as registry:
            registry.faults.gate = Semaphore(20)
            name = registry.add("cancelled", bytes(range(256)) * 40_000)
            cancel = Event()
            states = []
            for state in place.server.pull(name, cancel):
                states.append(state)
                if state.completed_bytes > 0:
                    cancel.set()
            assert states[-1].cancelled
            assert 0 < states[-1].completed_bytes < 10_240_000
            registry.faults.gate = None
            states = list(place.server.pull(name))
            assert states[-1].done
            place.server.remove(name)

    @pytest.mark.parametrize(
        ("status", "code"), [(429, "registry_limit"), (503, "registry_fault"), (404, "unknown_model")]
    )
    def test_faults_of_the_registry_are_told_apart(self, place: Place, status: int, code: str) -> None:
        with LoopbackRegistry() as registry:
            name = registry.add("faulty", b"x")
            registry.faults.manifest_status = status
            with pytest.raises(RuntimeProblem) as caught:
                list(place.server.pull(name))
            assert caught.value.code == code

    def test_wrong_bytes_are_a_digest_mismatch(self, place: Place) -> None:
        with LoopbackRegistry() as registry:
            name = registry.add("damaged", b"the right bytes" * 1000)
            registry.faults.wrong_bytes = True
            with pytest.raises(RuntimeProblem) as caught:
                list(place.server.pull(name))
            assert caught.value.code == "digest_mismatch"
            with suppress(RuntimeProblem):
                place.server.remove(name)

    def test_fault_66_damaged_files_a_real_server_kept_are_found(self, place: Place) -> None:
        """Needs WATTLIGHT_TEST_MODELS, the folder the server keeps its models in."""
        folder = os.environ.get("WATTLIGHT_TEST_MODELS", "")
        if not folder:
            pytest.skip("WATTLIGHT_TEST_MODELS is not set")
        with LoopbackRegistry() as registry:
            name = registry.add("kept", b"some weights" * 1000, template=f"{{{{ .Prompt }}}} {registry.port}")
            registry.faults.wrong_bytes = True
            with pytest.raises(RuntimeProblem):
                list(place.server.pull(name))
            registry.faults.wrong_bytes = False
            assert list(place.server.pull(name))[-1].done, "the server says success"
            damaged = damaged_layers(name, (Path(folder),), Event())
            remove_damaged(damaged)
            assert list(place.server.pull(name))[-1].done
            assert damaged_layers(name, (Path(folder),), Event()) == ()
            place.server.remove(name)

    def test_an_unreachable_registry(self, place: Place) -> None:
        with LoopbackRegistry() as registry:
            port = registry.port
        with pytest.raises(RuntimeProblem) as caught:
            list(place.server.pull(f"127.0.0.1:{port}/library/none"))
        assert caught.value.code == "registry_unreachable"
