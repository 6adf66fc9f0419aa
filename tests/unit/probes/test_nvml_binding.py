"""The binding of NVML: its faults become codes, old drivers their older calls, nonsense is a fault too."""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wattlight.probes.nvidia import nvml
from wattlight.probes.nvidia.nvml import NvmlApi, NvmlFault, NvmlMemory, NvmlProcess, NvmlUse

GIB = 1 << 30
CARD = "card"


class NVMLError(Exception):
    """As the binding's: it carries a number."""

    def __init__(self, value: int) -> None:
        super().__init__()
        self.value = value


class NVMLLibraryMismatchError(Exception):
    """The binding's own for a struct that the library does not know; it carries nothing."""


class Binding:
    """The module, with answers that can be exchanged; an exception is raised."""

    nvmlMemory_v2 = 2

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Any] = {
            "nvmlInitWithFlags": None,
            "nvmlShutdown": None,
            "nvmlSystemGetDriverVersion": b"580.95.05",
            "nvmlDeviceGetCount": 2,
            "nvmlDeviceGetHandleByIndex": lambda index: f"card{index}",
            "nvmlDeviceGetName": "NVIDIA GeForce RTX 4090",
        }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.answers:
            raise AttributeError(name)

        def ask(*arguments: Any, **named: Any) -> Any:
            self.asked.append(name)
            answer = self.answers[name]
            if callable(answer):
                answer = answer(*arguments, **named)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


@pytest.fixture
def binding(monkeypatch: pytest.MonkeyPatch) -> Binding:
    """In the place of the installed one."""
    made: Any = Binding()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made  # type: ignore[no-any-return]


@pytest.fixture
def api(binding: Binding) -> NvmlApi:
    """An open library."""
    made = NvmlApi()
    made.init(nvml.NO_ATTACH)
    return made


def code(ask: Callable[[], object]) -> int:
    with pytest.raises(NvmlFault) as caught:
        ask()
    return caught.value.code


def test_nothing_is_asked_of_a_library_that_is_not_open() -> None:
    api = NvmlApi()
    api.shutdown()
    assert code(api.driver_version) == nvml.UNINITIALIZED


def test_a_binding_that_cannot_be_imported_is_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert code(lambda: NvmlApi().init(0)) == nvml.LIBRARY_NOT_FOUND


def test_loading_is_noted_and_closing_too(binding: Binding) -> None:
    noted: list[str] = []
    api = NvmlApi(noted.append)
    api.init(nvml.NO_ATTACH)
    assert noted == ["load libnvidia-ml"]
    assert api.driver_version() == "580.95.05"
    api.shutdown()
    assert binding.asked[-1] == "nvmlShutdown"


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (NVMLError(nvml.GPU_IS_LOST), nvml.GPU_IS_LOST),
        (NVMLError(nvml.NO_PERMISSION), nvml.NO_PERMISSION),
        (NVMLLibraryMismatchError(), nvml.FUNCTION_NOT_FOUND),
        (AttributeError("nvmlDeviceGetName"), nvml.UNEXPECTED),
        (TypeError("arguments"), nvml.UNEXPECTED),
        (OSError(5, "input/output error"), nvml.UNEXPECTED),
    ],
)
def test_every_failure_has_a_code(binding: Binding, api: NvmlApi, error: Exception, wanted: int) -> None:
    binding.answers["nvmlDeviceGetName"] = error
    assert code(lambda: api.name(CARD)) == wanted


@pytest.mark.parametrize("value", [None, "much", b"", [], 1j])
def test_an_answer_that_is_no_number_is_a_fault(binding: Binding, api: NvmlApi, value: Any) -> None:
    binding.answers["nvmlDeviceGetPowerUsage"] = lambda _handle: value
    assert code(lambda: api.power_usage_mw(CARD)) == nvml.UNEXPECTED


def test_a_name_in_bytes_that_are_no_text(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetName"] = b"RTX \xff"
    assert api.name(CARD) == "RTX \ufffd"


def test_one_card_that_fails_does_not_hide_the_others(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetCount"] = 3
    binding.answers["nvmlDeviceGetHandleByIndex"] = lambda i: NVMLError(nvml.GPU_IS_LOST) if i == 1 else i
    assert api.handles() == [0, 2]


@pytest.mark.parametrize(
    ("count", "error", "raised"),
    [
        (1, nvml.GPU_IS_LOST, nvml.GPU_IS_LOST),
        (2, nvml.DRIVER_NOT_LOADED, nvml.DRIVER_NOT_LOADED),
        (2, nvml.UNINITIALIZED, nvml.UNINITIALIZED),
        (2, nvml.GPU_IS_LOST, None),
    ],
)
def test_when_no_card_answers(
    binding: Binding, api: NvmlApi, count: int, error: int, raised: int | None
) -> None:
    binding.answers["nvmlDeviceGetCount"] = count
    binding.answers["nvmlDeviceGetHandleByIndex"] = lambda _index: NVMLError(error)
    if raised is None:
        assert api.handles() == []
    else:
        assert code(api.handles) == raised


def test_an_absurd_number_of_cards_is_bounded(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetCount"] = 1 << 31
    assert len(api.handles()) == 64


def test_slices_of_a_card(binding: Binding, api: NvmlApi) -> None:
    assert api.slices(CARD) is None  # the library does not know the call
    binding.answers["nvmlDeviceGetMigMode"] = [0, 0]
    assert api.slices(CARD) is None
    binding.answers["nvmlDeviceGetMigMode"] = [1, 1]
    assert api.slices(CARD) == []
    binding.answers["nvmlDeviceGetMaxMigDeviceCount"] = 3
    binding.answers["nvmlDeviceGetMigDeviceHandleByIndex"] = lambda _handle, i: (
        NVMLError(nvml.NOT_FOUND) if i == 0 else f"slice{i}"
    )
    assert api.slices(CARD) == ["slice1", "slice2"]
    binding.answers["nvmlDeviceGetMigMode"] = NVMLError(nvml.GPU_IS_LOST)
    assert code(lambda: api.slices(CARD)) == nvml.GPU_IS_LOST


def memory_v2(error: Exception | None) -> Callable[..., Any]:
    def ask(_handle: Any, version: int | None = None) -> Any:
        if version is not None and error is not None:
            return error
        return SimpleNamespace(total=24 * GIB, free=20 * GIB, used=(3 if version else 4) * GIB)

    return ask


def test_memory_of_an_old_driver_has_no_used_and_is_not_asked_anew(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetMemoryInfo"] = memory_v2(None)
    assert api.memory(CARD) == NvmlMemory(24 * GIB, 20 * GIB, 3 * GIB)
    binding.answers["nvmlDeviceGetMemoryInfo"] = memory_v2(NVMLError(nvml.ARGUMENT_VERSION_MISMATCH))
    binding.asked.clear()
    for _ in range(2):
        assert api.memory(CARD) == NvmlMemory(24 * GIB, 20 * GIB, None)
    assert len(binding.asked) == 3
    api.init(nvml.NO_ATTACH)  # after an update of the driver it is tried again
    binding.answers["nvmlDeviceGetMemoryInfo"] = memory_v2(None)
    assert api.memory(CARD).used == 3 * GIB


def test_a_lost_card_is_not_taken_for_an_old_driver(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetMemoryInfo"] = memory_v2(NVMLError(nvml.GPU_IS_LOST))
    assert code(lambda: api.memory(CARD)) == nvml.GPU_IS_LOST
    binding.answers["nvmlDeviceGetMemoryInfo"] = memory_v2(NVMLError(nvml.NOT_SUPPORTED))
    assert api.memory(CARD).used is None


def test_temperature_by_the_older_call(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetTemperatureV"] = NVMLError(nvml.GPU_IS_LOST)
    assert code(lambda: api.temperature(CARD)) == nvml.GPU_IS_LOST
    binding.answers["nvmlDeviceGetTemperatureV"] = NVMLError(nvml.FUNCTION_NOT_FOUND)
    binding.answers["nvmlDeviceGetTemperature"] = 61
    assert [api.temperature(CARD), api.temperature(CARD)] == [61, 61]
    assert binding.asked.count("nvmlDeviceGetTemperatureV") == 2
    api.init(nvml.NO_ATTACH)
    binding.answers["nvmlDeviceGetTemperatureV"] = 62
    assert api.temperature(CARD) == 62


def test_a_power_field_has_a_result_of_its_own(binding: Binding, api: NvmlApi) -> None:
    good = SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=61_300))
    bad = SimpleNamespace(nvmlReturn=nvml.NOT_SUPPORTED, value=SimpleNamespace(uiVal=0))
    asked: list[Any] = []
    binding.answers["nvmlDeviceGetFieldValues"] = lambda _handle, fields: [asked.append(fields) or good]
    assert api.power_field_mw(CARD, 186, 0) == 61_300
    assert asked == [[(186, 0)]]
    binding.answers["nvmlDeviceGetFieldValues"] = [bad]
    assert code(lambda: api.power_field_mw(CARD, 186, 1)) == nvml.NOT_SUPPORTED


def process(pid: int, memory: int | None = GIB) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


def test_a_process_that_computes_and_draws_stands_once(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetComputeRunningProcesses_v3"] = [process(5), process(6, None)]
    binding.answers["nvmlDeviceGetGraphicsRunningProcesses_v3"] = [process(5, 7), process(8)]
    assert api.processes(CARD) == [
        NvmlProcess(5, GIB, True),
        NvmlProcess(6, None, True),
        NvmlProcess(8, GIB, False),
    ]


def test_one_list_of_processes_is_enough_and_none_is_a_fault(binding: Binding, api: NvmlApi) -> None:
    binding.answers["nvmlDeviceGetComputeRunningProcesses_v3"] = NVMLError(nvml.NO_PERMISSION)
    binding.answers["nvmlDeviceGetGraphicsRunningProcesses_v3"] = [process(8)]
    assert api.processes(CARD) == [NvmlProcess(8, GIB, False)]
    binding.answers["nvmlDeviceGetGraphicsRunningProcesses_v3"] = NVMLError(nvml.NOT_SUPPORTED)
    assert code(lambda: api.processes(CARD)) == nvml.NOT_SUPPORTED


@pytest.mark.parametrize("quiet", [0, nvml.NOT_FOUND])
def test_no_use_is_no_fault_and_other_faults_are(binding: Binding, api: NvmlApi, quiet: int) -> None:
    sample = SimpleNamespace(pid=5, smUtil=40, timeStamp=123)
    binding.answers["nvmlDeviceGetProcessUtilization"] = lambda _handle, since: (
        [sample] if since < 123 else []
    )
    assert api.process_use(CARD, 0) == [NvmlUse(5, 40, 123)]
    assert api.process_use(CARD, 123) == []
    binding.answers["nvmlDeviceGetProcessUtilization"] = NVMLError(quiet)
    assert api.process_use(CARD, 0) == []
    binding.answers["nvmlDeviceGetProcessUtilization"] = NVMLError(nvml.NO_PERMISSION)
    assert code(lambda: api.process_use(CARD, 0)) == nvml.NO_PERMISSION


def test_what_a_card_is(binding: Binding, api: NvmlApi) -> None:
    pci = SimpleNamespace(busId=b"00000000:01:00.0", pciDeviceId=0x268410DE)
    binding.answers |= {
        "nvmlDeviceGetPciInfo": pci,
        "nvmlDeviceGetUUID": b"GPU-1",
        "nvmlDeviceGetCudaComputeCapability": (8, 9),
        "nvmlDeviceGetAddressingMode": 2,
        "nvmlDeviceGetVirtualizationMode": 1,
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97, memory=12),
        "nvmlDeviceGetTotalEnergyConsumption": 1 << 40,
        "nvmlDeviceGetEnforcedPowerLimit": 450_000,
        "nvmlDeviceGetHandleByPciBusId": lambda slot: slot,
    }
    assert (api.uuid(CARD), api.slot(CARD), api.pci_ids(CARD)) == ("GPU-1", "0000:01:00.0", "10de:2684")
    assert (api.capability(CARD), api.utilization(CARD)) == ("8.9", 97)
    assert (api.shares_page_tables(CARD), api.virtual(CARD)) == (True, False)
    assert (api.energy_mj(CARD), api.limit_mw(CARD)) == (1 << 40, 450_000)
    assert api.handle_at("0000:01:00.0") == b"0000:01:00.0"
    pci.pciDeviceId = 0
    assert api.pci_ids(CARD) is None
