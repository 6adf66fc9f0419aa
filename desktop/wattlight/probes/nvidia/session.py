"""Opening, losing, releasing and reopening NVML: one session for all NVIDIA GPUs of the machine."""

from enum import StrEnum

from wattlight.i18n import marked, tr

from .nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    LIB_RM_VERSION_MISMATCH,
    LIBRARY_NOT_FOUND,
    NO_ATTACH,
    NO_PERMISSION,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    UNINITIALIZED,
    UNKNOWN,
    Handle,
    NvmlApi,
    NvmlFault,
)

ENDS_SESSION = {UNINITIALIZED, DRIVER_NOT_LOADED, GPU_IS_LOST, LIB_RM_VERSION_MISMATCH}
"""Codes after which every handle is worthless (driver reload, suspend, GPU off the bus)."""
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 60.0
_LOST_WAIT_S = 30.0
_NO_LIBRARY_WAIT_S = 300.0


class Link(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    FAILED = "failed"


class NvmlSession:
    """Keeps NVML open while it is wanted.

    After a failure it is tried again after 5, 10, 20 ... 60 s (30 s for a lost GPU, 5 minutes without the
    library). ``generation`` grows with every opening: energy baselines of an older one are void.
    """

    def __init__(self, api: NvmlApi) -> None:
        self._api = api
        self._retry_at_s = float("-inf")
        self._wait_s = _FIRST_WAIT_S
        self._careful = False
        self.link = Link.CLOSED
        self.fault: int | None = None
        self.generation = 0
        self.driver = ""

    def open(self, now_s: float, careful: bool) -> bool:
        """Have it open; ``careful`` touches no GPU (one of them sleeps). False when it is not."""
        if self.link is Link.OPEN:
            return True
        if now_s < self._retry_at_s:
            return False
        try:
            self._api.init(NO_ATTACH if careful else 0)
        except NvmlFault as fault:
            self._fail(fault.code, now_s)
            return False
        self.link, self.fault, self._careful = Link.OPEN, None, careful
        self.generation += 1
        try:
            self.driver = self._api.driver_version()
        except NvmlFault:
            self.driver = ""
        return True

    def handle_for(self, slot: str) -> Handle:
        """The handle of one GPU; only that GPU is touched when another one sleeps.

        Raises:
            NvmlFault: NVML does not know it or cannot do it carefully.
        """
        try:
            return self._api.handle_at(slot)
        except NvmlFault as fault:
            if self._careful or fault.code in {GPU_IS_LOST, RESET_REQUIRED}:
                raise
        for handle in self._api.handles():
            if self._api.slot(handle) == slot:
                return handle
        raise NvmlFault(0)

    def worked(self) -> None:
        """A device answered: the next failure starts with the short wait again."""
        self._wait_s = _FIRST_WAIT_S

    def lose(self, code: int, now_s: float) -> None:
        """A device call ended the session: close it and back off."""
        self.close()
        self._fail(code, now_s)

    def close(self) -> None:
        """Release NVML, so that the GPU may sleep. Never raises."""
        if self.link is Link.OPEN:
            self.link = Link.CLOSED
            try:
                self._api.shutdown()
            except NvmlFault:
                pass

    def _fail(self, code: int, now_s: float) -> None:
        self.link, self.fault = Link.FAILED, code
        if code == GPU_IS_LOST:
            wait_s = _LOST_WAIT_S
        elif code == LIBRARY_NOT_FOUND:
            wait_s = _NO_LIBRARY_WAIT_S
        else:
            wait_s = self._wait_s
            self._wait_s = min(_LONGEST_WAIT_S, self._wait_s * 2)
        self._retry_at_s = now_s + wait_s


NO_GPU_LISTED = marked(
    "NVIDIA GPU found, but its driver lists none: it may be reserved for something else or not be set up yet."
)
RESERVED = marked("NVIDIA GPU found, but it is reserved for a virtual machine (vfio).")
NOT_PASSED = marked("NVIDIA GPU found, but it was not passed to this container.")
OTHER_ASLEEP = marked("Another NVIDIA GPU is asleep, and this driver cannot ask one without waking both.")
RELEASED = marked("let go so that it can sleep; not measured until a model uses it")
RESUMING = marked("waking up: read at the next look")
MIG_PARENT = marked("The card is split into slices (MIG): load is not reported for the whole card.")

_INIT = {
    UNINITIALIZED: marked("The connection to the NVIDIA driver was closed."),
    NO_PERMISSION: marked("This user may not use the NVIDIA driver (check who may read /dev/nvidiactl)."),
    DRIVER_NOT_LOADED: marked(
        "NVIDIA GPU found, but its driver is not running (the kernel module is not loaded)."
    ),
    LIBRARY_NOT_FOUND: marked("NVIDIA GPU found, but its driver is not installed (or nouveau is in use)."),
    GPU_IS_LOST: marked(
        "The GPU stopped responding. It is tried again every 30 seconds; a reboot brings it back."
    ),
    RESET_REQUIRED: marked("The GPU needs a reset: reboot the computer."),
    LIB_RM_VERSION_MISMATCH: marked(
        "The NVIDIA driver was updated while running: reboot to finish the update."
    ),
}
_CONTAINER_999 = marked(
    "The NVIDIA driver can no longer be reached from this container: restart the container."
)
_OTHER_999 = marked("The NVIDIA driver reports an unknown error: a reboot usually clears it.")


def sentence(code: int, in_container: bool) -> str:
    """The sentence for an NVML error that concerns the whole GPU or driver."""
    if code == UNKNOWN:
        return tr(_CONTAINER_999 if in_container else _OTHER_999)
    said = _INIT.get(code)
    return tr(said) if said else tr("The NVIDIA driver answered with error {code}.", code=code)


def field_reason(code: int, what: str) -> str:
    """Why one figure is missing."""
    if code == NOT_SUPPORTED:
        return tr("the driver does not report {what} for this GPU", what=tr(what))
    if code == NO_PERMISSION:
        return tr("this user may not read {what}", what=tr(what))
    return tr("the driver could not say (error {code})", code=code)
