"""Models of servers that tell no memory: they are billed where they can be, by the size of their files."""

from dataclasses import replace

import pytest

from fakes.metering import Clock, Machine, energy, part
from wattlight.domain.power import MachineSample
from wattlight.domain.servers import RunningModel, name_digest
from wattlight.domain.values import LOCAL_HOST, GpuProcess
from wattlight.services.metering.meter import Meter

SMALL = RunningModel("small", name_digest("small"), 0, 0, weights_bytes=1_000_000_000)
LARGE = RunningModel("large", name_digest("large"), 0, 0, weights_bytes=3_000_000_000)
UNKNOWN = RunningModel("unknown", name_digest("unknown"), 0, 0)


def booked(*running: RunningModel) -> dict[tuple[str | None, str], int]:
    """mJ of a minute of a machine whose processor is all there is."""
    clock, meter = Clock(), Meter(LOCAL_HOST)
    batches = []
    for _ in range(61):
        look = MachineSample(
            LOCAL_HOST, clock.now(), clock.monotonic_s, (part("cpu", 40.0, "cpu"),), boot_id="b"
        )
        batches.append(meter.process(look, running))
        clock.move(1)
    return energy([*batches, meter.finish()])


def test_on_a_computer_without_a_gpu_the_processor_is_the_place() -> None:
    assert {model for model, _ in booked(UNKNOWN)} == {"name:unknown"}


def test_what_models_share_is_divided_by_their_files() -> None:
    sums = booked(SMALL, LARGE)
    small, large = (
        sum(mj for (m, _), mj in sums.items() if m == key) for key in ("name:small", "name:large")
    )
    assert abs(large - 3 * small) <= 60
    assert small > 0


@pytest.mark.parametrize(
    ("programs", "place"),
    [
        ((), "GPU-1"),
        ((GpuProcess(7, 1 << 30, "llama-server"), GpuProcess(8, 1 << 28, "desktop")), "GPU-1"),
        ((GpuProcess(7, 1 << 30, "python3", serves=True),), "GPU-1"),
        ((GpuProcess(8, 1 << 28, "desktop"),), "cpu"),
    ],
)
def test_with_a_gpu_they_are_where_a_server_is_seen(programs: tuple[GpuProcess, ...], place: str) -> None:
    machine, meter, batches = Machine(), Meter(LOCAL_HOST), []
    cpu = part("cpu", 30.0, "cpu")
    for _ in range(30):
        look = machine.look()
        card = replace(look.devices[0], processes=programs)
        batches.append(meter.process(replace(look, devices=(card, cpu)), (LARGE,)))
        machine.run(1)
    rows = [row for batch in batches for row in batch.rows]
    assert {row.device for row in rows if row.model == "name:large"} == {place}
