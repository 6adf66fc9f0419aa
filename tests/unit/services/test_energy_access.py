"""The permission in the state: seen with the samples, changed on a thread of its own, said when refused."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import made_up_day
from fakes.program import Services
from wattlight.domain.command import Command, Verb
from wattlight.domain.power import MachineSample
from wattlight.domain.state import EnergyAccess
from wattlight.services.energy_access import CounterAccess
from wattlight.system import EnergyPermissionProblem

ALLOW, FORBID = Command(Verb.ALLOW_ENERGY), Command(Verb.FORBID_ENERGY)


class Permission:
    """The system's side: what it does when it is asked can be changed and held up."""

    def __init__(self) -> None:
        self.opened_for = ""
        self.problem: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.looks = 0

    def look(self, closed: bool) -> EnergyAccess:
        self.looks += 1
        return EnergyAccess(closed, "anna", self.opened_for, by_click=True)

    def allow(self) -> None:
        self._set("anna")

    def forbid(self) -> None:
        self._set("")

    def end(self) -> None:
        self.go_on.set()

    def _set(self, name: str) -> None:
        assert self.go_on.wait(10)
        if self.problem is not None:
            raise self.problem
        self.opened_for = name


class Meter:
    def __init__(self) -> None:
        self.told = 0

    def permission_changed(self) -> None:
        self.told += 1


class Standing:
    def __init__(self, folder: Path) -> None:
        self.services = Services(folder)
        self.hub = self.services.hub
        self.permission, self.meter = Permission(), Meter()
        self.access = CounterAccess(self.services.factory, self.hub, self.meter, self.permission)  # type: ignore[arg-type]
        self.changed = threading.Condition()
        self.seen: list[EnergyAccess] = []
        self.hub.subscribe(lambda state: self._note(state.energy_access))

    @property
    def state(self) -> EnergyAccess:
        return self.hub.state.energy_access

    def tick(self, closed: bool) -> None:
        host = made_up_day.no_sensor().state.hosts[0]
        assert host.sample is not None
        self.access.tick(with_parts(host.sample, closed), None)

    def wait(self, until: Callable[[EnergyAccess], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: until(self.state), 10), self.state

    def _note(self, state: EnergyAccess) -> None:
        with self.changed:
            self.seen.append(state)
            self.changed.notify_all()


def with_parts(sample: MachineSample, closed: bool) -> MachineSample:
    return replace(sample, devices=tuple(replace(part, closed=closed) for part in sample.devices))


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path)
    yield made
    assert made.access.close(10)


def test_samples_tell_whether_it_is_closed_and_little_is_looked_at(standing: Standing) -> None:
    for _ in range(50):
        standing.tick(True)
    assert standing.state.closed and standing.permission.looks == 1
    standing.tick(False)
    assert not standing.state.closed and standing.permission.looks == 2


def test_a_click_asks_opens_and_lets_the_sensors_be_read_anew(standing: Standing) -> None:
    standing.tick(True)
    standing.permission.go_on.clear()
    standing.access.allow(ALLOW)
    standing.wait(lambda s: s.asking)
    standing.tick(True)
    assert standing.state.asking, "a sample does not end the question"
    standing.permission.go_on.set()
    standing.wait(lambda s: s.opened_for == "anna")
    assert not standing.state.asking and standing.meter.told == 1
    standing.tick(False)
    assert not standing.state.closed
    standing.access.forbid(FORBID)
    standing.wait(lambda s: not s.opened_for)
    assert standing.meter.told == 2, "a descriptor that is open would go on being read"


def test_a_refusal_is_kept_until_the_next_try(standing: Standing) -> None:
    standing.tick(True)
    standing.permission.problem = EnergyPermissionProblem("It was closed.", "Nothing was changed.")
    standing.access.allow(ALLOW)
    standing.wait(lambda s: bool(s.problem) and not s.asking)
    assert standing.state.problem == "It was closed. Nothing was changed." and standing.state.closed
    standing.tick(True)
    assert standing.state.problem
    standing.permission.problem = None
    standing.access.allow(ALLOW)
    standing.wait(lambda s: s.opened_for == "anna")
    assert not standing.state.problem


def test_a_fault_of_ours_does_not_leave_it_asking(standing: Standing) -> None:
    standing.permission.problem = RuntimeError("of our own")
    standing.access.allow(ALLOW)
    standing.wait(lambda s: not s.asking and len(standing.seen) >= 2)


def test_the_program_ends_while_a_password_is_asked_for(standing: Standing) -> None:
    standing.permission.go_on.clear()
    standing.access.allow(ALLOW)
    standing.wait(lambda s: s.asking)
    assert standing.access.close(10)
