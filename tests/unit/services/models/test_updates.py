"""Newer versions are found by manifests alone, and said with what they would download."""

import json
import os
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.registry import Registry, RegistryUnreachable, ShapeCache, read_address
from wattlight.domain.state import InstalledModel
from wattlight.runtime import RuntimeProblem, connect
from wattlight.services.models import fetch_text, find_updates, layer_words, set_aside
from wattlight.settings import ServerAddress
from wattlight.web import Web

WEIGHTS = b"weights" * 1000


class Shelf:
    """A registry, and the folder of a server that pulled from it."""

    def __init__(self, registry: LoopbackRegistry, folder: Path) -> None:
        self.registry, self.folder = registry, folder
        self.client = Registry(ShapeCache(folder / "cache"), Web(os.environ))

    def pulled(self, name: str, weights: bytes = WEIGHTS, template: str = "{{ .Prompt }}") -> InstalledModel:
        """Offer a model and lay its files where a pull would."""
        full = self.registry.add(name, weights, template)
        raw = self.registry.manifest(name)
        assert raw is not None
        address = read_address(full)
        file = self.folder / "manifests" / address.host / address.namespace / address.model / address.tag
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
        (self.folder / "blobs").mkdir(exist_ok=True)
        document = json.loads(raw)
        for layer in (*document["layers"], document["config"]):
            blob = self.registry.blob(layer["digest"])
            assert blob is not None
            (self.folder / "blobs" / layer["digest"].replace(":", "-")).write_bytes(blob)
        return InstalledModel(full, sha256(raw).hexdigest(), len(weights))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with LoopbackRegistry() as registry:
        yield Shelf(registry, tmp_path)


def test_what_has_not_changed_is_current_and_nothing_is_downloaded(shelf: Shelf) -> None:
    model = shelf.pulled("same")
    report = find_updates([model], shelf.client.manifest, (shelf.folder,))
    assert (report.updates, report.current) == ((), (model.name,))
    assert [path for _, _, path in shelf.registry.requests if "blobs" in path or "storage" in path] == []


def test_a_new_template_costs_its_own_bytes_alone(shelf: Shelf) -> None:
    model = shelf.pulled("talk")
    shelf.registry.add("talk", WEIGHTS, template="{{ .System }} {{ .Prompt }}")
    (update,) = find_updates([model], shelf.client.manifest, (shelf.folder,)).updates
    assert update.exact
    assert update.changes == ("config", "template")
    assert fetch_text(update) == "less than 0.1 MB"
    assert update.fetch_bytes < 1000, "weights are here already"
    assert "template" in layer_words(update.changes)


def test_new_weights_cost_themselves_and_without_a_folder_everything_at_most(shelf: Shelf) -> None:
    model = shelf.pulled("grow")
    shelf.registry.add("grow", WEIGHTS * 3)
    (seen,) = find_updates([model], shelf.client.manifest, (shelf.folder,)).updates
    assert len(WEIGHTS) * 3 <= seen.fetch_bytes < len(WEIGHTS) * 3 + 1000
    assert "model" in seen.changes
    (unseen,) = find_updates([model], shelf.client.manifest, ()).updates
    assert not unseen.exact
    assert unseen.fetch_bytes > seen.fetch_bytes
    assert unseen.changes == ()


def test_a_file_of_another_size_is_not_here(shelf: Shelf) -> None:
    model = shelf.pulled("cut")
    digest = sha256(WEIGHTS).hexdigest()
    (shelf.folder / "blobs" / f"sha256-{digest}").write_bytes(WEIGHTS[:-1])
    shelf.registry.add("cut", WEIGHTS, template="other")
    (update,) = find_updates([model], shelf.client.manifest, (shelf.folder,)).updates
    assert update.fetch_bytes >= len(WEIGHTS)


def test_models_of_clouds_are_left_alone_and_own_ones_are_said(shelf: Shelf) -> None:
    cloud = InstalledModel("big:cloud", "0" * 64, 0, remote_host="https://example.invalid")
    own = InstalledModel(f"127.0.0.1:{shelf.registry.port}/library/mine:latest", "1" * 64, 5)
    report = find_updates([cloud, own], shelf.client.manifest, (shelf.folder,))
    assert (report.unknown, report.updates, report.problems) == ((own.name,), (), ())


def test_one_registry_that_fails_does_not_hide_the_others(shelf: Shelf) -> None:
    model = shelf.pulled("here")
    far = InstalledModel("127.0.0.1:9/library/far:latest", "1" * 64, 5)
    with pytest.raises(RegistryUnreachable):
        find_updates([far, model], shelf.client.manifest, ())
    report = find_updates([model, far], shelf.client.manifest, ())
    assert report.current == (model.name,)
    assert report.stopped is not None
    shelf.registry.faults.manifest_status = 500
    report = find_updates([model], shelf.client.manifest, ())
    assert [name for name, _ in report.problems] == [model.name]


def test_the_old_version_is_kept_under_a_name_that_is_free(shelf: Shelf) -> None:
    with FakeOllama() as fake:
        fake.install("llama3.2:3b")
        server = connect(ServerAddress(url=fake.url), {})
        name = set_aside(server, "llama3.2:3b", date(2026, 11, 30))
        assert name == "llama3.2:3b-20261130"
        assert name in fake.installed_names
        with pytest.raises(RuntimeProblem) as caught:
            set_aside(server, "llama3.2:3b", date(2026, 11, 30))
        assert caught.value.code == "name_taken"
        fake.install("plain:latest")
        assert set_aside(server, "plain", date(2026, 1, 2)) == "plain:latest-20260102"
