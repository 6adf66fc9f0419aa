"""The text for a report of a fault: what is wrong is in it, and no secret wherever one was put."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.domain.state import Notice
from wattlight.domain.values import HostId
from wattlight.settings import PlugSettings, ServerAddress
from wattlight.viewmodels.diagnostics import diagnostics_text
from wattlight.viewmodels.scene import Scene

FACTS = ("Python 3.11.7, Qt 6.11.3 on xcb",)
SECRET = "s3cr3t-value"


def with_secrets() -> Scene:
    """A scene that has a secret, an address and a name wherever one can be."""
    scene = made_up_day.plugged()
    server = replace(
        scene.host.server, url=f"http://me:{SECRET}@tower.example:11434", message=f"{SECRET} failed"
    )
    notice = Notice(f"server {SECRET}", f"The server {SECRET} does not answer.", scene.now, "error")
    sample = scene.host.sample
    assert sample is not None
    devices = tuple(
        replace(d, device=replace(d.device, name=f"Shelly at {SECRET}")) if d.device.kind == "wall" else d
        for d in sample.devices
    )
    host = replace(scene.host, server=server, sample=replace(sample, devices=devices))
    state = replace(scene.state, hosts=(host,), notices=(notice,), down=("recorder",))
    settings = replace(
        scene.settings,
        servers=(ServerAddress(host=HostId("tower"), name=SECRET, url=f"http://{SECRET}:1"),),
        plug=PlugSettings(kind="shelly", address=SECRET, user=SECRET),
        server_proxy=f"http://{SECRET}@proxy:1",
        extra=(("key", f'"{SECRET}"'),),
    )
    return replace(scene, state=state, settings=settings)


def test_no_secret_and_no_name_is_told() -> None:
    text = diagnostics_text(with_secrets(), FACTS, names=False)
    assert SECRET not in text and "tower" not in text
    for model in made_up_day.evening().host.server.installed:
        assert model.name not in text
    assert "notice error: server\n" in text
    assert "down: recorder" in text
    assert "Python 3.11.7" in text


def test_names_are_told_on_request_alone() -> None:
    scene = made_up_day.evening()
    text = diagnostics_text(scene, FACTS, names=True)
    assert "loaded qwen3:8b" in text and "installed gpt-oss:20b" in text
    assert "qwen3" not in diagnostics_text(scene, FACTS, names=False)


@pytest.mark.parametrize("scene", sorted(made_up_day.SCENES))
def test_it_says_what_runs_and_what_is_measured(scene: str) -> None:
    made = made_up_day.SCENES[scene]()
    text = diagnostics_text(made, FACTS, names=True)
    assert f"server here: {made.host.server.status.value}" in text
    for sample in made.host.sample.devices if made.host.sample else ():
        assert sample.kind == "wall" or sample.name[:40] in text
    assert max(map(len, text.split("\n"))) <= 301
    assert all(letter == "\n" or letter.isprintable() for letter in text)


def test_a_sensor_that_cannot_be_read_says_why() -> None:
    text = diagnostics_text(made_up_day.no_sensor(), FACTS, names=False)
    sample = made_up_day.no_sensor().host.sample
    assert sample is not None
    reasons = [d.power.reason for d in sample.devices if d.power.reason]
    assert reasons and all(reason in text for reason in reasons)
