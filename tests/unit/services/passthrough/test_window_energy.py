"""Energy per token by the windows of requests."""

from datetime import UTC, datetime

import pytest

from fakes.metering import part
from wattlight.domain.power import MachineSample
from wattlight.domain.tokens import Counters, TokenUse
from wattlight.domain.values import LOCAL_HOST, Scope
from wattlight.services.benchmark import PowerHistory
from wattlight.services.passthrough import WindowEnergy

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Scene:
    """A machine that draws 220 W throughout, 20 W of it at rest."""

    def __init__(self, rest_w: float | None = 20.0) -> None:
        self.time = 0.0
        self.tap = PowerHistory()
        self.energy = WindowEnergy(self.tap, lambda: rest_w, lambda: self.time)
        self.go_on(30)

    def go_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.time += 1
            card = part("g", 220.0, scope=Scope.BOARD)
            self.tap.take(MachineSample(LOCAL_HOST, NOW, self.time, (card,)))
            self.energy.settle()

    def request(
        self, seconds: float = 5.0, tokens: int | None = 500, alone: bool = True, complete: bool = True
    ) -> None:
        counters = Counters(output_tokens=tokens)
        self.time += 0.5
        self.energy.take(
            TokenUse("m", "c", "/", NOW, NOW, round(seconds * 1000), 200, complete, counters, alone=alone)
        )
        self.time -= 0.5


def test_energy_above_rest_per_token() -> None:
    scene = Scene()
    scene.request()
    assert scene.energy.sums() == ()
    scene.go_on(5)
    (only,) = scene.energy.sums()
    assert (only.requests, only.output_tokens, only.seconds) == (1, 500, pytest.approx(5))
    assert only.joules == pytest.approx(1000)
    assert only.joules_per_token is None
    scene.request()
    scene.go_on(1)
    (only,) = scene.energy.sums()
    assert only.joules_per_token == pytest.approx(2.0)
    assert only.error_fraction == pytest.approx(0.11)
    assert only.above_rest


def test_what_cannot_be_told_apart_is_left_out() -> None:
    scene = Scene()
    scene.request(alone=False)
    scene.request(complete=False)
    scene.request(tokens=None)
    scene.request(seconds=1.9)
    scene.request(seconds=500)
    scene.go_on(2)
    assert scene.energy.sums() == ()


def test_without_a_rest_it_is_included_and_said() -> None:
    scene = Scene(None)
    scene.request(seconds=20)
    scene.go_on(1)
    (only,) = scene.energy.sums()
    assert only.joules_per_token == pytest.approx(8.8)
    assert not only.above_rest
