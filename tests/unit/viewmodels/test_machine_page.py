"""The page Machine: what is known of a device is told, what is not is a dash with its reason."""

from dataclasses import replace
from pathlib import Path

from fakes import made_up_day
from fakes.made_up_day import GIB
from wattlight.catalog.disk import FolderUse, ModelFiles
from wattlight.domain.power import MachineSample
from wattlight.domain.values import DeviceMemory, DeviceSample, Figure, GpuProcess, unknown
from wattlight.services.answers import Offer
from wattlight.services.models import DiskNote
from wattlight.viewmodels.machine import MachineView, machine_view
from wattlight.viewmodels.scene import Scene


def with_card(**changes: object) -> Scene:
    """The evening with another state of its graphics card."""
    scene = made_up_day.evening()
    sample = scene.host.sample
    assert sample is not None
    card, cpu = sample.devices
    return with_sample(scene, replace(sample, devices=(replace(card, **changes), cpu)))  # type: ignore[arg-type]


def with_sample(scene: Scene, sample: MachineSample) -> Scene:
    host = replace(scene.host, sample=sample)
    return replace(scene, state=replace(scene.state, hosts=(host, *scene.state.hosts[1:])))


def facts(view: MachineView) -> dict[str, str]:
    return dict(view.cards[0].facts)


def test_a_card_tells_its_limit_heat_holders_and_driver() -> None:
    device = replace(card_of(made_up_day.evening()).device, bandwidth_gbs=1008.0, driver="570.211.01")
    told = facts(machine_view(with_card(device=device, hotspot_c=52.0, fan_rpm=1200)))
    assert told["Power limit"] == "450 W, 8% of it drawn"
    assert told["Temperature"] == "41 °C, hottest spot 52 °C, fan 1,200 rpm"
    assert told["Memory held by"] == "ollama 5.7 GiB"
    assert told["Memory bandwidth"] == "1,008 GB/s"
    assert told["Driver"] == "570.211.01"
    assert told["Sensor covers"] == "whole card"
    assert "Clocks held down by" not in told


def card_of(scene: Scene) -> DeviceSample:
    assert scene.host.sample is not None
    return scene.host.sample.devices[0]


def test_what_holds_the_clocks_down_is_named() -> None:
    told = facts(machine_view(with_card(slowed_by=("heat", "power"))))
    assert told["Clocks held down by"] == "heat, the power limit"


def test_what_a_driver_does_not_tell_is_a_dash_with_its_reason() -> None:
    silent = with_card(
        limit_w=None,
        temperature_c=None,
        load=unknown("The driver does not tell the load."),
        processes=(),
        processes_reason="Programs of other accounts are not seen.",
    )
    told = facts(machine_view(silent))
    assert told["Power limit"] == told["Temperature"] == "– (not reported)"
    assert told["Busy"] == "– (The driver does not tell the load.)"
    assert told["Memory held by"] == "– (Programs of other accounts are not seen.)"


def test_a_sleeping_card_is_asked_nothing_and_says_nothing() -> None:
    asleep = with_card(state="asleep", power=unknown(None), load=Figure(None), limit_w=None)
    told = facts(machine_view(asleep))
    assert not told.keys() & {"Busy", "Power limit", "Memory held by"}


def test_programs_of_one_name_are_one_and_small_ones_are_not_named() -> None:
    held = (
        GpuProcess(1, 3 * GIB, "ollama"),
        GpuProcess(2, 2 * GIB, "ollama"),
        *(GpuProcess(10 + i, (i + 1) * 100 << 20, f"game{i}") for i in range(5)),
        GpuProcess(30, 8 << 20, "xeyes"),
        GpuProcess(31, 200 << 20, ""),
    )
    view = machine_view(with_card(processes=held))
    told = facts(view)["Memory held by"]
    assert told.startswith("ollama 5.0 GiB, game4 0.5 GiB, game3 0.4 GiB, game2 0.3 GiB, others ")
    assert "xeyes" not in told
    bar = view.cards[0].memory
    assert bar is not None
    assert [s.label for s in bar.segments] == ["models", "driver and other programs"]
    assert [s.amount for s in bar.segments] == ["5.0 GiB", "2.3 GiB"]


def test_memory_that_is_the_computers_own_has_a_bar_too() -> None:
    memory = DeviceMemory(unified=True, llm_total_bytes=48 * GIB, llm_available_bytes=40 * GIB)
    bar = machine_view(with_card(memory=memory, processes=())).cards[0].memory
    assert bar is not None
    assert (bar.segments[0].amount, bar.summary) == ("8.0 GiB", "40.0 of 48 GiB free")


def test_every_size_of_model_has_its_best_example_or_says_that_none_fits() -> None:
    scene = made_up_day.evening()
    small, large, partly = (
        replace(offer, parameters=size)
        for offer, size in zip(made_up_day.offers(), (3 * 10**9, 27 * 10**9, 27 * 10**9), strict=True)
    )
    partly = replace(partly, fit=replace(partly.fit, verdict="partial_gpu", layers_on_gpu=9, layers_total=40))
    unsized = replace(small, model="unsized", parameters=None)
    scene = replace(scene, extras=replace(scene.extras, starters=(unsized, partly, large, small)))
    rows = machine_view(scene).classes.table.rows
    assert [row[0] for row in rows] == [
        "up to 4B",
        "4B to 10B",
        "10B to 16B",
        "16B to 40B",
        "40B to 80B",
        "over 80B",
    ]
    assert rows[0][1:] == ("qwen3.6:27b Q4_K_M", "all on GPU", "81,000", "31–42")
    assert rows[3][1].startswith(large.model), "all on the GPU before partly, whatever the rank"
    assert rows[1][1:] == ("none of the list fits", "–", "–", "–")
    waiting = machine_view(replace(scene, extras=replace(scene.extras, offers=None))).classes
    assert (waiting.table.rows, waiting.note) == ((), "Looking for models that fit…")


def test_experts_in_ram_are_not_told_as_all_of_all_layers() -> None:
    whole: Offer = replace(made_up_day.offers()[0], parameters=117 * 10**9)
    fit = replace(whole.fit, verdict="partial_gpu", layers_on_gpu=37, layers_total=37)
    scene = made_up_day.evening()
    scene = replace(scene, extras=replace(scene.extras, starters=(replace(whole, fit=fit),)))
    assert machine_view(scene).classes.table.rows[-1][2] == "partly in RAM"


def test_sensors_found_closed_and_missing_are_told_apart() -> None:
    scene = made_up_day.evening()
    sample = scene.host.sample
    assert sample is not None
    card, cpu = sample.devices
    shut = replace(cpu, power=unknown("permission"), counter_mj=None, closed=True)
    sensors = machine_view(with_sample(scene, replace(sample, devices=(card, shut)))).sensors
    assert sensors.table.rows == (
        ("NVIDIA GeForce RTX 4090", "NVML energy counter", "whole card", "37 W", "±10%"),
        ("AMD Ryzen 9 7900X", "closed to this account", "–", "–", "–"),
    )
    assert "wattlight doctor --allow-energy" in sensors.note
    none = machine_view(with_sample(scene, replace(sample, devices=(replace(shut, closed=False),)))).sensors
    assert none.table.rows[0][1] == "none" and "doctor" not in none.note


def test_the_disk_of_the_models_is_told_by_folder() -> None:
    scene = made_up_day.evening()
    assert machine_view(scene).disks.table.rows == ()
    size = 4_900_000_000
    uses = (FolderUse(Path("/srv/models"), (ModelFiles("a:1b", size, size),), size),)
    scene = replace(scene, extras=replace(scene.extras, disk=DiskNote("4.9 GB in 1 model", uses=uses)))
    disks = machine_view(scene).disks
    assert disks.table.rows == ((str(Path("/srv/models")), "1", "4.9 GB", "–"),)
    assert disks.note == "412.0 GB free on the drive of the models."
