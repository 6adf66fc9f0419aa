"""The draw at rest, known once it was learned with no model resident."""

import pytest

from fakes.metering import QWEN

from .test_live import Stage


def test_rest_is_what_was_drawn_with_no_model_resident() -> None:
    stage = Stage()
    assert stage.meter.rest_w() is None
    stage.run(60, 20)
    assert stage.meter.rest_w() == pytest.approx(20, rel=0.02)
    stage.running = (QWEN,)
    stage.run(60, 300)
    assert stage.meter.rest_w() == pytest.approx(20, rel=0.02)


def test_it_is_not_known_before_it_was_seen() -> None:
    stage = Stage()
    stage.running = (QWEN,)
    stage.run(60, 300)
    assert stage.meter.rest_w() is None
