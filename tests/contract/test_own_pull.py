"""What we put into a server's folder is as if it had pulled it. Needs WATTLIGHT_TEST_MODELS, its folder."""

import os
from pathlib import Path
from threading import Event

import pytest

from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.download import Puller, is_writable
from wattlight.domain.state import same_model
from wattlight.runtime import AnswerRequest
from wattlight.services.models import damaged_layers
from wattlight.web import Web

from .conftest import Place

FOLDER = os.environ.get("WATTLIGHT_TEST_MODELS", "")


@pytest.fixture
def folder(place: Place) -> Path:
    if not place.is_real or not FOLDER or not is_writable(Path(FOLDER)):
        pytest.skip("WATTLIGHT_TEST_MODELS is not set, or not ours to write")
    return Path(FOLDER)


def pull(name: str, folder: Path) -> None:
    assert list(Puller(Web(os.environ)).pull(name, folder, Event()))[-1].done


def test_a_running_server_lists_loads_and_answers(place: Place, folder: Path) -> None:
    pull(place.model, folder)
    ours = next(m for m in place.server.installed() if same_model(m.name, place.model))
    loaded = place.server.load(place.model, context_length=512)
    assert loaded is not None
    assert loaded.context_length == 512
    pieces = list(place.server.answer(AnswerRequest(place.model, "Hello", 512, 4)))
    assert any(piece.text or piece.end for piece in pieces)
    place.server.remove(place.model)
    assert list(place.server.pull(place.model))[-1].done
    theirs = next(m for m in place.server.installed() if same_model(m.name, place.model))
    assert (ours.digest, ours.size_bytes) == (theirs.digest, theirs.size_bytes)


def test_the_server_goes_on_with_what_we_pulled(place: Place, folder: Path) -> None:
    with LoopbackRegistry() as registry:
        name = registry.add("shared", b"some weights" * 9000)
        pull(name, folder)
        before = registry.sent_bytes
        assert list(place.server.pull(name))[-1].done
        assert registry.sent_bytes == before, "it takes our layers for its own"
        registry.add("shared", b"newer weights" * 9000)
        pull(name, folder)
        assert damaged_layers(name, (folder,), Event()) == ()
        place.server.remove(name)
        assert not any(same_model(m.name, name) for m in place.server.installed())
