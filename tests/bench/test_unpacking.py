"""Hashing and unpacking a server's archive, against tar and sha256sum run beside it on the same file."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from threading import Event

import pytest

from fakes.release_server import member, tar_zst
from wattlight.runtime.managed.fetching import _hash_of
from wattlight.runtime.managed.unpacking import unpack

SIZE = 300 << 20
FLOOR = 0.7
"""Our speed over theirs."""


@pytest.mark.bench
@pytest.mark.skipif(shutil.which("tar") is None or shutil.which("zstd") is None, reason="needs tar and zstd")
def test_unpacking_keeps_up_with_tar_and_sha256sum(tmp_path: Path) -> None:
    block = os.urandom(1 << 20)
    data = b"".join(block[n:] + block[:n] for n in range(100)) + b"library" * (1 << 20)
    archive = tmp_path / "archive.tar.zst"
    archive.write_bytes(tar_zst(*(member(f"lib/{n}.so", data) for n in range(3))))

    def ours(folder: Path) -> None:
        assert len(_hash_of(archive).hexdigest()) == 64
        unpack(archive, folder, SIZE * 2, Event())

    def theirs(folder: Path) -> None:
        subprocess.run(["sha256sum", str(archive)], check=True, capture_output=True)
        subprocess.run(["tar", "--zstd", "-xf", str(archive), "-C", str(folder)], check=True)

    best = {}
    for name, way in (("theirs", theirs), ("ours", ours)):
        times = []
        for turn in range(3):
            folder = tmp_path / f"{name}{turn}"
            folder.mkdir()
            begun = time.perf_counter()
            way(folder)
            times.append(time.perf_counter() - begun)
            shutil.rmtree(folder)
        best[name] = min(times)
    print(f"ours {best['ours']:.2f} s, tar + sha256sum {best['theirs']:.2f} s")
    assert best["theirs"] / best["ours"] >= FLOOR
