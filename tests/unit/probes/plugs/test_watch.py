"""One thread asks; nothing that a plug does or does not disturbs who looks at the machine."""

import time
from collections.abc import Iterator

import pytest
from tests.fakes.metering import part
from tests.fakes.plug_devices import FakePlug, recorded, serving

from wattlight import start_thread
from wattlight.domain.power import compose
from wattlight.domain.values import Quality, Scope
from wattlight.domain.wall import PLUG
from wattlight.probes import open_prober
from wattlight.probes.plugs import PlugWatch, host_of
from wattlight.settings import PlugSettings

SWITCH = {
    "/shelly": (200, recorded("shelly2_about.json")),
    "/rpc/Switch.GetStatus": (200, recorded("shelly2_switch.json")),
}
CARD = part("card", 40.0, quality=Quality.COUNTER, scope=Scope.BOARD)


@pytest.fixture
def watches() -> Iterator[list[PlugWatch]]:
    made: list[PlugWatch] = []
    yield made
    for watch in made:
        watch.close()


def watch_of(made: list[PlugWatch], host: str, every_s: float = 0.05) -> PlugWatch:
    made.append(PlugWatch(PlugSettings("shelly", host, "screen"), every_s=every_s))
    return made[-1]


def test_the_plug_holds_all_parts(watches: list[PlugWatch]) -> None:
    with serving(FakePlug(SWITCH)) as host:
        watch = watch_of(watches, host)
        assert watch.wait(5)
        parts = watch.joined((CARD,), False, time.monotonic())
        total = compose(parts)
        assert total.counted == (PLUG,)
        assert total.measured_w == 63.4
        assert total.inside == {"card"}
        assert parts[0].counter_mj == 48213127 * 3600
        assert "Shelly at 127.0.0.1" in parts[0].power.source


@pytest.mark.parametrize("fault", ["absent", "slow", "nonsense", "feed-in", "error"])
def test_a_plug_that_fails_costs_the_meter_nothing(watches: list[PlugWatch], fault: str) -> None:
    plug = FakePlug(dict(SWITCH))
    if fault == "slow":
        plug.late_s = 3.0
    if fault == "nonsense":
        plug.answers["/shelly"] = (200, b"\xff\x00" * 900)
    if fault == "feed-in":
        plug.answers["/rpc"] = plug.answers.pop("/rpc/Switch.GetStatus")
        plug.answers["/rpc"] = (200, b'{"apower": -212.5, "aenergy": {"total": 1.0}}')
    if fault == "error":
        plug.answers["/shelly"] = (503, b"")
    with serving(plug) as host:
        watch = watch_of(watches, "127.0.0.1:9" if fault == "absent" else host)
        begun = time.perf_counter()
        for _ in range(50):
            total = compose(watch.joined((CARD,), False, time.monotonic()))
            assert total.measured_w == 40.0
        assert time.perf_counter() - begun < 0.5
        assert watch.wait(6)
        silent = watch.joined((CARD,), False, time.monotonic())[0]
        assert silent.power_w is None
        assert silent.power.reason


def test_it_is_asked_less_while_it_does_not_answer(watches: list[PlugWatch]) -> None:
    plug = FakePlug({"/shelly": (500, b"")})
    with serving(plug) as host:
        watch_of(watches, host).wait(5)
        time.sleep(1.0)
        assert 2 <= len(plug.heads) <= 6, "0.1, 0.2, 0.4, 0.8 s"


def test_the_last_reading_stands_while_it_is_young(watches: list[PlugWatch]) -> None:
    plug = FakePlug(dict(SWITCH))
    with serving(plug) as host:
        watch = watch_of(watches, host)
        watch.wait(5)
        plug.answers["/rpc/Switch.GetStatus"] = (200, b"{}")
        time.sleep(0.3)
        now = time.monotonic()
        assert watch.joined((CARD,), False, now + 20)[0].power_w == 63.4
        late = watch.joined((CARD,), False, now + 60)[0]
        assert late.power_w is None
        assert "measures nothing" in (late.power.reason or "")


def test_the_prober_shows_the_plug(watches: list[PlugWatch], tmp_path: object) -> None:
    names: list[str] = []

    def start(name: str, run: object) -> object:
        names.append(name)
        return start_thread(name, run)  # type: ignore[arg-type]

    with serving(FakePlug(SWITCH)) as host:
        watch = PlugWatch(PlugSettings("shelly", host), start=start)  # type: ignore[arg-type]
        prober = open_prober(plug=watch)
        prober.sample()
        assert prober.has_counters()
        sample, report = prober.sample(), prober.latest()
        assert sample.devices[0].id == PLUG
        assert report.plug is not None
        assert report.plug.power_w == 63.4
        prober.use_plug(None)
        assert all(device.id != PLUG for device in prober.sample().devices)
        assert prober.latest().plug is None
        prober.close()
    assert names.count("wattlight-plug") == 1


def test_the_host_is_told() -> None:
    assert host_of(PlugSettings("tasmota", "http://10.0.0.7:80")) == "10.0.0.7"
    assert host_of(PlugSettings("fritz")) == "fritz.box"
    assert host_of(PlugSettings("command", "my-plug --read")) == ""
    assert host_of(PlugSettings("tasmota", "a@b")) == ""
