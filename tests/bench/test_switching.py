"""What a switch adds to the server's own work, and what following a server costs, on a real Ollama.

WATTLIGHT_TEST_OLLAMA_PROGRAM names its program.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from statistics import median

import pytest

from fakes.real_ollama import PROGRAM, create_tiny, real_ollama
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import connect
from wattlight.services.current import Servers
from wattlight.services.models import ServerWatch, switch
from wattlight.settings import ServerAddress

MOST_ADDED_S = 0.05
MOST_CPU = 0.0005
"""Of a core, while nobody looks."""

pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("ollama")
    (folder / "models").mkdir()
    with real_ollama(folder) as address:
        for seed, name in enumerate("ab"):
            create_tiny(f"http://{address}", name, seed)
        yield f"http://{address}"


def plainly(url: str, model: str, **more: object) -> None:
    body = json.dumps({"model": model, "stream": False, **more}).encode()
    urllib.request.urlopen(f"{url}/api/generate", body, timeout=60).close()


def unloaded(url: str) -> None:
    """A server frees a model a moment after it says so."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{url}/api/ps", timeout=10) as answer:
            if not json.load(answer)["models"]:
                return
        time.sleep(0.02)


def test_a_switch_adds_little_to_the_servers_own_load(url: str) -> None:
    """Beside the same requests by plain API: unload one, load the other."""
    server = connect(ServerAddress(url=url), {})
    ours, theirs = [], []
    plainly(url, "a")
    for _ in range(7):
        begun = time.monotonic()
        assert switch(server, "b", lambda *_: False).loaded is not None
        ours.append(time.monotonic() - begun)
        begun = time.monotonic()
        plainly(url, "b", keep_alive=0)
        unloaded(url)
        plainly(url, "a")
        theirs.append(time.monotonic() - begun)
    added = median(ours) - median(theirs)
    print(
        f"a switch {median(ours):.3f} s, the server alone {median(theirs):.3f} s: {added * 1000:.0f} ms more"
    )
    assert added <= MOST_ADDED_S


def test_following_a_server_costs_next_to_nothing(url: str) -> None:
    """So many looks as in some hours without a window, one after another."""
    plainly(url, "a", keep_alive="1h")
    watch = ServerWatch(Servers((ServerAddress(url=url),), {}), LOCAL_HOST, lambda *_: None)
    pause_s = watch.step()
    begun, looks = time.process_time(), 300
    for _ in range(looks):
        watch.step()
    share = (time.process_time() - begun) / (looks * pause_s)
    print(f"{share:.4%} of a core at a look each {pause_s:.0f} s")
    assert pause_s >= 15
    assert share <= MOST_CPU
