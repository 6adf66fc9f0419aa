"""The loopback registry does what a real server needs of one."""

import http.client
import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from fakes.loopback_registry import LoopbackRegistry


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as server:
        yield server


def get(registry: LoopbackRegistry, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", registry.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_manifest_blob_and_storage_agree(registry: LoopbackRegistry) -> None:
    weights = b"w" * 100_000
    assert registry.add("tiny", weights) == f"127.0.0.1:{registry.port}/library/tiny:latest"
    _, _, raw = get(registry, "/v2/library/tiny/manifests/latest")
    layer = json.loads(raw)["layers"][0]
    assert layer["size"] == len(weights)
    status, headers, _ = get(registry, f"/v2/library/tiny/blobs/{layer['digest']}")
    assert status == 307
    assert headers["Location"] == f"http://localhost:{registry.port}/storage/{layer['digest']}"
    status, headers, data = get(registry, f"/storage/{layer['digest']}", Range="bytes=10-19")
    assert (status, data, headers["Content-Range"]) == (206, b"w" * 10, "bytes 10-19/100000")
    _, _, data = get(registry, f"/storage/{layer['digest']}")
    assert "sha256:" + sha256(data).hexdigest() == layer["digest"]


def test_its_faults(registry: LoopbackRegistry) -> None:
    registry.add("tiny", b"data")
    digest = json.loads(get(registry, "/v2/library/tiny/manifests/latest")[2])["layers"][0]["digest"]
    registry.faults.wrong_bytes = True
    assert get(registry, f"/storage/{digest}")[2] != b"data"
    registry.faults.blob_status = 503
    assert get(registry, f"/storage/{digest}")[0] == 503
    registry.faults.manifest_status = 429
    assert get(registry, "/v2/library/tiny/manifests/latest")[0] == 429
    assert get(registry, "/v2/library/none/manifests/latest")[0] == 429
    registry.faults.manifest_status = None
    assert get(registry, "/v2/library/none/manifests/latest")[0] == 404
