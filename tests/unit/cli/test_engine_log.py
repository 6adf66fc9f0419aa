"""The engine's own list of devices, out of its log."""

from pathlib import Path

from fakes.systems import needs_posix
from wattlight.cli.verb_doctor import devices_in, engine_findings

START = 'time=2026-11-23T15:16:00.654Z level=INFO source=routes.go:1951 msg="server config" env="map[A:1]"'
CPU = (
    'time=2026-11-23T15:16:00.755Z level=INFO source=types.go:50 msg="inference compute" id=cpu library=cpu '
    'compute="" name=cpu description=cpu libdirs=ollama driver="" pci_id="" type="" total="23.5 GiB" '
    'available="22.9 GiB"'
)
GPU = (
    'time=2026-11-23T15:16:00.755Z level=INFO source=types.go:50 msg="inference compute" id=G library=CUDA '
    'compute=8.9 name=CUDA0 description="NVIDIA GeForce RTX 4090" libdirs=ollama driver=12.8 '
    'pci_id=0000:01:00.0 type=discrete total="24.0 GiB" available="22.5 GiB"'
)


def test_the_last_start_counts() -> None:
    (device,) = devices_in("\n".join([START, GPU, START, CPU]))
    assert (device.library, device.total, device.available) == ("cpu", "23.5 GiB", "22.9 GiB")
    (device,) = devices_in("\n".join([START, GPU]))
    assert device.name == "NVIDIA GeForce RTX 4090" and device.pci_id == "0000:01:00.0"
    assert devices_in("") == devices_in("garbage \x00") == []


@needs_posix
def test_the_log_of_the_user_is_read_where_it_lies(tmp_path: Path) -> None:
    log = tmp_path / ".ollama" / "logs" / "server.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 500_000 + f"\n{START}\n{GPU}\x1b[31m\n".encode())
    (finding,) = engine_findings({"HOME": str(tmp_path)})
    assert finding.text.startswith(
        "The engine's own log says: CUDA, NVIDIA GeForce RTX 4090, 22.5 GiB of 24.0"
    )
    assert list(engine_findings({"HOME": str(tmp_path / "none")})) == list(engine_findings({})) == []
