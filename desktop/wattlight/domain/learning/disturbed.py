"""When a load says nothing about the prediction."""

from collections.abc import Sequence
from datetime import timedelta

from wattlight.domain.fit import Verdict
from wattlight.domain.state import RunningModel

from .comparison import Prediction
from .look import MemoryLook, lists_processes

MIB = 1 << 20
OTHERS_MAY_MOVE_BYTES = 64 * MIB
"""A desktop's windows come and go within this; it is below 1 % of what any chat model takes."""
STEADY_BYTES = 16 * MIB
"""Two looks at an idle card differ by less."""
FRESH = timedelta(seconds=60)


def disturbance(
    prediction: Prediction,
    model: RunningModel | None,
    before: Sequence[MemoryLook],
    after: Sequence[MemoryLook],
) -> str | None:
    """The code of what disturbed a load, None if nothing did.

    Args:
        prediction: made before the load.
        model: as the server lists it afterwards.
        before, after: looks in order of time; with two or more the memory must be at rest among them.
    """
    if model is None or model.digest not in after[-1].loaded:
        return "not_listed"
    first, last = before[-1], after[-1]
    if model.digest in first.loaded:
        return "already_loaded"
    if last.loaded - {model.digest} != first.loaded:
        return "other_model"
    if last.devices and after[0].at - first.at > FRESH and not lists_processes(last):
        # a long load: only the list of processes can tell that no other program came and went
        return "old_look"
    if model.context_length is not None and model.context_length != prediction.context:
        return "context"
    if _placed_elsewhere(prediction, model):
        return "placement"
    if _others_moved(first, last):
        return "other_program"
    by_process = lists_processes(last)
    if not (at_rest(after, by_process) and (by_process or at_rest(before, by_process))):
        return "unsteady"
    return None


def _placed_elsewhere(prediction: Prediction, model: RunningModel) -> bool:
    share = model.gpu_share
    if share is None:
        return True
    if prediction.verdict is Verdict.FULL_GPU:
        return share < 1
    if prediction.verdict is Verdict.PARTIAL_GPU:
        return not 0 < share < 1
    # on a CPU the server counts a special weight buffer as video memory, so that figure decides nothing
    return prediction.verdict is Verdict.NO


def _others_moved(first: MemoryLook, last: MemoryLook) -> bool:
    if not lists_processes(last):
        return False
    earlier = {device.id: device.other_bytes or 0 for device in first.devices}
    return any(
        abs((device.other_bytes or 0) - earlier.get(device.id, 0)) > OTHERS_MAY_MOVE_BYTES
        for device in last.devices
    )


def at_rest(looks: Sequence[MemoryLook], one_is_enough: bool = False) -> bool:
    """The last two looks say the same of the memory."""
    if len(looks) < 2:
        return one_is_enough or not looks[0].devices
    one, two = looks[-2], looks[-1]
    earlier = {device.id: device.used_bytes or 0 for device in one.devices}
    return earlier.keys() == {device.id for device in two.devices} and all(
        abs((device.used_bytes or 0) - earlier[device.id]) <= STEADY_BYTES for device in two.devices
    )
