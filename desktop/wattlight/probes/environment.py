"""Where the program runs on Linux: processor, virtual machine, container, WSL."""

import os
import re
from collections.abc import Callable
from typing import Protocol

from wattlight.domain.values import clean_text

from .linux.memory import own_groups
from .numbers import Moment, pairs
from .nvidia.nvml import NvmlApi
from .part import Machine, Part
from .reader import Reader
from .report import Accelerator, Battery, CpuPower, Environment, Memory

IN_VM = "Power sensors are not available in a virtual machine."
IN_CONTAINER = "The numbers are those of this container, not of the whole computer."
IN_WSL = "This is Linux inside Windows (WSL): processor power and battery are seen only from Windows."

_HYPERVISORS = {
    "QEMU": "QEMU",
    "VMware, Inc.": "VMware",
    "innotek GmbH": "VirtualBox",
    "Oracle Corporation": "VirtualBox",
    "Xen": "Xen",
    "Parallels": "Parallels",
    "Parallels International GmbH.": "Parallels",
    "Amazon EC2": "Amazon EC2",
    "Google": "Google Compute Engine",
    "Google Compute Engine": "Google Compute Engine",
    "OpenStack Foundation": "OpenStack",
    "Bochs": "Bochs",
    "UTM": "UTM",
}
_VM_PRODUCTS = ("Virtual Machine", "VirtualBox", "VMware", "KVM", "HVM domU", "Bochs", "Standard PC")
_ENGINE = re.compile(r'^engine="?([A-Za-z]+)', re.MULTILINE)
_CONTAINER_WORDS = ("docker", "libpod", "kubepods", "containerd", "lxc")


def linux_environment(reader: Reader) -> Environment:
    """The environment of this process. Never raises."""
    processor = reader.text("/proc/cpuinfo") or ""
    first = pairs(processor.split("\n\n")[0])
    flags = set((first.get("flags") or first.get("Features") or "").split())
    hypervisor = _hypervisor(reader, flags)
    container = _container(reader)
    wsl = "microsoft" in (reader.text("/proc/version") or "").lower() or reader.exists("/dev/dxg")
    virtual = bool(hypervisor) or "hypervisor" in flags or wsl
    messages = [IN_WSL] if wsl else [IN_VM] if virtual else []
    if container:
        messages.append(IN_CONTAINER)
    name = first.get("model name") or first.get("Model") or reader.text("/proc/device-tree/model")
    return Environment(
        os="linux",
        kernel=_short(reader.text("/proc/sys/kernel/osrelease")),
        cpu_name=_short(name.strip("\0 ") if name else None),
        cpu_cores=_cores(reader, processor),
        virtual_machine=virtual,
        hypervisor=hypervisor,
        container=container,
        wsl=wsl,
        amx="amx_tile" in flags,
        messages=tuple(messages),
    )


def _short(text: str | None) -> str | None:
    return clean_text(text, 100) if text else None


def _cores(reader: Reader, processor: str) -> int | None:
    if reader.live:
        return os.cpu_count()
    return len(re.findall(r"^processor\s*:", processor, re.MULTILINE)) or None


def _hypervisor(reader: Reader, flags: set[str]) -> str | None:
    vendor = reader.text("/sys/class/dmi/id/sys_vendor") or ""
    product = reader.text("/sys/class/dmi/id/product_name") or ""
    if vendor == "Microsoft Corporation":
        return "Hyper-V" if product == "Virtual Machine" else None
    named = _HYPERVISORS.get(vendor)
    if named in {"VirtualBox", "Google Compute Engine"} and "hypervisor" not in flags:
        named = named if product.startswith(("VirtualBox", "Google Compute")) else None
    if named:
        return named
    if any(word in product for word in _VM_PRODUCTS) and "hypervisor" in flags:
        return _short(product)
    return _short(reader.text("/sys/hypervisor/type"))


def _container(reader: Reader) -> str | None:
    marker = reader.text("/run/.containerenv")
    if marker is not None:
        match = _ENGINE.search(marker)
        return match.group(1).lower() if match else "podman"
    if reader.exists("/.flatpak-info"):
        return "flatpak"
    if reader.exists("/.dockerenv"):
        return "docker"
    named = reader.text("/run/systemd/container")
    if named:
        return clean_text(named.split()[0], 40) if named.split() else None
    groups = " ".join(own_groups(reader))
    for word in _CONTAINER_WORDS:
        if re.search(rf"[/:-]{word}[/.:-]|/{word}-", groups + "/"):
            return {"libpod": "podman", "kubepods": "kubernetes"}.get(word, word)
    return None


NO_GPU = "No GPU found. Models run on the CPU."


class Host(Protocol):
    """What the prober asks the operating system. No method raises."""

    reader: Reader
    battery_every_s: float
    cpu_may_hang: bool
    """Whether the processor's source may block (then it is asked on the worker thread)."""

    @property
    def battery_may_hang(self) -> bool:
        """Whether there is a battery to ask, whose firmware may take its time."""

    def name(self) -> str:
        """The computer's name."""

    def boot_id(self) -> str:
        """Changes at every start of the computer; empty if unknown."""

    def inventory(self) -> tuple[str, ...]:
        """Names of what is plugged in; a change means that parts came or went."""

    def machine(self) -> Machine:
        """Adapters and environment, found afresh."""

    def find(self, machine: Machine) -> list[Part]:
        """The accelerator parts."""

    def ignored(self, machine: Machine) -> tuple[str, ...]:
        """Adapters that are no accelerators."""

    def with_messages(self, machine: Machine, rows: tuple[Accelerator, ...]) -> Environment:
        """The environment with the sentences that go with what was found."""

    def memory(self) -> Memory:
        """System memory now."""

    def cpu_power(self, now: Moment) -> CpuPower:
        """Processor power since the last look."""

    def battery(self) -> Battery:
        """The battery now."""

    def close(self) -> None:
        """Close everything."""


NvmlMaker = Callable[[], NvmlApi]


def no_nvml() -> NvmlApi:
    """For systems without NVIDIA GPUs; must not be called."""
    raise NotImplementedError
