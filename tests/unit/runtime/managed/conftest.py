"""A release page, and a folder for what comes from it."""

import threading
from collections.abc import Iterator

import pytest

from fakes.release_server import ReleaseServer


@pytest.fixture
def page() -> Iterator[ReleaseServer]:
    before = set(threading.enumerate())
    with ReleaseServer() as server:
        yield server
    assert not [t for t in threading.enumerate() if t not in before and t.is_alive()]
