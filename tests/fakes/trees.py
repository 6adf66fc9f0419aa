#!/usr/bin/env python3
"""Small sysfs/procfs trees of real machines, each with what a correct probe reports.

Every tree is a dict {relative path: str | bytes}. Paths contain ':' (PCI slots, intel-rapl:0), which Windows
cannot store, so the builder is kept and not the trees; tests write them below ``tmp_path``. A tree with
counters has two samples, t0/ and t1/, taken ``dt_s`` apart.
"""

# Tables of what files hold, one file a line.
# ruff: noqa: E501, UP031

import json
import struct
from pathlib import Path

GiB = 1 << 30
U16, U32, U64 = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def nl(d):
    """sysfs values end in a newline"""
    return {k: (v if isinstance(v, bytes) else str(v) + "\n") for k, v in d.items()}


def pci(
    slot,
    vendor,
    device,
    cls="0x030000",
    driver=None,
    sub="0000:0000",
    rev="0x00",
    runtime="active",
    state="D0",
    control="auto",
    extra=None,
):
    ids = "%04X:%04X" % (int(vendor, 16), int(device, 16))
    ue = ["DRIVER=" + driver] if driver else []
    ue += ["PCI_CLASS=%X" % int(cls, 16), "PCI_ID=" + ids, "PCI_SUBSYS_ID=" + sub, "PCI_SLOT_NAME=" + slot]
    d = {
        "vendor": vendor,
        "device": device,
        "class": cls,
        "revision": rev,
        "uevent": "\n".join(ue),
        "power/runtime_status": runtime,
        "power/control": control,
        "power_state": state,
        "d3cold_allowed": "1",
        "enable": "1",
        "boot_vga": "0",
        "numa_node": "-1",
    }
    d.update(extra or {})
    return d


def card(n, render, dev, slot):
    """A DRM card: class/drm/cardN/device is a directory here, a symlink in a real sysfs; bus/pci is a copy."""
    out = {}
    for k, v in dev.items():
        out["sys/class/drm/card%d/device/%s" % (n, k)] = v
        out["sys/bus/pci/devices/%s/%s" % (slot, k)] = v
    out["sys/class/drm/card%d/uevent" % n] = "MAJOR=226\nMINOR=%d\nDEVNAME=dri/card%d\nDEVTYPE=drm_minor" % (
        n,
        n,
    )
    out["sys/class/drm/renderD%d/uevent" % render] = "MAJOR=226\nMINOR=%d\nDEVNAME=dri/renderD%d" % (
        render,
        render,
    )
    out["sys/class/drm/card%d-DP-1/status" % n] = "connected"  # a connector, not a card
    return out


def kfd_cpu():
    return {
        "sys/class/kfd/kfd/topology/nodes/0/gpu_id": "0",
        "sys/class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1",
    }


def kfd_gpu(node, gpu_id, gfx, simd, dev, loc, minor, bank, heap=1, local=0):
    b = "sys/class/kfd/kfd/topology/nodes/%d/" % node
    return {
        b + "gpu_id": gpu_id,
        b + "name": "ip discovery",
        b
        + "properties": "cpu_cores_count 0\nsimd_count %d\nmem_banks_count 1\nwave_front_size 32\nsimd_per_cu 2\n"
        "gfx_target_version %d\nvendor_id 4098\ndevice_id %d\nlocation_id %d\ndomain 0\ndrm_render_minor %d\n"
        "local_mem_size %d\nnum_xcc 1" % (simd, gfx, dev, loc, minor, local),
        b + "mem_banks/0/properties": "heap_type %d\nsize_in_bytes %d\nflags 0\nwidth 384\nmem_clk_max 1249"
        % (heap, bank),
    }


AMDGPU_IDS = (
    "# List of AMDGPU IDs: device_id, revision_id, product_name\n1.0.0\n"
    "1586,\tD1,\tRadeon 8060S Graphics\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n"
)
PCI_IDS = (
    "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]\n"
    "8086  Intel Corporation\n\t46a6  Alder Lake-P GT2 [Iris Xe Graphics]\n\te20b  Battlemage G21 [Arc B580]\n"
    "10de  NVIDIA Corporation\n\t28e0  AD107M [GeForce RTX 4060 Max-Q / Mobile]\n"
)


def meminfo(total, avail, swap_total=0, swap_free=0, extra=""):
    return (
        "MemTotal:       %d kB\nMemFree:        %d kB\nMemAvailable:   %d kB\nBuffers:          312344 kB\n"
        "Cached:          9876544 kB\nSwapTotal:      %d kB\nSwapFree:       %d kB\n%s"
        % (total, avail // 4, avail, swap_total, swap_free, extra)
    )


T = {}  # name -> {"samples": {"": tree} or {"t0":..., "t1":...}, "expected": {...}}


# 1 ---------------------------------------------------------------------------------------------------------------
metrics = struct.pack(
    "<HBB6H3HHQQ6H7H4x",
    120,
    1,
    3,
    63,
    84,
    90,
    71,
    58,
    82,
    97,
    61,
    0,
    319,
    0,
    35459650217290,
    2510,
    1249,
    1249,
    1249,
    0,
    0,
    2525,
    1200,
    1249,
    1249,
    0,
    0,
    0,
).ljust(120, b"\xff")
slot = "0000:03:00.0"
dev = pci(
    slot,
    "0x1002",
    "0x744c",
    driver="amdgpu",
    sub="1DA2:E471",
    rev="0xc8",
    extra={
        "mem_info_vram_total": 25753026560,
        "mem_info_vram_used": 19327352832,
        "mem_info_vis_vram_total": 25753026560,
        "mem_info_vis_vram_used": 19327352832,
        "mem_info_gtt_total": 33527046144,
        "mem_info_gtt_used": 211398656,
        "mem_info_vram_vendor": "samsung",
        "gpu_busy_percent": 97,
        "mem_busy_percent": 61,
        "product_name": "",
        "vbios_version": "113-D70401XT-N11",
        "unique_id": "5b1c2d3e4f506172",
        "gpu_metrics": metrics,
        "current_link_speed": "16.0 GT/s PCIe",
        "current_link_width": 16,
        "hwmon/hwmon8/name": "amdgpu",
        "hwmon/hwmon8/power1_average": 319000000,
        "hwmon/hwmon8/power1_label": "PPT",
        "hwmon/hwmon8/power1_cap": 339000000,
        "hwmon/hwmon8/power1_cap_default": 339000000,
        "hwmon/hwmon8/power1_cap_max": 390000000,
        "hwmon/hwmon8/power1_cap_min": 305000000,
        "hwmon/hwmon8/temp1_input": 63000,
        "hwmon/hwmon8/temp1_label": "edge",
        "hwmon/hwmon8/temp1_crit": 100000,
        "hwmon/hwmon8/temp1_crit_hyst": -273150,
        "hwmon/hwmon8/temp2_input": 84000,
        "hwmon/hwmon8/temp2_label": "junction",
        "hwmon/hwmon8/temp2_crit": 110000,
        "hwmon/hwmon8/temp3_input": 90000,
        "hwmon/hwmon8/temp3_label": "mem",
        "hwmon/hwmon8/temp3_crit": 108000,
        "hwmon/hwmon8/fan1_input": 1877,
        "hwmon/hwmon8/fan1_max": 3200,
        "hwmon/hwmon8/freq1_input": 2510000000,
        "hwmon/hwmon8/freq1_label": "sclk",
        "hwmon/hwmon8/in0_input": 1034,
        "hwmon/hwmon8/in0_label": "vddgfx",
    },
)
tree = nl(
    {
        **card(1, 128, dev, slot),
        **kfd_cpu(),
        **kfd_gpu(1, 51512, 110000, 192, 0x744C, 0x0300, 128, 25753026560),
        "proc/meminfo": meminfo(65473712, 48211004, 8388604, 8388604),
    }
)
tree["usr/share/libdrm/amdgpu.ids"], tree["usr/share/hwdata/pci.ids"] = AMDGPU_IDS, PCI_IDS
T["amdgpu_dgpu_7900xtx"] = {
    "samples": {"": tree},
    "expected": {
        "description": "Radeon RX 7900 XTX under an LLM load; only power1_average exists (RDNA3 has no power1_input)",
        "accelerators": [
            {
                "id": "pci:" + slot,
                "vendor": "amd",
                "driver": "amdgpu",
                "name": "AMD Radeon RX 7900 XTX",
                "name_source": "libdrm amdgpu.ids (744C, rev C8)",
                "kind": "discrete",
                "state": "active",
                "gfx_target": "gfx1100",
                "memory": {
                    "unified": False,
                    "dedicated_total": 25753026560,
                    "dedicated_used": 19327352832,
                    "shared_total": 33527046144,
                    "shared_used": 211398656,
                    "llm_total": 25753026560,
                },
                "power_w": 319.0,
                "power_source": "hwmon power1_average",
                "power_scope": "gpu board (PPT)",
                "power_limit_w": 339.0,
                "utilization_pct": 97,
                "temperature_c": 63.0,
                "temperature_label": "edge",
                "hotspot_c": 84.0,
                "memory_temperature_c": 90.0,
                "fan_rpm": 1877,
            }
        ],
        "traps": [
            "card1-DP-1 is a connector, not a second GPU",
            "empty product_name must not become the name",
            "temp1_crit_hyst -273150 is absolute zero, not a reading",
            "mem_info_gtt_total is system RAM: never add it to VRAM on a discrete card",
        ],
    },
}

# 2 ---------------------------------------------------------------------------------------------------------------
apu = struct.pack(
    "<HBB2H16HHHH8H16H4HQ",
    264,
    3,
    0,
    6800,
    6650,
    *([7012] * 16),
    4310,
    99,
    0,
    *([0] * 8),
    *([6] * 16),
    61234,
    8211,
    0,
    0,
    152155057130097,
).ljust(112, b"\0")
apu += struct.pack("<IHxxIIII16H3H", 71087, 0, 71087, 42650, 0, 9120, *([570] * 16), U16, U16, U16)
apu = apu.ljust(264, b"\xff")
slot = "0000:c3:00.0"
gtt, vram = 25165824 * 4096, 4 * GiB
dev = pci(
    slot,
    "0x1002",
    "0x1586",
    cls="0x038000",
    driver="amdgpu",
    sub="1043:1FB3",
    rev="0xd1",
    control="on",
    extra={
        "mem_info_vram_total": vram,
        "mem_info_vram_used": 1272893440,
        "mem_info_vis_vram_total": vram,
        "mem_info_vis_vram_used": 1272893440,
        "mem_info_gtt_total": gtt,
        "mem_info_gtt_used": 62277025792,
        "gpu_busy_percent": 99,
        "vcn_busy_percent": 0,
        "gpu_metrics": apu,
        "vbios_version": "113-STRXLGEN-001",
        "hwmon/hwmon6/name": "amdgpu",
        "hwmon/hwmon6/power1_average": 71087000,
        "hwmon/hwmon6/power1_input": 71087000,
        "hwmon/hwmon6/power1_label": "PPT",
        "hwmon/hwmon6/temp1_input": 68000,
        "hwmon/hwmon6/temp1_label": "edge",
        "hwmon/hwmon6/freq1_input": 2870000000,
        "hwmon/hwmon6/freq1_label": "sclk",
        "hwmon/hwmon6/in0_input": 0,
        "hwmon/hwmon6/in0_label": "vddgfx",
        "hwmon/hwmon6/in1_input": 0,
        "hwmon/hwmon6/in1_label": "vddnb",
    },
)
tree = nl(
    {
        **card(1, 128, dev, slot),
        **kfd_cpu(),
        **kfd_gpu(1, 59419, 110501, 80, 0x1586, 0xC300, 128, gtt),
        "sys/module/ttm/parameters/pages_limit": 25165824,
        "sys/module/amdgpu/parameters/gttsize": -1,
        "proc/meminfo": meminfo(128038720, 60217344),
        "proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD RYZEN AI MAX+ 395 w/ Radeon 8060S",
    }
)
tree["usr/share/libdrm/amdgpu.ids"], tree["usr/share/hwdata/pci.ids"] = AMDGPU_IDS, PCI_IDS
T["amdgpu_apu_strix_halo"] = {
    "samples": {"": tree},
    "expected": {
        "description": "Ryzen AI MAX+ 395, 128 GB, BIOS carve-out 4 GiB, ttm.pages_limit raised to 96 GiB",
        "accelerators": [
            {
                "id": "pci:" + slot,
                "vendor": "amd",
                "driver": "amdgpu",
                "name": "Radeon 8060S Graphics",
                "name_source": "libdrm amdgpu.ids (1586, rev D1)",
                "kind": "integrated",
                "state": "active",
                "gfx_target": "gfx1151",
                "memory": {
                    "unified": True,
                    "dedicated_total": vram,
                    "dedicated_used": 1272893440,
                    "shared_total": gtt,
                    "shared_used": 62277025792,
                    "llm_total": vram + gtt,
                },
                "power_w": 71.087,
                "power_source": "hwmon power1_average",
                "power_scope": "whole APU package (PPT): CPU+GPU",
                "power_limit_w": None,
                "utilization_pct": 99,
                "temperature_c": 68.0,
                "temperature_label": "edge",
                "hotspot_c": None,
                "memory_temperature_c": None,
                "fan_rpm": None,
            }
        ],
        "traps": [
            "reporting 4 GiB as the GPU's memory (the carve-out alone)",
            "adding llm_total to free RAM: GTT pages ARE system RAM (MemAvailable already fell by shared_used)",
            "PPT is the package: do not add RAPL package power on top",
            "class 0x038000 (display), not 0x030000",
            "in0_input 0 means not reported",
            "gpu_metrics average_sys_power 0xFFFF = absent; u16 mW saturates at 65.5 W",
        ],
    },
}

# 3 ---------------------------------------------------------------------------------------------------------------
slot = "0000:03:00.0"


def b580(e1, e2, idle, vram_kib, cyc, total_cyc, hw="hwmon2"):
    h = "hwmon/%s/" % hw
    dev = pci(
        slot,
        "0x8086",
        "0xe20b",
        driver="xe",
        sub="8086:1100",
        extra={
            h + "name": "xe",
            h + "energy1_input": e1,
            h + "energy1_label": "card",
            h + "energy2_input": e2,
            h + "energy2_label": "pkg",
            h + "power1_cap": 190000000,
            h + "power1_cap_interval": 15,
            h + "power1_crit": 380000000,
            h + "power1_label": "card",
            h + "temp2_input": 64000,
            h + "temp2_label": "pkg",
            h + "temp2_crit": 100000,
            h + "temp3_input": 72000,
            h + "temp3_label": "vram",
            h + "fan1_input": 1416,
            h + "fan2_input": 1435,
            h + "fan3_input": 0,
            "tile0/gt0/freq0/act_freq": 2850,
            "tile0/gt0/freq0/cur_freq": 2850,
            "tile0/gt0/freq0/max_freq": 2850,
            "tile0/gt0/gtidle/name": "gt0-rc",
            "tile0/gt0/gtidle/idle_status": "gt-c0",
            "tile0/gt0/gtidle/idle_residency_ms": idle,
            "tile0/gt1/gtidle/name": "gt1-mc",
            "tile0/gt1/gtidle/idle_status": "gt-c6",
            "tile0/gt1/gtidle/idle_residency_ms": 1277960 + (1000 if idle > 848095 else 0),
            "current_link_speed": "2.5 GT/s PCIe",
            "current_link_width": 1,
            "max_link_speed": "2.5 GT/s PCIe",
        },
    )
    t = nl(
        {
            **card(1, 128, dev, slot),
            "proc/meminfo": meminfo(32594120, 20113904),
            "proc/4242/comm": "llama-server",
            "proc/4242/fdinfo/27": "pos:\t0\nflags:\t02100002\nmnt_id:\t26\ndrm-driver:\txe\ndrm-client-id:\t71\n"
            "drm-pdev:\t%s\ndrm-total-system:\t0\ndrm-total-gtt:\t192 KiB\ndrm-total-vram0:\t%d KiB\n"
            "drm-resident-vram0:\t%d KiB\ndrm-cycles-ccs:\t%d\ndrm-total-cycles-ccs:\t%d\ndrm-engine-capacity-ccs:\t1"
            % (slot, vram_kib, vram_kib, cyc, total_cyc),
        }
    )
    t["usr/share/hwdata/pci.ids"] = PCI_IDS
    # what DRM_IOCTL_XE_DEVICE_QUERY(MEM_REGIONS) answers to a process without CAP_PERFMON: used = 0
    t["ioctl/xe_mem_regions.bin"] = (
        struct.pack("<II", 2, 0)
        + struct.pack("<HHI4Q6Q", 0, 0, 4096, 16688189440, 0, 0, 0, *[0] * 6)
        + struct.pack("<HHI4Q6Q", 1, 1, 65536, 12788432896, 0, 12788432896, 0, *[0] * 6)
    )
    return t


common = {
    "id": "pci:" + slot,
    "vendor": "intel",
    "driver": "xe",
    "name": "Arc B580",
    "kind": "discrete",
    "state": "active",
    "name_source": "pci.ids (8086:e20b)",
    "power_limit_w": 190.0,
    "temperature_c": 64.0,
    "temperature_label": "pkg",
    "memory_temperature_c": 72.0,
    "fan_rpm": 1435,
    "utilization_pct": 90.0,
    "utilization_source": "gtidle residency (estimate)",
    "memory": {
        "unified": False,
        "dedicated_total": 12788432896,
        "dedicated_total_source": "xe mem-regions ioctl",
        "dedicated_used": None,
        "dedicated_used_lower_bound": 9663676416,
        "llm_total": 12788432896,
    },
}
T["intel_arc_b580_xe"] = {
    "dt_s": 1.0,
    "samples": {
        "t0": b580(11031745544, 19014248107, 848095, 9437184, 5_000_000_000, 20_000_000_000),
        "t1": b580(11218995544, 19155248107, 848195, 9437184, 5_017_280_000, 20_019_200_000),
    },
    "expected": {
        "description": "Arc B580 on the xe driver: energy counters only (no power1_input), VRAM only through the ioctl",
        "accelerators": [
            dict(common, power_w=187.25, power_source="hwmon energy1_input (card)", power_scope="gpu board")
        ],
        "traps": [
            "power1_cap/power1_crit are limits, not readings",
            "link speed 2.5 GT/s x1 is the internal bridge: ignore",
            "temp1 does not exist on xe: match the label",
            "the ioctl's used=0 means 'no CAP_PERFMON', not 'empty'",
            "energy1 and energy2 have different origins: never subtract or add them; prefer card, then pkg",
            "fan3_input 0 is a header with no fan",
            "no tileN/physical_vram_size_bytes on mainline: do not depend on it",
            "a single sample cannot give watts: answer null until the second",
        ],
    },
}

# 4 ---------------------------------------------------------------------------------------------------------------
P = "sys/class/powercap/"


def rapl(pkg, core, uncore, dram, psys, mmio):
    z = {}
    for path, name, uj, rng in (
        ("intel-rapl:0", "package-0", pkg, 262143328850),
        ("intel-rapl:0:0", "core", core, 262143328850),
        ("intel-rapl:0:1", "uncore", uncore, 262143328850),
        ("intel-rapl:0:2", "dram", dram, 262143328850),
        ("intel-rapl:1", "psys", psys, 262143328850),
        ("intel-rapl-mmio:0", "package-0", mmio, 262143328850),
    ):
        z.update(
            {
                P + path + "/name": name,
                P + path + "/energy_uj": uj,
                P + path + "/max_energy_range_uj": rng,
                P + path + "/enabled": 1,
            }
        )
    z.update(
        {
            P + "intel-rapl:0/constraint_0_name": "long_term",
            P + "intel-rapl:0/constraint_0_power_limit_uw": 45000000,
            P + "intel-rapl:0/constraint_0_max_power_uw": 45000000,
            P + "intel-rapl/enabled": 1,
        }
    )
    return nl(z)


T["rapl_intel_package_psys_wrap"] = {
    "dt_s": 1.0,
    "samples": {
        "t0": rapl(262143000000, 118821284256, 2379089000, 30834167000, 120446370000, 262143000000),
        "t1": rapl(44671150, 118852284256, 2380089000, 30837367000, 120524870000, 44671150),
    },
    "expected": {
        "description": "Intel laptop; the package counter wraps between the samples; psys present; MMIO twin of the package",
        "cpu_power": {
            "package_w": 45.0,
            "core_w": 31.0,
            "uncore_w": 1.0,
            "dram_w": 3.2,
            "psys_w": 78.5,
            "source": "powercap intel-rapl",
            "scope": "package-0",
        },
        "traps": [
            "negative watts at the wrap (max_energy_range_uj)",
            "intel-rapl-mmio:0 is the same package again",
            "core+uncore are inside package: never add them",
            "psys is its own top-level zone; it already contains the package",
            "long gaps (suspend): drop the delta when wall time between samples exceeds max_range/TDP (about 97 min at 45 W)",
        ],
    },
}
T["rapl_intel_unreadable"] = {
    "samples": {"": rapl(262143000000, 1, 1, 1, 1, 1)},
    "unreadable": ["energy_uj"],
    "expected": {
        "description": "the default since Linux 5.10: energy_uj is 0400 root; files written with mode 0000",
        "cpu_power": {"package_w": None, "reason": "permission", "source": "powercap intel-rapl"},
        "traps": [
            "0 W instead of unknown",
            "a root test run can still read mode 0000: fake EACCES in the reader",
        ],
    },
}


# 4b: the processor's energy by other drivers ------------------------------------------------------------------------
H = "sys/class/hwmon/"
E = "sys/bus/event_source/devices/power/"


def perf_power(pkg, cores, ram, psys):
    """Two sockets: events, their scale, what each counter says (as if read from its descriptor)."""
    d = nl({E + "type": 9, E + "cpumask": "0,18", E + "format/event": "config:0-7"})
    for code, name in ((2, "pkg"), (1, "cores"), (3, "ram"), (5, "psys")):
        d.update(nl({E + "events/energy-" + name: "event=0x%02x" % code}))
        d.update(nl({E + "events/energy-" + name + ".unit": "Joules"}))
        d.update(nl({E + "events/energy-" + name + ".scale": "2.3283064365386962890625e-10"}))
    for cpu, socket in ((0, 0), (18, 1)):
        d.update(nl({"sys/devices/system/cpu/cpu%d/topology/physical_package_id" % cpu: socket}))
        d.update(nl({"sys/devices/system/cpu/cpu%d/topology/die_id" % cpu: 0}))
    for name, joules in (("pkg", pkg), ("cores", cores), ("ram", ram), ("psys", psys)):
        for cpu, value in zip((0, 18), joules, strict=True):
            d["perf/energy-%s.%d" % (name, cpu)] = struct.pack(
                "<Q", round(value / 2.3283064365386962890625e-10)
            )
    return d


PERF_0 = perf_power((1000.0, 2000.0), (500.0, 900.0), (100.0, 200.0), (5000.0, 0))
PERF_1 = perf_power((1090.0, 2060.0), (560.0, 940.0), (112.0, 208.0), (5310.0, 0))
T["perf_two_sockets"] = {
    "dt_s": 1.0,
    "samples": {"t0": {**rapl(1, 1, 1, 1, 1, 1), **PERF_0}, "t1": {**rapl(2, 2, 2, 2, 2, 2), **PERF_1}},
    "unreadable": ["energy_uj"],
    "expected": {
        "description": "server with perf_event_paranoid 0 and closed powercap: two packages, memory, platform",
        "cpu_power": {
            "package_w": 150.0,
            "core_w": 100.0,
            "dram_w": 20.0,
            "psys_w": 310.0,
            "source": "perf power/energy",
            "scope": "package-0 + package-1",
        },
        "traps": [
            "one counter for each processor of cpumask; psys on the first alone",
            "the count begins with 0 at each opening: its epoch is the descriptor's",
            "cores are inside the package, memory is not",
        ],
    },
}
T["perf_closed"] = {
    "samples": {"": perf_power((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0))},
    "unreadable": ["energy-pkg.0", "energy-pkg.18", "cores.0", "cores.18", "ram.0", "ram.18", "psys.0"],
    "expected": {
        "description": "the default perf_event_paranoid of 2 or more, and no powercap",
        "cpu_power": {"package_w": None, "reason": "closed"},
    },
}


def amd_sockets(first, second, core):
    hwmon = H + "hwmon4/"
    return nl(
        {
            hwmon + "name": "amd_energy",
            hwmon + "energy1_label": "Ecore000",
            hwmon + "energy1_input": core,
            hwmon + "energy33_label": "Esocket0",
            hwmon + "energy33_input": first,
            hwmon + "energy34_label": "Esocket1",
            hwmon + "energy34_input": second,
        }
    )


T["amd_energy_two_sockets"] = {
    "dt_s": 2.0,
    "samples": {
        "t0": amd_sockets(7_000_000_000, 1_000_000, 55),
        "t1": amd_sockets(7_180_000_000, 161_000_000, 90_000_055),
    },
    "expected": {
        "description": "EPYC, two sockets, kernel with amd_energy (uJ, 64 bits, summed up by the driver)",
        "cpu_power": {
            "package_w": 170.0,
            "source": "hwmon amd_energy",
            "scope": "package-0 + package-1",
        },
        "traps": ["sockets are found by label, 32 cores come before them and are inside"],
    },
}
T["zenpower_threadripper"] = {
    "samples": {
        "": nl(
            {
                H + "hwmon1/name": "zenpower",
                H + "hwmon1/power1_label": "SVI2_P_Core",
                H + "hwmon1/power1_input": 61_200_000,
                H + "hwmon2/name": "zenpower",
                H + "hwmon2/power2_label": "SVI2_P_SoC",
                H + "hwmon2/power2_input": 14_300_000,
                H + "hwmon2/curr2_label": "SVI2_C_SoC",
                H + "hwmon2/curr2_input": 13_500,
            }
        )
    },
    "expected": {
        "description": "first Threadripper under zenpower: cores on one node's hwmon, SoC on the other's",
        "cpu_power": {
            "package_w": 75.5,
            "source": "hwmon zenpower",
            "scope": "core + SoC rails",
        },
        "traps": ["the rails of cores and SoC are not the package; never beside a package counter"],
    },
}

# 5 ---------------------------------------------------------------------------------------------------------------
S = "sys/class/power_supply/"
bat = nl(
    {
        S + "AC/type": "Mains",
        S + "AC/online": 0,
        S + "BAT0/type": "Battery",
        S + "BAT0/present": 1,
        S + "BAT0/status": "Discharging",
        S + "BAT0/capacity": 71,
        S + "BAT0/technology": "Li-poly",
        S + "BAT0/cycle_count": 118,
        S + "BAT0/energy_full_design": 57000000,
        S + "BAT0/energy_full": 54120000,
        S + "BAT0/energy_now": 38430000,
        S + "BAT0/power_now": 14523000,
        S + "BAT0/voltage_now": 11583000,
        S + "BAT0/voltage_min_design": 11550000,
        S + "hidpp_battery_0/type": "Battery",
        S + "hidpp_battery_0/scope": "Device",
        S + "hidpp_battery_0/status": "Discharging",
        S + "hidpp_battery_0/capacity": 55,
        S + "hidpp_battery_0/online": 1,
        S + "ucsi-source-psy-USBC000:001/type": "USB",
        S + "ucsi-source-psy-USBC000:001/online": 0,
    }
)
T["battery_energy_units"] = {
    "samples": {"": bat},
    "expected": {
        "description": "laptop on battery, gauge reports energy (uWh) and power (uW)",
        "battery": {
            "present": True,
            "percent": 71,
            "state": "discharging",
            "on_ac": False,
            "discharge_w": 14.523,
            "charge_w": None,
            "source": "power_supply power_now",
            "energy_now_wh": 38.43,
            "seconds_left": 9526,
        },
        "traps": [
            "hidpp_battery_0 (scope=Device) is a mouse",
            "USB source with online 0",
            "power_now has no sign: use status",
        ],
    },
}
# 6 ---------------------------------------------------------------------------------------------------------------
nv, ig = "0000:01:00.0", "0000:00:02.0"


def optimus(runtime, state):
    i = pci(ig, "0x8086", "0x46a6", driver="i915", sub="17AA:3B39", runtime="active", control="on")
    g = pci(
        nv,
        "0x10de",
        "0x28e0",
        driver="nvidia",
        sub="17AA:3B39",
        rev="0xa1",
        runtime=runtime,
        state=state,
        extra={
            "power/runtime_usage": 0 if runtime == "suspended" else 1,
            "power/runtime_suspended_time": 5401622,
            "power/runtime_active_time": 195200,
        },
    )
    t = nl(
        {
            **card(1, 128, i, ig),
            **card(2, 129, g, nv),
            **{
                "sys/bus/pci/devices/0000:01:00.1/" + k: v
                for k, v in pci(
                    "0000:01:00.1",
                    "0x10de",
                    "0x22be",
                    cls="0x040300",
                    driver="snd_hda_intel",
                    runtime=runtime,
                    state=state,
                ).items()
            },
            "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build",
            "proc/driver/nvidia/params": "DynamicPowerManagement: 3\nDynamicPowerManagementVideoMemoryThreshold: 200",
            "proc/driver/nvidia/gpus/%s/power"
            % nv: "Runtime D3 status:          Enabled (fine-grained)\nVideo Memory:               %s\n\n"
            "GPU Hardware Support:\n Video Memory Self Refresh: Supported\n Video Memory Off:          Supported"
            % ("Off" if runtime == "suspended" else "Active"),
            "proc/meminfo": meminfo(16158340, 9211904, 4194300, 4194300),
        }
    )
    t["usr/share/hwdata/pci.ids"] = PCI_IDS
    return t


base = {
    "id": "pci:" + nv,
    "vendor": "nvidia",
    "driver": "nvidia",
    "name": "AD107M [GeForce RTX 4060 Max-Q / Mobile]",
    "name_source": "pci.ids",
    "kind": "discrete",
}
igpu = {
    "id": "pci:" + ig,
    "vendor": "intel",
    "driver": "i915",
    "name": "Alder Lake-P GT2 [Iris Xe Graphics]",
    "kind": "integrated",
    "state": "active",
    "power_w": None,
    "memory": {"unified": True, "dedicated_total": None, "llm_total": None},
}
T["optimus_dgpu_suspended"] = {
    "samples": {"": optimus("suspended", "D3cold")},
    "expected": {
        "description": "hybrid laptop, dGPU in runtime D3cold: list it, never open it",
        "accelerators": [
            igpu,
            dict(
                base,
                state="asleep",
                power_w=None,
                power_reason="asleep: close to 0 W, not measured",
                utilization_pct=None,
                temperature_c=None,
                memory={"unified": False, "dedicated_total": None, "dedicated_used": None, "llm_total": None},
            ),
        ],
        "must_not": [
            "load or init NVML",
            "open /dev/nvidia*",
            "run nvidia-smi",
            "open card2/device/config or any hwmon of 0000:01:00.0",
        ],
        "traps": [
            "0000:01:00.1 is the HDMI audio function",
            "class 0x0300 on both: pick by vendor, not by boot_vga",
            "VRAM size unknown while asleep: use the value cached from the last time it was awake",
        ],
    },
}
T["optimus_dgpu_active"] = {
    "samples": {"": optimus("active", "D0")},
    "expected": {
        "description": "same laptop with the dGPU awake: NVML may be used, then shut down again when it goes idle",
        "accelerators": [igpu, dict(base, state="active", needs_nvml=True)],
        "must_not": [],
        "traps": [
            "a held NVML handle keeps runtime_usage at 1: release it after N idle polls so the GPU can sleep"
        ],
    },
}

# 7 ---------------------------------------------------------------------------------------------------------------
tree = nl(
    {
        "sys/class/drm/card0/uevent": "MAJOR=226\nMINOR=0\nDEVNAME=dri/card0\nDEVTYPE=drm_minor",
        "sys/class/drm/card0/device/uevent": "DRIVER=virtio_gpu\nPCI_CLASS=38000\nPCI_ID=1AF4:1050\nPCI_SLOT_NAME=0000:00:01.0",
        "sys/class/drm/card0/device/vendor": "0x1af4",
        "sys/class/drm/card0/device/device": "0x1050",
        "sys/class/drm/card0/device/class": "0x038000",
        "sys/class/dmi/id/sys_vendor": "QEMU",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 7763 64-Core Processor\nflags\t\t: fpu sse2 avx2 hypervisor",
        "proc/self/cgroup": "0::/",
        "proc/meminfo": meminfo(65473712, 61213904),
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids",
        "sys/fs/cgroup/memory.max": 8589934592,
        "sys/fs/cgroup/memory.high": "max",
        "sys/fs/cgroup/memory.current": 6442450944,
        "sys/fs/cgroup/memory.swap.max": 0,
        "sys/fs/cgroup/memory.stat": "anon 1073741824\nfile 5268045824\ninactive_file 4831838208\nactive_file 436207616\nslab_reclaimable 61234512",
        "run/.containerenv": 'engine="podman-5.2.2"',
    }
)
T["container_vm_no_gpu"] = {
    "samples": {"": tree},
    "expected": {
        "description": "podman container with an 8 GiB limit on a VM; a virtual display adapter only",
        "accelerators": [],
        "ignored_adapters": ["virtio_gpu 1af4:1050"],
        "memory": {
            "host_total": 67045081088,
            "host_available": 62683037696,
            "limit": 8589934592,
            "limit_source": "cgroup v2 memory.max",
            "total": 8589934592,
            "available": 6979321856,
        },
        "environment": {"virtual_machine": True, "container": "podman"},
        "cpu_power": {"package_w": None, "reason": "no powercap"},
        "battery": {"present": False},
        "traps": [
            "memory.current contains the page cache: available = max - (current - inactive_file), here 6.5 GiB not 2 GiB",
            "memory.max can be the word 'max'",
            "the limit may be above MemTotal: take the smaller",
        ],
    },
}

# 8 ---------------------------------------------------------------------------------------------------------------
tree = nl(
    {
        "proc/meminfo": meminfo(127600748, 118566368),
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd85",
        **{
            "sys/bus/pci/devices/000f:01:00.0/" + k: v
            for k, v in pci(
                "000f:01:00.0",
                "0x10de",
                "0x2e12",
                cls="0x030000",
                driver="nvidia",
                sub="10DE:21EC",
                rev="0xa1",
            ).items()
        },
    }
)
T["nvidia_gb10_unified"] = {
    "samples": {"": tree},
    "nvml_stub": "FAKE_NVML=gb10",
    "expected": {
        "description": "DGX Spark: NVML answers NOT_SUPPORTED to both memory calls; use with the NVML stub in mode gb10",
        "accelerators": [
            {
                "id": "pci:000f:01:00.0",
                "vendor": "nvidia",
                "name": "NVIDIA GB10",
                "kind": "integrated",
                "state": "active",
                "memory": {
                    "unified": True,
                    "dedicated_total": None,
                    "dedicated_used": None,
                    "shared_total": 127600748 * 1024,
                    "shared_available": 118566368 * 1024,
                    "llm_total": 127600748 * 1024,
                },
                "power_w": 11.17,
                "power_source": "nvmlDeviceGetPowerUsage",
                "power_scope": "gpu only",
                "utilization_pct": 63,
                "temperature_c": 47,
            }
        ],
        "traps": [
            "PCI domain 0x000f: NVML prints 0000000F:01:00.0, sysfs 000f:01:00.0 - normalise before joining",
            "showing 0 GB or treating NOT_SUPPORTED as a lost GPU",
            "use MemAvailable, not MemFree",
        ],
    },
}


NOTES = frozenset(
    {"description", "traps", "samples", "must_not", "needs_nvml", "nvml_stub", "dt_s", "unreadable"}
)
"""Keys of ``expected`` that are notes, not part of the answer."""


def write_tree(dest, tree, unreadable=()):
    """Write one sample {relative path: content}; files that end in ``unreadable`` get mode 0000."""
    for rel, val in tree.items():
        file = Path(dest) / rel
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(val if isinstance(val, bytes) else val.encode())
        if any(rel.endswith(ending) for ending in unreadable):
            file.chmod(0)
    return Path(dest)


def write_all(dest):
    """Write every tree with its ``expected.json`` below ``dest``; the names."""
    for name, t in T.items():
        for sub, tree in t["samples"].items():
            write_tree(Path(dest) / name / sub, tree, t.get("unreadable", ()))
        exp = dict(t["expected"])
        exp.update({key: t[key] for key in ("dt_s", "nvml_stub", "unreadable") if key in t})
        exp["samples"] = sorted(t["samples"])
        (Path(dest) / name / "expected.json").write_text(json.dumps(exp, indent=1) + "\n")
    return sorted(T)
