"""What a person is told for each way the NVIDIA driver can fail."""

from .nvml_api import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    UNINITIALIZED,
    UNKNOWN,
)

NO_GPU_LISTED = (
    "NVIDIA GPU found, but its driver lists none: it may be reserved for something else or not be set up yet."
)
RESERVED = "NVIDIA GPU found, but it is reserved for a virtual machine (vfio)."
NOT_PASSED = "NVIDIA GPU found, but it was not passed to this container."
OTHER_ASLEEP = "Another NVIDIA GPU is asleep, and this driver cannot ask one without waking both."
RELEASED = "let go so that it can sleep; not measured until a model uses it"
RESUMING = "waking up: read at the next look"
NOT_ANSWERED = "The driver gives no {what} for this GPU."
MIG_PARENT = "The card is split into slices (MIG): load is not reported for the whole card."

_INIT = {
    UNINITIALIZED: "The connection to the NVIDIA driver was closed.",
    NO_PERMISSION: "This user may not use the NVIDIA driver (check who may read /dev/nvidiactl).",
    DRIVER_NOT_LOADED: "NVIDIA GPU found, but its driver is not running (the kernel module is not loaded).",
    LIBRARY_NOT_FOUND: "NVIDIA GPU found, but its driver is not installed (or nouveau is in use).",
    GPU_IS_LOST: "The GPU stopped responding. It is tried again every 30 seconds; a reboot brings it back.",
    RESET_REQUIRED: "The GPU needs a reset: reboot the computer.",
    LIB_RM_VERSION_MISMATCH: "The NVIDIA driver was updated while running: reboot to finish the update.",
}
_CONTAINER_999 = "The NVIDIA driver can no longer be reached from this container: restart the container."
_OTHER_999 = "The NVIDIA driver reports an unknown error: a reboot usually clears it."


def sentence(code: int, in_container: bool) -> str:
    """The sentence for an NVML error that concerns the whole GPU or driver."""
    if code == UNKNOWN:
        return _CONTAINER_999 if in_container else _OTHER_999
    return _INIT.get(code, f"The NVIDIA driver answered with error {code}.")


def field_reason(code: int, what: str) -> str:
    """Why one figure is missing."""
    if code == NOT_SUPPORTED:
        return f"the driver does not report {what} for this GPU"
    if code == NO_PERMISSION:
        return f"this user may not read {what}"
    return f"the driver could not say (error {code})"
