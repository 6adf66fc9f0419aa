"""Each kind of plug is read as its maker documents it, and what is no answer is one sentence."""

import json
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.plug_devices import PASSWORD, SID, FakeBox, FakePlug, recorded, serving

from wattlight.domain.plug import PlugAnswer, PlugProblem
from wattlight.probes.plugs import asking, open_plug
from wattlight.probes.plugs.asking import PlugHost
from wattlight.probes.plugs.fritz import response_to
from wattlight.settings import PlugSettings
from wattlight.web import split_url

WH = 3_600_000


def ok(name: str) -> tuple[int, bytes]:
    return 200, recorded(name)


SHELLY_2 = {"/shelly": ok("shelly2_about.json"), "/rpc/Switch.GetStatus?id=0": ok("shelly2_switch.json")}
SHELLY_PM = {"/shelly": ok("shelly2_about.json"), "/rpc/PM1.GetStatus?id=0": ok("shelly2_pm1.json")}
SHELLY_1 = {"/shelly": ok("shelly1_about.json"), "/status": ok("shelly1_status.json")}
SHELLY_EM = {"/shelly": ok("shelly1_about.json"), "/status": ok("shelly1_em.json")}
TASMOTA = {"/cm?cmnd=Status%208": ok("tasmota_status8.json")}
HOME = {
    "/api/states/sensor.desk_power": ok("homeassistant_power.json"),
    "/api/states/sensor.desk_energy": ok("homeassistant_energy.json"),
}
OWN = {"/meter?of=desk": (200, b'[{"now": {"mw": 55250}, "total": "12.5"}]')}
ENTITIES = {"watts": "sensor.desk_power", "energy": "sensor.desk_energy"}
PATHS = {"watts": "0.now.mw", "watts_unit": "mW", "energy": "0/total", "energy_unit": "kWh"}


@pytest.mark.parametrize(
    ("kind", "answers", "more", "answer"),
    [
        ("shelly", SHELLY_2, {}, PlugAnswer(63.4, 48213127 * 3600, 3600)),
        ("shelly", SHELLY_PM, {}, PlugAnswer(212.6, 913456 * 3600, 3600)),
        ("shelly", SHELLY_1, {}, PlugAnswer(88.47, 1803321 * 60_000, 60_000)),
        ("shelly", SHELLY_EM, {"outlet": "0"}, PlugAnswer(120.5, 712345 * WH // 10, WH // 10)),
        ("tasmota", TASMOTA, {}, PlugAnswer(71.0, 318520 * WH, WH)),
        ("homeassistant", HOME, ENTITIES, PlugAnswer(94.8, 412370 * WH, 10 * WH)),
        ("json", OWN, PATHS, PlugAnswer(55.25, 12500 * WH, 100 * WH)),
    ],
)
def test_an_answer_is_read(
    kind: str, answers: dict[str, tuple[int, bytes]], more: dict[str, str], answer: PlugAnswer
) -> None:
    plug = FakePlug(answers, token="abc" if kind == "homeassistant" else "")
    with serving(plug) as host:
        address = f"http://{host}/meter?of=desk" if kind == "json" else f"http://{host}"
        opened = open_plug(PlugSettings(kind, address, **more), plug.token or None)
        assert opened.read() == answer
        assert "127.0.0.1" in opened.source
        assert opened.read() == answer
    assert not any("abc" in head.split("\r\n")[0] for head in plug.heads)


def test_a_password_of_the_second_generation_is_proved_not_sent() -> None:
    plug = FakePlug(SHELLY_2, digest_password="s3cret")
    with serving(plug) as host:
        assert open_plug(PlugSettings("shelly", host), "s3cret").read().watts == 63.4
        with pytest.raises(PlugProblem, match="password"):
            open_plug(PlugSettings("shelly", host), "wrong").read()
        with pytest.raises(PlugProblem, match="password"):
            open_plug(PlugSettings("shelly", host)).read()
    assert not any("s3cret" in head for head in plug.heads)


@pytest.mark.parametrize("old", [False, True])
def test_a_fritz_box_lets_in_who_proves_the_password(old: bool) -> None:
    box = FakeBox(old=old)
    with serving(box) as host:
        settings = PlugSettings("fritz", host, outlet="11630 0123456", user="fritz3333")
        plug = open_plug(settings, PASSWORD)
        assert plug.read() == PlugAnswer(71.25, 318520 * WH, WH)
        assert plug.read().watts == 71.25
        assert box.logins == 1
        box.milliwatts = box.watt_hours = b"inval"
        with pytest.raises(PlugProblem, match="not connected"):
            plug.read()
        with pytest.raises(PlugProblem, match="wrong or missing"):
            open_plug(settings, "another").read()
        with pytest.raises(PlugProblem, match="wants a password"):
            open_plug(settings).read()
    assert not any(PASSWORD in text for text in (*box.heads, *map(bytes.decode, box.bodies)))


def test_a_session_that_the_box_forgot_is_begun_anew() -> None:
    box = FakeBox()
    with serving(box) as host:
        plug = open_plug(PlugSettings("fritz", host, outlet="116300123456"), PASSWORD)
        plug._sid = "1111111111111111"  # type: ignore[union-attr]
        assert plug.read().watts == 71.25
    assert box.logins == 1


@pytest.mark.parametrize("fault", ["refused", "broken", "garbage", "cut", "sent away", "silent"])
def test_the_session_of_a_box_is_in_no_error_and_no_log(
    fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the address of each reading, as the box wants it."""
    said = {
        "refused": (403, b"no", ""),
        "broken": (500, b"no", ""),
        "garbage": (200, b"\xff<x>", ""),
        "sent away": (302, b"", "Location: http://127.0.0.1:9/else?sid=" + SID + "\r\n"),
    }
    monkeypatch.setattr(asking, "LIMITS", replace(asking.LIMITS, idle_s=0.3, total_s=0.5))
    caplog.set_level("DEBUG")
    box = FakeBox()
    plain = box.answer
    with serving(box) as host:
        plug = open_plug(PlugSettings("fritz", host, outlet="116300123456"), PASSWORD)
        assert plug.read().watts == 71.25

        def answer(target: str, head: str, body: bytes) -> tuple[int, bytes, str]:
            if fault in {"cut", "silent"} and "sid=" in target:
                time.sleep(1.0 if fault == "silent" else 0.0)
                raise ConnectionError
            return said[fault] if "sid=" in target else plain(target, head, body)

        box.answer = answer  # type: ignore[method-assign]
        with pytest.raises(PlugProblem) as caught:
            plug.read()
    problem: BaseException | None = caught.value
    texts = [caplog.text, repr(plug), "".join(traceback.format_exception(caught.value))]
    while problem is not None:
        texts += [str(problem), repr(problem), repr(vars(problem))]
        problem = problem.__cause__ or problem.__context__
    assert any(SID in head for head in box.heads)
    assert not any(SID in text for text in texts)


def test_the_answers_of_the_technical_note() -> None:
    """AVM's own examples of both forms."""
    assert response_to("2$10000$5A1711$2000$5A1722", "1example!") == (
        "5A1722$1798a1672bca7c6463d6b245f82b53703b0f50813401b03e4045a5861e689adb"
    )
    assert response_to("1234567z", "äbc") == "1234567z-9e224a41eeefa284df7bb0f26c2913e2"
    assert response_to("1234567z", "€bc") == response_to("1234567z", ".bc")


@pytest.mark.parametrize(
    "challenge", ["", "2$1$zz$1$00", "2$99999999$00$1$00", "2$1$00$1", "<x>", "2$0$00$1$00"]
)
def test_no_challenge_keeps_this_computer_busy(challenge: str) -> None:
    assert response_to(challenge, "x") is None


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("tasmota", b'{"StatusSNS": {"Time": "x"}}', "measures no energy"),
        ("tasmota", b'{"WARNING": "Need user=<username>&password=<password>"}', "password"),
        ("tasmota", b"<html>router</html>", "is not what such a plug says"),
        ("tasmota", b"[" * 60_000, "is not what such a plug says"),
        ("tasmota", b"x" * 70_000, "is not what such a plug says"),
        ("shelly", b'{"gen": 3}', "measures nothing at output 0"),
        ("shelly", b"[]", "is not what such a plug says"),
        ("json", b'{"a": {"b": "warm"}}', "no number at 'a.b'"),
        ("json", b'{"a": {"b": NaN}}', "no number at 'a.b'"),
        ("json", b'{"a": {"b": true}}', "no number at 'a.b'"),
        ("json", b'{"a": {"b": 1e400}}', "no number at 'a.b'"),
    ],
)
def test_nonsense_is_one_sentence(kind: str, body: bytes, words: str) -> None:
    with serving(FakePlug({"/": (200, body)})) as host, pytest.raises(PlugProblem, match=words) as told:
        open_plug(PlugSettings(kind, host, watts="a.b")).read()
    assert told.value.next_step


def test_a_plug_that_drips_is_given_up() -> None:
    with serving(FakePlug(TASMOTA, late_s=2.5)) as host, pytest.raises(PlugProblem, match="does not answer"):
        open_plug(PlugSettings("tasmota", host)).read()


def test_an_entity_that_is_not_available_is_said() -> None:
    said = recorded("homeassistant_power.json").replace(b'"0.0948"', b'"unavailable"')
    with serving(FakePlug({"/api": (200, said)}, token="t")) as host:
        plug = open_plug(PlugSettings("homeassistant", f"http://{host}", watts="sensor.desk_power"), "t")
        with pytest.raises(PlugProblem, match="not available"):
            plug.read()


@pytest.mark.parametrize("odd", ["²", "①", "٣", "9" * 20])
def test_signs_that_only_look_like_digits_are_no_numbers(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = recorded("fritz_challenge.xml").decode()
    assert "<BlockTime>0<" in page
    blocked = page.replace("<BlockTime>0<", f"<BlockTime>{odd}<").encode()
    box = open_plug(PlugSettings("fritz", "fritz.box", outlet="116300123456"), PASSWORD)
    monkeypatch.setattr(PlugHost, "get", lambda *_, **__: blocked)
    with pytest.raises(PlugProblem):
        box.read()
    assert asking.field(["a", "b"], odd) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (PlugSettings("tasmota"), "address of the plug is missing"),
        (PlugSettings("tasmota", "http://admin:geheim@10.0.0.2"), "not the address"),
        (PlugSettings("zigbee", "10.0.0.2"), "not known"),
        (PlugSettings("fritz", "fritz.box"), "AIN"),
        (PlugSettings("shelly", "10.0.0.2", outlet="left"), "is a number"),
        (PlugSettings("shelly", "10.0.0.2", outlet="²"), "is a number"),
        (PlugSettings("homeassistant", "ha.local"), "entity"),
        (PlugSettings("homeassistant", "ha.local", watts="sensor/../config"), "entity"),
        (PlugSettings("json", "10.0.0.2", watts="a", watts_unit="PS"), "unit 'PS'"),
    ],
)
def test_settings_that_cannot_be(settings: PlugSettings, words: str) -> None:
    with pytest.raises(PlugProblem, match=words):
        open_plug(settings)


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("http://192.168.178.30", True),
        ("http://[fd00::12]", True),
        ("http://ha.home.arpa:8123", True),
        ("http://homeassistant:8123", True),
        ("http://meter.example.org", False),
        ("http://93.184.216.34", False),
    ],
)
def test_a_token_leaves_the_home_only_encrypted(address: str, home: bool) -> None:
    assert split_url(address)[0].is_at_home is home
    asked = PlugHost(address, secret="t0ken")
    if home:
        assert asked.bearer().endswith("t0ken")
        return
    with pytest.raises(PlugProblem, match="not encrypted"):
        asked.bearer()
    assert PlugHost(address.replace("http:", "https:"), secret="t0ken").bearer()


def script(folder: Path, text: str) -> str:
    file = folder / "my plug.py"
    file.write_text(text, encoding="utf-8")
    return f'"{sys.executable}" "{file}"'


def test_a_command_tells_watts_or_a_document(tmp_path: Path) -> None:
    alone = PlugSettings("command", script(tmp_path, "print(84.5)"))
    assert open_plug(alone).read() == PlugAnswer(84.5, None, 0)
    both = replace(alone, watts="w", energy="t", energy_unit="Wh")
    script(tmp_path, "import json, sys; print(json.dumps({'w': 84.5, 't': 120}))")
    assert open_plug(both).read() == PlugAnswer(84.5, 120 * WH, WH)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import time; time.sleep(30)", "takes longer"),
        ("while True: print('x' * 4096)", "says too much"),
        ("raise SystemExit(3)", "ends with code 3"),
        ("print('; rm -rf x')", "is not what such a plug says"),
    ],
)
def test_a_command_is_bounded(tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # a Python alone may take a second to start
    monkeypatch.setattr("wattlight.probes.plugs.asking.COMMAND_S", 1.0 if "sleep" in text else 30.0)
    with pytest.raises(PlugProblem, match=words):
        open_plug(PlugSettings("command", script(tmp_path, text))).read()


@pytest.mark.parametrize("command", ["", "'open", "/not/there/at all"])
def test_a_command_that_cannot_be_run(command: str) -> None:
    with pytest.raises(PlugProblem, match=r"given|quote|cannot be run"):
        open_plug(PlugSettings("command", command)).read()


PLACES = {
    "shelly": (SHELLY_2, "/rpc/Switch.GetStatus?id=0"),
    "shelly 1": (SHELLY_1, "/status"),
    "tasmota": (TASMOTA, "/cm?cmnd=Status%208"),
    "homeassistant": (HOME, "/api/states/sensor.desk_energy"),
    "json": (OWN, "/meter?of=desk"),
}


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_no_mutated_answer_ends_in_an_error_of_ours(kind: str) -> None:
    """Every value of an answer in the place of every other one, and a few that are none."""
    answers, path = PLACES[kind]
    body = answers[path][1]
    odd = [None, True, [], {}, "", "x", -1, 1e308, 10**40, "1e-999999", [1], {"a": 1}, "9" * 39]
    plug = FakePlug(dict(answers), token="t" if kind == "homeassistant" else "")
    with serving(plug) as host:
        address = f"http://{host}/meter?of=desk" if kind == "json" else f"http://{host}"
        more = ENTITIES if kind == "homeassistant" else PATHS if kind == "json" else {}
        settings = PlugSettings(kind.split(maxsplit=1)[0], address, **more)
        tried = 0
        for mutant in mutants(json.loads(body), odd):
            plug.answers[path] = (200, json.dumps(mutant).encode())
            tried += 1
            try:
                answer = open_plug(settings, plug.token or None).read()
            except PlugProblem:
                continue
            assert answer.energy_mj is None or 0 <= answer.energy_mj < 10**18
            assert answer.step_mj >= 0
        assert tried > 60


def mutants(node: object, odd: list[object]) -> Iterator[object]:
    """The document with each of its parts replaced in turn."""
    yield from odd
    if isinstance(node, dict):
        for key, value in node.items():
            for other in mutants(value, odd):
                yield {**node, key: other}
    elif isinstance(node, list):
        for at, value in enumerate(node[:3]):
            for other in mutants(value, odd):
                yield [*node[:at], other, *node[at + 1 :]]
