"""Each of the ready lines runs with the real packages of the program it is for.

curl and the clients that are here anyway run always, against the fake. The others run with a real server:

    WATTLIGHT_TEST_OLLAMA=http://127.0.0.1:11434 WATTLIGHT_TEST_MODEL=NAME WATTLIGHT_TEST_EMBEDDING=NAME \\
    WATTLIGHT_TEST_CLIENTS=FOLDER python -m pytest -m slow tests/contract/test_connect.py

Continue is run through its command line, ``cn`` of npm's @continuedev/cli, where that is in PATH; MODEL must
be able to use tools then.

FOLDER gets an environment for each program (up to 750 MB) and keeps them for the next time.
"""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from fakes.fake_ollama import FakeOllama
from wattlight.domain.values import clean_text
from wattlight.services.connecting import Snippet, Target, filled, snippets

PLACE = Target("http://127.0.0.1:11434", "qwen3:8b")
HERE = {snippet.key: snippet for snippet in snippets(PLACE)}
HOSTILE = [
    'x"); import os; os.system("id"); ("',
    "x'; id; '",
    "$(id) `id` \\",
    "a: b # c",
    "__URL__",
    'x\n---\n"',
    "{{ cookiecutter }}",
]
SERVER, MODEL = os.environ.get("WATTLIGHT_TEST_OLLAMA", ""), os.environ.get("WATTLIGHT_TEST_MODEL", "")
EMBEDDING, CLIENTS = (
    os.environ.get("WATTLIGHT_TEST_EMBEDDING", ""),
    os.environ.get("WATTLIGHT_TEST_CLIENTS", ""),
)


def named(model: str) -> Target:
    return Target(PLACE.url, model, model)


@pytest.mark.parametrize("model", HOSTILE)
@pytest.mark.parametrize("snippet", HERE.values(), ids=HERE)
def test_a_name_stays_a_name(snippet: Snippet, model: str) -> None:
    text, plain = filled(snippet, named(model)), filled(snippet, named("plain"))
    kind = snippet.file.rpartition(".")[2]
    if kind == "py":
        calls = [ast.dump(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        assert calls == [ast.dump(n.func) for n in ast.walk(ast.parse(plain)) if isinstance(n, ast.Call)]
        words = {n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)}
        assert clean_text(model, 200) in words
    elif kind == "sh":
        shown = subprocess.run(
            ["/bin/sh", "-c", f'curl() {{ printf "%s\\n" "$@"; }}; llm() {{ printf "%s\\n" "$@"; }}\n{text}'],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "uid=" not in shown
    elif kind == "yaml":
        assert _keys(yaml.safe_load(text)) == _keys(yaml.safe_load(plain))
    else:
        assert json.loads(text) == json.loads(plain)


def _keys(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _keys(value) for key, value in document.items()}
    return [_keys(item) for item in document] if isinstance(document, list) else None


def test_a_server_of_another_kind_is_offered_what_it_understands() -> None:
    other = snippets(Target("http://127.0.0.1:8000", "m", ollama=False))
    assert {"openai", "curl", "langchain-openai", "litellm"} <= {snippet.key for snippet in other}
    assert not {"ollama", "chroma", "langchain"} & {snippet.key for snippet in other}
    text = filled(HERE["litellm"], Target("http://127.0.0.1:8000/", "m", ollama=False))
    assert yaml.safe_load(text)["model_list"][0]["litellm_params"]["api_base"] == "http://127.0.0.1:8000/v1"
    assert "openai/m" in text


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as made:
        made.install("qwen3:8b", size=5_200_000_000)
        yield made


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_gets_an_answer(fake: FakeOllama) -> None:
    lines = filled(HERE["curl"], Target(fake.url, "qwen3:8b"))
    done = subprocess.run(["/bin/sh", "-c", lines], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("key", ["ollama", "openai"])
def test_the_clients_that_are_here_get_an_answer(fake: FakeOllama, key: str) -> None:
    pytest.importorskip(key)
    lines = filled(HERE[key], Target(fake.url, "qwen3:8b"))
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


# With the real ones


def environment(snippet: Snippet) -> Path:
    """The scripts of an environment with the program's packages; made once."""
    folder = Path(CLIENTS) / snippet.key
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            *snippet.packages.split(),
        ]
        subprocess.run(command, check=True, timeout=900)
        (folder / "done").touch()
    return folder / "bin"


def real() -> Target:
    return Target(SERVER, MODEL, EMBEDDING, 512)


needs_real = pytest.mark.skipif(not (SERVER and MODEL and CLIENTS), reason="needs a real server and a folder")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_real
@pytest.mark.parametrize("key", [s.key for s in HERE.values() if s.file.endswith((".py", ".sh"))])
def test_it_runs_with_its_real_packages(key: str, tmp_path: Path) -> None:
    snippet = HERE[key]
    if snippet.embedding and not EMBEDDING:
        pytest.skip("needs a model for vectors")
    lines = filled(snippet, real())
    environ = {**os.environ, "HOME": str(tmp_path), "DO_NOT_TRACK": "1", "LLM_USER_PATH": str(tmp_path)}
    environ.pop("PYTHONPATH", None)
    if snippet.packages:
        scripts = environment(snippet)
        environ["PATH"] = f"{scripts}:{environ['PATH']}"
    command = ["python", "-c", lines] if snippet.file.endswith(".py") else ["/bin/sh", "-c", lines]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environ, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()


CN = shutil.which("cn")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (SERVER and MODEL and CN), reason="needs a real server and Continue's command line")
def test_continue_answers_with_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(filled(HERE["continue"], Target(SERVER, MODEL, "", 8192)))
    environ = {**os.environ, "HOME": str(tmp_path), "CONTINUE_TELEMETRY_ENABLED": "0"}
    command = [str(CN), "-p", "--format", "json", "--config", str(file), "Say hello"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False, env=environ, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["status"] == "success" and said["response"]


class Cloud(BaseHTTPRequestHandler):
    """Stands in for a cloud that speaks OpenAI's protocol."""

    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-5-mini",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "cloud"}}
            ],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 5, "total_tokens": 1005},
        }
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.slow
@pytest.mark.timeout(1500)
@needs_real
def test_litellm_answers_here_first_and_in_the_cloud_above_the_context(tmp_path: Path) -> None:
    scripts = environment(HERE["litellm"])
    cloud = ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    Thread(target=cloud.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "litellm.yaml"
    config.write_text(filled(HERE["litellm"], real()))
    environ = {
        **os.environ,
        "CLOUD_API_KEY": "k",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": f"sk-{'0123456789abcdef' * 4}",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{cloud.server_port}/v1",
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    environ.pop("PYTHONPATH", None)
    log = (tmp_path / "log").open("wb")
    proxy = subprocess.Popen(
        ["litellm", "--config", str(config), "--port", str(port), "--host", "127.0.0.1"],
        env=environ,
        stdout=log,
        stderr=log,
        cwd=tmp_path,
    )

    def ask(words: int) -> tuple[str, str]:
        body = {
            "model": "assistant",
            "max_tokens": 5,
            "messages": [{"role": "user", "content": "w1 " * words}],
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {environ['LITELLM_MASTER_KEY']}",
            },
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            where = answer.headers.get("x-litellm-model-api-base") or ""
            return json.load(answer)["choices"][0]["message"]["content"], where

    try:
        end = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end and proxy.poll() is None, (tmp_path / "log").read_text()[-3000:]
                time.sleep(0.5)
        _, where = ask(3)
        assert where.rstrip("/") == SERVER and Cloud.asked == 0
        text, where = ask(3000)
        assert text == "cloud" and Cloud.asked == 1
    finally:
        proxy.terminate()
        proxy.wait(30)
        cloud.shutdown()
        log.close()
