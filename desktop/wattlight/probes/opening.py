"""Makes a prober for this system, or for a recorded tree."""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from .memory_cache import DeviceCache
from .nvml_api import NvmlApi, PynvmlApi
from .prober import Prober
from .reader import Reader, Trace
from .system_sources import Host

CACHE_FILE = "devices.json"
NvmlFactory = Callable[[], NvmlApi]


def open_prober(
    root: Path | None = None,
    cache: Path | None = None,
    *,
    trace: Trace | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] | None = None,
    nvml: NvmlFactory | None = None,
) -> Prober:
    """A prober of this computer, or of the Linux tree below ``root``. Nothing is read yet.

    Args:
        root: a recorded ``/sys``, ``/proc`` ...; nothing outside it is opened (but NVML, where the tree has
            an NVIDIA device that is awake).
        cache: folder in which sizes of devices are remembered for the time they sleep; None: in memory only.
        trace: gets a line for each open.
        clock, now: monotonic seconds and aware UTC time.
        nvml: makes the interface to NVIDIA's library (for tests).
    """
    remembered = DeviceCache(None if cache is None else cache / CACHE_FILE)
    reader = Reader(root, trace)

    def make_nvml() -> NvmlApi:
        return nvml() if nvml is not None else PynvmlApi(reader.note)

    return Prober(_host(reader, remembered, make_nvml), clock, now)


def _host(reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> Host:
    if reader.live and sys.platform == "darwin":
        from .macos import MacHost

        return MacHost(reader, cache)
    if reader.live and sys.platform == "win32":
        from .windows import WindowsHost

        return WindowsHost(reader, cache, nvml)
    from .linux import LinuxHost

    return LinuxHost(reader, cache, nvml)
