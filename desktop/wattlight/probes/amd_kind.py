"""Whether an AMD GPU is a card of its own or part of the processor, without root and without waking it."""

from .hwmon import Hwmon
from .numbers import read_whole
from .part import Machine
from .pci import Adapter

_GIB = 1 << 30
APU_IDS = frozenset(
    {0x15DD, 0x15D8, 0x1636, 0x1638, 0x164C, 0x15E7, 0x163F, 0x1506, 0x1681, 0x164E}
    | {0x15BF, 0x15C8, 0x1900, 0x1901, 0x150E, 0x1586, 0x1114, 0x13C0}
)
"""Graphics of processors by PCI id (Raven to Strix Halo, Raphael, Granite Ridge)."""


def is_integrated(machine: Machine, adapter: Adapter, hwmon: Hwmon | None) -> bool:
    """True for an APU's graphics.

    ``hwmon`` None: the device is not to be opened (or has no sensors); then only names and ids decide. No
    single sign is sure: some cards lack ``mem_info_vram_vendor``, a large carve-out defeats the size rule.
    """
    if adapter.device_id in APU_IDS:
        return True
    reader, folder = machine.reader, adapter.folder
    if hwmon is not None and "vddnb" in hwmon.labels.values():
        return True
    if reader.exists(f"{folder}/mem_info_vram_vendor") or reader.exists(f"{folder}/board_info"):
        return False
    if hwmon is None:
        return False
    if "power1_cap" in hwmon.files or hwmon.labelled("temp", "junction"):
        return False
    vram = read_whole(reader, f"{folder}/mem_info_vram_total", 1)
    gtt = read_whole(reader, f"{folder}/mem_info_gtt_total", 1)
    if vram and gtt and vram <= 4 * _GIB and gtt >= 8 * _GIB and gtt >= 4 * vram:
        return True
    return "radeon" in (machine.environment.cpu_name or "").lower() and bool(hwmon.labelled("temp", "edge"))
