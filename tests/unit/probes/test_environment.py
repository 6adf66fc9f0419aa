"""Virtual machines, containers, WSL, Tegra boards; adapters that are none."""

from collections.abc import Callable
from typing import Any

import pytest

from fakes import trees
from wattlight.probes.environment import linux_environment
from wattlight.probes.reader import Reader

Make = Callable[..., Any]
FLAGS = (
    "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu amx_tile hypervisor\n\n"
    "processor\t: 1\nmodel name\t: x"
)


@pytest.mark.parametrize(
    ("tree", "container"),
    [
        ({"run/.containerenv": ""}, "podman"),
        ({"run/.containerenv": 'engine="podman-5.2.2"'}, "podman"),
        ({".dockerenv": ""}, "docker"),
        ({".flatpak-info": "[Application]"}, "flatpak"),
        ({"run/systemd/container": "lxc"}, "lxc"),
        ({"proc/self/cgroup": "0::/kubepods/burstable/pod1"}, "kubernetes"),
        ({"proc/self/cgroup": "0::/system.slice/docker-abc.scope"}, "docker"),
        ({"proc/self/cgroup": "0::/user.slice/user-1000.slice/app-libpodish.scope"}, None),
        ({"proc/self/cgroup": "0::/user.slice"}, None),
    ],
)
def test_containers(tree: dict[str, Any], container: str | None, make_tree: Make) -> None:
    assert linux_environment(Reader(make_tree(tree))).container == container


@pytest.mark.parametrize(
    ("tree", "virtual", "name"),
    [
        ({"proc/cpuinfo": FLAGS}, True, None),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, True, "QEMU"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation",
                "sys/class/dmi/id/product_name": "Virtual Machine",
            },
            True,
            "Hyper-V",
        ),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation",
                "sys/class/dmi/id/product_name": "Surface Pro",
            },
            False,
            None,
        ),
        ({"sys/class/dmi/id/sys_vendor": "LENOVO"}, False, None),
        ({"proc/version": "Linux 5.15 microsoft-standard-WSL2"}, True, None),
    ],
)
def test_virtual_machines(tree: dict[str, Any], virtual: bool, name: str | None, make_tree: Make) -> None:
    seen = linux_environment(Reader(make_tree(tree)))
    assert (seen.virtual_machine, seen.hypervisor) == (virtual, name)
    assert bool([m for m in seen.messages if "virtual machine" in m or "WSL" in m]) == virtual


def test_the_processor(make_tree: Make) -> None:
    seen = linux_environment(Reader(make_tree({"proc/cpuinfo": FLAGS})))
    assert (seen.cpu_name, seen.cpu_cores, seen.amx) == ("Some CPU", 2, True)
    board = linux_environment(Reader(make_tree({"proc/device-tree/model": b"NVIDIA Orin\0"})))
    assert board.cpu_name == "NVIDIA Orin"


@pytest.mark.parametrize(
    ("vendor", "device", "driver", "label"),
    [
        ("0x1234", "0x1111", "bochs-drm", "bochs-drm 1234:1111"),
        ("0x15ad", "0x0405", "vmwgfx", "vmwgfx 15ad:0405"),
        ("0x80ee", "0xbeef", "vboxvideo", "vboxvideo 80ee:beef"),
        ("0x1414", "0x5353", "hyperv_drm", "hyperv_drm 1414:5353"),
        ("0x1a03", "0x2000", "ast", "ast 1a03:2000"),
    ],
)
def test_displays_that_compute_nothing(
    vendor: str, device: str, driver: str, label: str, make_tree: Make, open_tree: Make
) -> None:
    slot = "0000:00:01.0"
    root = make_tree(trees.card(0, 128, trees.pci(slot, vendor, device, driver=driver), slot))
    report = open_tree(root).report()
    assert report.accelerators == () and report.ignored_adapters == (label,)
    assert report.environment.messages[0] == "No GPU found. Models run on the CPU."


def test_a_framebuffer_without_a_bus_is_named_by_its_driver(make_tree: Make, open_tree: Make) -> None:
    tree = {"sys/class/drm/card0/device/uevent": "DRIVER=simple-framebuffer\nMODALIAS=platform:x"}
    assert open_tree(make_tree(tree)).report().ignored_adapters == ("simple-framebuffer",)


def jetson(**files: Any) -> dict[str, Any]:
    h = "sys/class/hwmon/hwmon1"
    return {
        "proc/meminfo": trees.meminfo(64 << 20, 32 << 20),
        "proc/device-tree/model": b"NVIDIA Jetson AGX Orin Developer Kit\0",
        "sys/devices/platform/gpu.0/load": 453,
        "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
        "sys/class/thermal/thermal_zone1/temp": 51_500,
        f"{h}/name": "ina3221",
        f"{h}/in1_label": "VDD_GPU_SOC", f"{h}/in1_input": 5000, f"{h}/curr1_input": 2400,
        f"{h}/in2_label": "VDD_CPU_CV", f"{h}/in2_input": 5000, f"{h}/curr2_input": 800,
        **files,
    }  # fmt: skip


def test_a_jetson_board(make_tree: Make, open_tree: Make) -> None:
    prober = open_tree(make_tree(jetson()))
    (seen,) = prober.report().accelerators
    assert seen.name == "NVIDIA Jetson AGX Orin Developer Kit" and seen.device.form == "integrated"
    assert (seen.load.value, seen.temperature_c) == (45.3, 51.5)
    assert (seen.power_w, seen.power.source) == (12.0, "ina3221 VDD_GPU_SOC")
    assert seen.memory.unified and seen.memory.llm_total_bytes == 64 << 30
    (device,) = prober.profile().devices
    assert device.unified and device.integrated and device.backend == "cuda"


def test_an_older_jetson_kernel(make_tree: Make, open_tree: Make) -> None:
    d = "sys/bus/i2c/devices/0-0040/iio:device0"
    tree = jetson(**{f"{d}/name": "ina3221x", f"{d}/rail_name_0": "POM_5V_GPU", f"{d}/in_power0_input": 1532})
    tree = {k: v for k, v in tree.items() if "class/hwmon" not in k}
    (seen,) = open_tree(make_tree(tree)).report().accelerators
    assert seen.power_w == 1.532 and seen.power_scope == "gpu rail"


def test_a_jetson_without_rails_says_so(make_tree: Make, open_tree: Make) -> None:
    tree = {k: v for k, v in jetson().items() if "hwmon" not in k}
    tree["sys/devices/platform/gpu.0/load"] = "garbage"
    (seen,) = open_tree(make_tree(tree)).report().accelerators
    assert seen.power_w is seen.load.value is None and seen.power.reason and seen.load.reason


def test_strings_out_of_files_are_hostile(make_tree: Make, open_tree: Make) -> None:
    slot = "0000:03:00.0"
    evil = "a\x1b[31m\u202e" + "b" * 400
    device = trees.pci(slot, "0x1234", "0x1111", driver=evil)
    card = trees.pci("0000:04:00.0", "0x1002", "0x744c", driver="amdgpu") | {
        "hwmon/hwmon1/name": "amdgpu", "hwmon/hwmon1/power1_average": 9_000_000,
        "hwmon/hwmon1/power1_label": evil, "product_name": evil,
    }  # fmt: skip
    cpu = {"proc/cpuinfo": f"model name\t: {evil}", "proc/sys/kernel/hostname": evil}
    root = make_tree({**trees.card(0, 128, device, slot), **trees.card(1, 129, card, "0000:04:00.0"), **cpu})
    prober = open_tree(root)
    report = prober.report()
    (row,) = report.accelerators
    said = [
        row.name,
        row.power_scope,
        *report.ignored_adapters,
        report.environment.cpu_name,
        prober.profile().name,
    ]
    assert all(text and "\x1b" not in text and "\u202e" not in text and len(text) <= 240 for text in said)
