"""The drive of the ledger goes away while it is recorded on, and comes back: with a real file system."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.metering import Machine
from unit.services.metering.test_recording import Stage, energy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts a file system"),
]


LOST_MJ = 2 * 20_000
"""A beat for each time that it goes or comes: it is noticed at a beat."""


class Drive:
    """A file system in a file, so that what is on it is there again when it is mounted again."""

    def __init__(self, folder: Path) -> None:
        self.place, self._image = folder / "drive", folder / "image"
        self.place.mkdir()
        with self._image.open("wb") as image:
            image.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", str(self._image), str(self.place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.decode()[:80].strip()}")

    def take_away(self) -> None:
        """As a drive that is pulled: it stays busy for those who have files open, and nobody finds it."""
        subprocess.run(["umount", "-l", str(self.place)], check=True)


class Memory(Drive):
    """A file system in memory: what was on it is gone with it."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "drive"
        self.place.mkdir()

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(self.place)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.decode()[:80].strip()}")


@pytest.fixture(params=[Drive, Memory])
def drive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drive]:
    made: Drive = request.param(tmp_path)
    made.mount()
    yield made
    for _ in range(3):
        subprocess.run(["umount", "-l", str(made.place)], capture_output=True, check=False)


def test_a_drive_that_goes_and_comes_back_while_it_is_recorded_on(drive: Drive) -> None:
    machine = Machine()
    stage = Stage(drive.place, machine)
    stage.begin()
    recorder = stage.recording.recorder
    assert recorder is not None and recorder.flush()
    on_it = energy(stage.file)
    assert on_it == 20 * 20_000
    drive.take_away()
    stage.run(30)  # the folder below is empty: lock and ledger are made anew, and it is said
    assert stage.said.count("ledger") >= 1
    recorder = stage.recording.recorder
    assert recorder is not None and recorder.flush()
    below = energy(stage.file)
    assert below > 0
    drive.mount()
    stage.run(30)
    recorder = stage.recording.recorder
    assert recorder is not None and recorder.flush()
    assert stage.recording.recording
    assert stage.recording.stop()
    again = energy(stage.file)
    drive.take_away()
    gone = on_it if isinstance(drive, Memory) else 0
    kept = energy(stage.file) + again
    print(f"{type(drive).__name__}: {80 * 20_000 - gone - kept} mJ lost of 80 s at 20 W")
    assert 80 * 20_000 - gone - LOST_MJ <= kept <= 80 * 20_000 - gone
