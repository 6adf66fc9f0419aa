"""A folder of models as a server keeps it."""

import json
from hashlib import sha256
from pathlib import Path

HOST = "registry.ollama.ai"


class ModelFolder:
    """``put`` lays a model, ``blob`` and ``part`` lay files that belong to none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs").mkdir(parents=True, exist_ok=True)
        (path / "manifests").mkdir(exist_ok=True)

    def blob(self, data: bytes) -> Path:
        file = self.path / "blobs" / f"sha256-{sha256(data).hexdigest()}"
        file.write_bytes(data)
        return file

    def part(self, of: bytes, end: str = "") -> Path:
        """What has arrived of a file; the first byte is not written, so that it takes next to no room."""
        file = self.path / "blobs" / f"sha256-{sha256(of).hexdigest()}-partial{end}"
        with file.open("wb") as stream:
            stream.truncate(len(of))
        return file

    def manifest(self, name: str, *parts: bytes) -> Path:
        """The list of a model's files, which need not be there."""
        layers = [
            {
                "mediaType": "application/vnd.ollama.image.model",
                "digest": f"sha256:{sha256(data).hexdigest()}",
                "size": len(data),
            }
            for data in parts
        ]
        model, _, tag = name.partition(":")
        file = self.path / "manifests" / HOST / "library" / model / (tag or "latest")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"schemaVersion": 2, "layers": layers}), encoding="utf-8")
        return file

    def put(self, name: str, *parts: bytes) -> Path:
        for data in parts:
            self.blob(data)
        return self.manifest(name, *parts)
