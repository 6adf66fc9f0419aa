"""Where the program runs: what an operating system is asked, and on Linux virtual machine, container, WSL."""

import os
import platform
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from wattlight.domain.power import Usage
from wattlight.domain.values import DeviceSample, clean_text
from wattlight.i18n import marked

from .linux.fdinfo import ProcessesOnDevices
from .linux.memory import own_groups
from .linux.pci import Adapter
from .numbers import Moment, pairs
from .probe import DeviceCache, NvmlFactory, Probe, ProbeContext
from .reader import Reader
from .report import Battery, CpuPower, Environment, Memory
from .server_processes import ServerProcesses

IN_VM = marked("Power sensors are not available in a virtual machine.")
IN_CONTAINER = marked("The numbers are those of this container, not of the whole computer.")
IN_WSL = marked("This is Linux inside Windows (WSL): processor power and battery are seen only from Windows.")

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
    hypervisor = hypervisor_of(
        reader.text("/sys/class/dmi/id/sys_vendor") or "",
        reader.text("/sys/class/dmi/id/product_name") or "",
        "hypervisor" in flags,
    ) or short_text(reader.text("/sys/hypervisor/type"))
    container = _container(reader)
    wsl = "microsoft" in (reader.text("/proc/version") or "").lower() or reader.exists("/dev/dxg")
    virtual = bool(hypervisor) or "hypervisor" in flags or wsl
    messages = [IN_WSL] if wsl else [IN_VM] if virtual else []
    if container:
        messages.append(IN_CONTAINER)
    name = first.get("model name") or first.get("Model") or reader.text("/proc/device-tree/model")
    return Environment(
        os="linux",
        kernel=short_text(reader.text("/proc/sys/kernel/osrelease")),
        cpu_name=short_text(name.strip("\0 ") if name else None),
        cpu_cores=_cores(reader, processor),
        virtual_machine=virtual,
        hypervisor=hypervisor,
        container=container,
        wsl=wsl,
        amx="amx_tile" in flags,
        messages=tuple(messages),
    )


def short_text(text: str | None) -> str | None:
    return clean_text(text, 100) if text else None


def _cores(reader: Reader, processor: str) -> int | None:
    if reader.live:
        return os.cpu_count()
    return len(re.findall(r"^processor\s*:", processor, re.MULTILINE)) or None


def hypervisor_of(vendor: str, product: str, flagged: bool | None) -> str | None:
    """What runs the virtual machine whose firmware gives these names; None on a real computer.

    ``flagged``: whether the processor says that a hypervisor is there; None where that means nothing (Windows
    runs above one of its own on real computers too).
    """
    if vendor == "Microsoft Corporation":
        return "Hyper-V" if product == "Virtual Machine" else None
    named = _HYPERVISORS.get(vendor)
    if named in {"VirtualBox", "Google Compute Engine"} and not flagged:
        named = named if product.startswith(("VirtualBox", "Google Compute")) else None
    if named or flagged is False:
        return named
    return short_text(product) if any(word in product for word in _VM_PRODUCTS) else None


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


NO_GPU = marked("No GPU found. Models run on the CPU.")


class Host:
    """What the prober asks the operating system; each derives from it what it can tell. No method raises.

    Attributes:
        cpu_may_hang, battery_may_hang: whether the source may block (then it is asked on the worker thread).
    """

    battery_every_s = 5.0
    """The gauge moves every 1-30 s, and some firmware takes its time to answer."""
    cpu_may_hang = True
    battery_may_hang = True

    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> None:
        self.reader = reader
        self._cache, self._nvml = cache, nvml
        self.servers = ServerProcesses(reader)
        self._held = ProcessesOnDevices(reader, self.servers)
        self._busy: tuple[float, float | None] = (float("-inf"), None)

    def name(self) -> str:
        return clean_text(platform.node()) or "this computer"

    def boot_id(self) -> str:
        """Changes at every start of the computer; empty if unknown."""
        raise NotImplementedError

    def inventory(self) -> tuple[str, ...]:
        """Names of what is plugged in; a change means that parts came or went."""
        return ()

    def context(self) -> ProbeContext:
        return self._context(self._environment())

    def find(self, context: ProbeContext) -> list[Probe]:
        raise NotImplementedError

    def ignored(self, context: ProbeContext) -> tuple[str, ...]:
        return ()

    def with_messages(self, context: ProbeContext, rows: tuple[DeviceSample, ...]) -> Environment:
        """The environment with the sentences that go with what was found."""
        environment = context.environment
        if rows:
            return environment
        return replace(environment, messages=(self._no_gpu(), *environment.messages))

    def memory(self) -> Memory:
        raise NotImplementedError

    def cpu_power(self, now: Moment) -> CpuPower:
        raise NotImplementedError

    def battery(self) -> Battery:
        raise NotImplementedError

    def busy(self, now: Moment) -> float | None:
        """Share of the time since the look before in which the processors worked, 0..1; None if unknown."""
        if self._busy[0] != now.monotonic_s:
            self._busy = (now.monotonic_s, self._read_busy(now))
        return self._busy[1]

    def _read_busy(self, _now: Moment) -> float | None:
        return None

    def usage(self, now: Moment, battery: Battery) -> Usage:
        """How busy the computer is that runs on ``battery``."""
        return Usage(self.busy(now), battery=battery.name, battery_wh=battery.energy_now_wh)

    def close(self) -> None:
        self.reader.close()

    def _environment(self) -> Environment:
        raise NotImplementedError

    def _context(self, environment: Environment, adapters: tuple[Adapter, ...] = ()) -> ProbeContext:
        return ProbeContext(self.reader, adapters, environment, self._cache, self._nvml, self._held)

    def _no_gpu(self) -> str:
        return NO_GPU


T = TypeVar("T")


def optional(make: Callable[[], T]) -> T | None:
    """A source of the operating system, None where it is not there."""
    try:
        return make()
    except (OSError, AttributeError, ValueError):
        return None
