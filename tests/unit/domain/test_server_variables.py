"""Variables of the server: what may be set, and what its log says is in force."""

from pathlib import Path

import pytest

from wattlight.domain.server_variables import KNOWN, VARIABLES, agrees, checked, in_force
from wattlight.domain.values import Problem

LOG = Path(__file__).parents[2] / "data" / "ollama" / "server_config_lines.txt"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLLAMA_MAX_LOADED_MODELS", "3"),
        ("OLLAMA_SCHED_SPREAD", "true"),
        ("OLLAMA_LOAD_TIMEOUT", "1h30m"),
        ("OLLAMA_KEEP_ALIVE", "-1"),
        ("OLLAMA_KV_CACHE_TYPE", "q4_0"),
        ("OLLAMA_MODELS", "D:\\models"),
        ("OLLAMA_MODELS", "/mnt/big disk/models"),
        ("OLLAMA_SOMETHING_NEW", "whatever it takes"),
        ("LLAMA_ARG_FIT", "off"),
    ],
)
def test_what_may_be_set(name: str, value: str) -> None:
    assert checked(name, f" {value} ") == value


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("OLLAMA_HOST", "0.0.0.0", "not_ours"),
        ("OLLAMA_ORIGINS", "*", "not_ours"),
        ("PATH", "/tmp", "unknown_variable"),
        ("LD_PRELOAD", "/tmp/x.so", "unknown_variable"),
        ("OLLAMA_num_parallel", "2", "unknown_variable"),
        ("OLLAMA_MAX_QUEUE", "many", "bad_value"),
        ("OLLAMA_MAX_QUEUE", "-1", "bad_value"),
        ("OLLAMA_NOPRUNE", "maybe", "bad_value"),
        ("OLLAMA_KV_CACHE_TYPE", "q5_1", "bad_value"),
        ("OLLAMA_LOAD_TIMEOUT", "soon", "bad_value"),
        ("OLLAMA_MODELS", "models", "bad_value"),
        ("OLLAMA_LLM_LIBRARY", "", "bad_value"),
        ("OLLAMA_REMOTES", "a\nEnvironment=OLLAMA_HOST=0.0.0.0", "bad_value"),
    ],
)
def test_what_may_not_is_said_in_a_sentence(name: str, value: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        checked(name, value)
    assert caught.value.code == code
    assert caught.value.next_step


def test_the_log_tells_what_is_in_force_values_with_blanks_too() -> None:
    old, new = LOG.read_text(encoding="utf-8").splitlines()
    told = in_force(f"{old}\n{new}\n")
    assert told is not None
    assert told["OLLAMA_NUM_PARALLEL"] == "4"
    assert told["OLLAMA_KEEP_ALIVE"] == "2562047h47m16.854775807s"
    assert told["OLLAMA_MODELS"] == "/mnt/big disk/models"
    assert told["OLLAMA_KV_CACHE_TYPE"] == ""
    assert told["OLLAMA_ORIGINS"].startswith("[http://localhost https://")
    assert "HTTPS_PROXY" not in told
    before = in_force(old)
    assert before is not None
    assert set(before) - set(told) == {"OLLAMA_MULTIUSER_CACHE", "OLLAMA_NEW_ENGINE"}
    assert {name for name in before if name not in KNOWN} == {
        "OLLAMA_HOST",
        "OLLAMA_ORIGINS",
        "OLLAMA_EDITOR",
    } | {name for name in before if name not in KNOWN and not name.startswith("OLLAMA")}
    assert in_force("no start in here") is None


@pytest.mark.parametrize(
    ("wanted", "told", "same"),
    [
        ("1", "true", True),
        ("0", "false", True),
        ("1h", "1h0m0s", True),
        ("300", "5m0s", True),
        ("-1", "2562047h47m16.854775807s", True),
        ("q8_0", "Q8_0", True),
        ("2", "1", False),
        ("1h", "5m0s", False),
        ("/a", "", False),
    ],
)
def test_the_server_writes_some_values_its_own_way(wanted: str, told: str, same: bool) -> None:
    assert agrees(wanted, told) is same


def test_the_table_holds_together() -> None:
    assert len(KNOWN) == len(VARIABLES)
    assert all(v.meaning and v.kind for v in VARIABLES)
