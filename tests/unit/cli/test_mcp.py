"""``wattlight mcp``, asked over pipes by the client of the official package."""

import asyncio
import builtins
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from fakes.fake_ollama import FakeOllama
from wattlight.cli import run
from wattlight.cli.verb_mcp import mcp_server, name_of
from wattlight.domain.values import Problem
from wattlight.services.factory import ServiceFactory

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
SCHEMA_OF = {
    "hardware": "hardware",
    "what_fits": "recommend",
    "fit": "fit",
    "installed_models": "models",
    "loaded_models": "ps",
    "power": "power",
    "cost": "cost",
}


def asked(home: Path, url: str, ask: Callable[[Client], Awaitable[Any]]) -> Any:
    environ = {**os.environ, "WATTLIGHT_HOME": str(home), "OLLAMA_HOST": url}
    command = StdioServerParameters(command=sys.executable, args=["-m", "wattlight", "mcp"], env=environ)

    async def go() -> Any:
        async with Client(stdio_client(command)) as client:
            return await ask(client)

    return asyncio.run(asyncio.wait_for(go(), 90))


@pytest.mark.timeout(120)
def test_each_tool_answers_as_its_verb_does_and_only_reads(tmp_path: Path) -> None:
    wanted: dict[str, dict[str, Any]] = {name: {} for name in SCHEMA_OF} | {"fit": {"model": "qwen3:8b"}}

    async def all_of_them(client: Client) -> dict[str, Any]:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == set(SCHEMA_OF)
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
        # all at once: an assistant asks side by side
        answers = await asyncio.gather(*(client.call_tool(name, words) for name, words in wanted.items()))
        return dict(zip(wanted, answers, strict=True))

    with FakeOllama() as fake:
        fake.install("qwen3:8b", size=5_200_000_000)
        answers = asked(tmp_path, fake.url, all_of_them)
        methods = {request.method for request in fake.requests}
    for name, answer in answers.items():
        assert not answer.is_error, answer.content
        schema = json.loads((SCHEMAS / f"{SCHEMA_OF[name]}.json").read_text(encoding="utf-8"))
        jsonschema.validate(answer.structured_content, schema)
    assert answers["installed_models"].structured_content["models"][0]["name"] == "qwen3:8b"
    assert methods <= {"GET", "POST"} and fake.loads == []


def test_what_goes_wrong_is_told_in_the_verbs_words_and_it_goes_on(tmp_path: Path) -> None:
    async def twice(client: Client) -> tuple[Any, Any, Any]:
        wrong = await client.call_tool("cost", {"first_day": "the day before"})
        away = await client.call_tool("loaded_models", {})
        return wrong, away, await client.call_tool("cost", {})

    wrong, away, right = asked(tmp_path, "http://127.0.0.1:9", twice)
    assert wrong.is_error and "the day before" in wrong.content[0].text
    assert away.is_error and "127.0.0.1:9" in away.content[0].text
    assert "Traceback" not in wrong.content[0].text + away.content[0].text
    assert not right.is_error and right.structured_content["models"]["cost_micro"] is None


@pytest.mark.parametrize(
    "name",
    [
        "--machine=/etc/passwd",
        "-q",
        "/etc/passwd",
        "../up/model.gguf",
        "model.GGUF",
        "10.0.0.1/library/a",
        "hf.co/a/b:q4",
        "two words",
        "",
        "a" * 5000,
    ],
)
def test_a_name_opens_no_file_and_contacts_no_other_host(name: str) -> None:
    with pytest.raises(Problem) as told:
        name_of(name)
    assert told.value.code == "invalid_name" and len(str(told.value)) < 400


def test_usual_names_are_asked_about() -> None:
    assert [name_of(name) for name in ("qwen3:8b", "someone/model", " llama3.3 ")] == [
        "qwen3:8b",
        "someone/model",
        "llama3.3",
    ]


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def none(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("mcp"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", none)
    out = io.StringIO()
    factory = ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)})
    assert run(["mcp", "--json"], factory, out) == 1
    error = json.loads(out.getvalue())["error"]
    assert error["code"] == "not_installed" and "mcp>=2" in error["next"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(Problem) as told:
        mcp_server(factory)
    assert "pip" not in told.value.next_step


def test_a_person_at_a_terminal_is_told_whom_it_is_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert run(["mcp"], ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)}), io.StringIO()) == 2
    assert "programs" in capsys.readouterr().err


def test_what_is_no_message_does_not_end_it_with_a_traceback(tmp_path: Path) -> None:
    environ = {**os.environ, "WATTLIGHT_HOME": str(tmp_path), "OLLAMA_HOST": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "wattlight", "mcp"],
        input=b'{"no": "message"}\nnot json\n\xff\xfe\n',
        env=environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stdout + done.stderr
