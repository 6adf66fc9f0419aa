"""Why a model is slow: what each signal says alone, together, and against another."""

from dataclasses import replace

import pytest

from wattlight.domain.fit import Verdict
from wattlight.domain.slowness import Around, Cause, Expected, RunsOn, why_slow
from wattlight.domain.state import RunningModel
from wattlight.domain.values import (
    Device,
    DeviceMemory,
    DeviceSample,
    GpuProcess,
    MachineProfile,
    ServerProfile,
)

GIB = 1 << 30
CARD = Device(
    "gpu", "Card", "cuda", memory_total_bytes=12 * GIB, memory_free_bytes=6 * GIB, vendor="nvidia", kind="gpu"
)
FITS = Expected(Verdict.FULL_GPU, 6 * GIB, 32768, 40.0)
RUNNER = GpuProcess(10, 6 * GIB, "ollama", 0.0)


def model(share: float = 1.0, name: str = "m:8b", context: int = 8192) -> RunningModel:
    return RunningModel(name, name, 6 * GIB, round(6 * GIB * share), context)


def card(used: float = 6.5, held: float | None = 6.0, *others: GpuProcess, **more: object) -> DeviceSample:
    """A card of 12 GiB; ``used`` and ``held`` (by the server) in GiB."""
    memory = DeviceMemory(
        dedicated_total_bytes=12 * GIB,
        dedicated_used_bytes=round(used * GIB),
        shared_used_bytes=more.pop("shared", None),  # type: ignore[arg-type]
        server_holds_bytes=None if held is None else round(held * GIB),
    )
    runner = () if held == 0 else (RUNNER,)
    return DeviceSample(CARD, memory=memory, processes=(*runner, *others), **more)  # type: ignore[arg-type]


def around(*gpus: DeviceSample, running: tuple[RunningModel, ...] = (), **more: object) -> Around:
    return Around(gpus, running, 6 * GIB, **more)  # type: ignore[arg-type]


def test_all_is_well_where_the_signals_agree_on_the_gpu() -> None:
    assert why_slow(model(), FITS, around(card()), 55.0) is None


def test_on_a_machine_without_a_gpu_the_processor_is_the_place() -> None:
    # what such a server reports as GPU memory is a buffer of the processor (125,829,120 bytes were seen)
    reported = replace(model(), size_vram_bytes=125_829_120)
    assert why_slow(reported, Expected(Verdict.CPU, None, None, 8.0), around(), 1.0) is None


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_gpu_that_no_engine_can_use_is_named_whatever_the_server_reports(share: float) -> None:
    broken = card(0.1, 0.0, usable=False, messages=("The driver is not loaded.",))
    found = why_slow(model(share), FITS, around(broken))
    assert found is not None
    assert (found.cause, found.place, found.name) == (Cause.DRIVER, RunsOn.PROCESSOR, "Card")


def test_the_servers_word_alone_is_a_sign_and_no_proof() -> None:
    found = why_slow(model(0.0), FITS, around(card(held=None)))
    assert found is not None
    assert (found.cause, found.sure) == (Cause.PROCESSOR, False)


def test_two_signals_make_it_sure() -> None:
    for surroundings, speed in ((around(card(0.4, 0.0)), None), (around(card(held=None)), 4.0)):
        found = why_slow(model(0.0), FITS, surroundings, speed)
        assert found is not None
        assert (found.cause, found.sure) == (Cause.PROCESSOR, True)


def test_a_card_on_which_every_program_is_known_and_none_is_a_server_is_a_sign() -> None:
    """So it is where an engine has fallen back: the driver lists nothing of it."""
    desktop, nameless = GpuProcess(20, GIB, "gnome-shell", 3.0), GpuProcess(21, GIB)
    gpu = replace(card(0.4, 0.0), memory=card(0.4, None).memory)
    for processes, reason, sure in (
        ((), None, True),
        ((desktop,), None, True),
        ((desktop, nameless), None, False),
        ((desktop,), "programs outside of this container have no names", False),
    ):
        found = why_slow(model(0.0), FITS, around(replace(gpu, processes=processes, processes_reason=reason)))
        assert found is not None
        assert (found.cause, found.sure) == (Cause.PROCESSOR, sure)


def test_the_driver_is_believed_against_a_server_that_reports_the_processor() -> None:
    assert why_slow(model(0.0), FITS, around(card(6.5, 6.0))) is None


def test_a_server_that_reports_the_gpu_is_not_believed_where_two_signals_speak_against_it() -> None:
    empty = around(card(0.4, 0.0))
    assert why_slow(model(1.0), FITS, empty) is None  # one against one: nothing is said
    assert why_slow(model(1.0), FITS, empty, 50.0) is None
    found = why_slow(model(1.0), FITS, empty, 4.0)
    assert found is not None
    assert (found.place, found.sure) == (RunsOn.PROCESSOR, True)


def test_a_small_model_cannot_be_told_from_the_drivers_own_memory() -> None:
    small = replace(FITS, gpu_bytes=GIB // 4)
    surroundings = replace(around(card(0.3, 0.2)), expected_bytes=GIB // 4)
    found = why_slow(model(0.0), small, surroundings)
    assert found is not None
    assert not found.sure


def test_a_sleeping_gpu_holds_no_model() -> None:
    asleep = replace(card(0.0, None), state="asleep")
    found = why_slow(model(0.0), FITS, around(asleep))
    assert found is not None
    assert found.sure


def test_causes_of_too_little_room() -> None:
    game = GpuProcess(99, 7 * GIB, "game.exe", 60.0)
    crowded = around(card(7.5, 0.0, game))
    found = why_slow(model(0.0), replace(FITS, verdict=Verdict.PARTIAL_GPU), crowded)
    assert found is not None
    assert (found.cause, found.name, found.bytes) == (Cause.MEMORY, "game.exe", 7 * GIB)

    long = replace(FITS, verdict=Verdict.PARTIAL_GPU, largest_gpu_context=16384)
    found = why_slow(model(0.6, context=65536), long, around(card(11.5, 3.6)))
    assert found is not None
    assert (found.cause, found.place, found.context) == (Cause.CONTEXT, RunsOn.PARTLY, 16384)

    large = Expected(Verdict.PARTIAL_GPU, 6 * GIB, None, 5.0)
    found = why_slow(model(0.6), large, around(card(11.5, 3.6)))
    assert found is not None
    assert found.cause is Cause.SIZE

    beside = model(1.0, "big:13b")
    found = why_slow(model(0.6), FITS, around(card(11.8, 3.6), running=(model(0.6), beside)))
    assert found is not None
    assert (found.cause, found.name) == (Cause.BESIDE, "big:13b")


def test_a_desktop_that_holds_little_is_not_to_blame_for_a_model_that_is_too_large() -> None:
    shell = GpuProcess(7, 300 << 20, "gnome-shell", 1.0)
    found = why_slow(
        model(0.6), Expected(Verdict.PARTIAL_GPU, 11 * GIB, None, 5.0), around(card(11.5, 3.6, shell))
    )
    assert found is not None
    assert found.cause is Cause.SIZE


def test_a_gpu_hidden_by_a_variable_and_one_the_server_never_takes() -> None:
    hidden = MachineProfile(
        "here", "linux", 32 * GIB, 16 * GIB, devices=(CARD,), server=ServerProfile(visible=(("cuda", "-1"),))
    )
    found = why_slow(model(0.0), FITS, around(card(0.4, 0.0), machine=hidden))
    assert found is not None
    assert (found.cause, found.name) == (Cause.HIDDEN, "Card")
    graphics = replace(CARD, integrated=True, backend="vulkan")
    machine = MachineProfile("here", "linux", 32 * GIB, 16 * GIB, devices=(graphics,))
    part = replace(card(0.4, 0.0), device=graphics)
    assert why_slow(model(0.0), FITS, around(part, machine=machine)) is None


def test_after_sleep_a_lost_gpu_is_suspected() -> None:
    found = why_slow(model(0.0), FITS, around(card(0.4, 0.0), slept=True))
    assert found is not None
    assert found.cause is Cause.SUSPEND
    amd = replace(card(0.4, 0.0), device=replace(CARD, vendor="amd", backend="rocm"))
    found = why_slow(model(0.0), FITS, around(amd, slept=True))
    assert found is not None
    assert found.cause is Cause.PROCESSOR


@pytest.mark.parametrize(
    ("gpu", "cause"),
    [
        (card(11.6, 6.0, shared=GIB), Cause.SPILL),
        (card(slowed_by=("heat", "power")), Cause.HEAT),
        (card(slowed_by=("power",)), Cause.POWER),
        (card(8.0, 6.0, GpuProcess(9, GIB, "blender", 70.0)), Cause.OTHER_PROGRAM),
    ],
)
def test_what_slows_a_model_that_is_on_the_gpu(gpu: DeviceSample, cause: Cause) -> None:
    found = why_slow(model(), FITS, around(gpu), 12.0)
    assert found is not None
    assert (found.cause, found.place, found.sure) == (cause, RunsOn.GPU, True)
    # as fast as predicted: whatever the sensors say, nothing is wrong
    assert why_slow(model(), FITS, around(gpu), 41.0) is None


def test_only_heat_is_told_without_a_measured_speed() -> None:
    assert why_slow(model(), FITS, around(card(slowed_by=("power",)))) is None
    found = why_slow(model(), FITS, around(card(slowed_by=("heat",))))
    assert found is not None
    assert found.cause is Cause.HEAT
