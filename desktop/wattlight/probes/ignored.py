"""Adapters that are no accelerators: virtual displays, server management chips, makers without a probe."""

from .pci import Adapter

KNOWN_VENDORS = {0x10DE, 0x1002, 0x8086}
_VIRTUAL_DRIVERS = {
    "virtio_gpu",
    "virtio-pci",
    "vmwgfx",
    "vboxvideo",
    "bochs-drm",
    "qxl",
    "hyperv_drm",
    "cirrus",
}


def is_ignored(adapter: Adapter) -> bool:
    """Whether no probe of ours looks at it."""
    if adapter.driver in _VIRTUAL_DRIVERS or adapter.vendor_id not in KNOWN_VENDORS:
        return True
    return adapter.vendor_id == 0x8086 and adapter.class_id >> 16 == 0x12


def label(adapter: Adapter) -> str:
    """ "virtio_gpu 1af4:1050"; the driver alone where there is no PCI id."""
    words = [adapter.driver or "no driver"] + ([adapter.pci_id] if adapter.vendor_id else [])
    return " ".join(words)
