"""Prompts that were cut: lines of the server's log in every form, and counts that fill a context."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wattlight.domain.state import AppState, HostState, RunningModel, ServerState, ServerStatus
from wattlight.domain.tokens import Counters, TokenUse
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import CutPrompt, cut_prompt
from wattlight.services.cut_prompts import CutPrompts
from wattlight.services.hub import StateHub

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LINES = Path(__file__).parents[2] / "data" / "ollama" / "cut_prompt_lines.txt"


@pytest.mark.parametrize(
    ("line", "cut"),
    list(
        zip(
            LINES.read_text(encoding="utf-8").splitlines(),
            [
                CutPrompt(512, 35004),
                CutPrompt(2048, 16101),
                CutPrompt(None, None),
                CutPrompt(2048, None),
                CutPrompt(4096, None),
                CutPrompt(4096, 4476),
                None,
                None,
                None,
            ],
            strict=True,
        )
    ),
)
def test_each_form_of_the_line(line: str, cut: CutPrompt | None) -> None:
    assert cut_prompt(line) == cut


class Bench:
    def __init__(self, folder: Path, *models: tuple[str, int]) -> None:
        running = tuple(RunningModel(name, "d", 10, 10, context) for name, context in models)
        server = ServerState("http://127.0.0.1:11434", ServerStatus.READY, running=running)
        self.hub = StateHub(AppState((HostState(LOCAL_HOST, "here", server),)))
        self.log = folder / "server.log"
        self.log.write_text(line(4096, 9000))
        self.now = NOW
        self.cuts = CutPrompts(self.hub, lambda: self.now, (self.log, folder / "nosuch.log"))

    def write(self, text: str) -> None:
        with self.log.open("a") as stream:
            stream.write(text)
        self.cuts.look()

    @property
    def said(self) -> list[str]:
        return [n.text for n in self.hub.state.notices]


def line(limit: int, prompt: int) -> str:
    said = f'msg="truncating input prompt" limit={limit} prompt={prompt} keep=5'
    return f"level=WARN source=runner.go:153 {said}\n"


def test_a_line_that_comes_is_told_with_the_model_and_an_old_one_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ("a:1b", 2048), ("b:1b", 4096))
    bench.cuts.look()
    assert bench.said == []
    bench.write(line(2048, 7000)[:40])
    assert bench.said == []  # half a line
    bench.write(line(2048, 7000)[40:])
    assert "A prompt of 7,000 tokens for a:1b was cut to its context of 2,048" in bench.said[0]
    assert bench.hub.state.notices[0].urgent


def test_whose_it_was_is_not_guessed_and_it_is_told_once_an_hour(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ("a:1b", 4096), ("b:1b", 4096))
    bench.write(line(4096, 7000))
    assert "for a model was cut" in bench.said[0]
    bench.hub.dismiss("cut", NOW)
    bench.write(line(4096, 8000))
    assert bench.said == []
    bench.now = NOW + timedelta(hours=2)
    bench.write(line(4096, 8001))
    assert "8,001" in bench.said[0]


def test_a_log_that_was_begun_anew_or_has_grown_much_is_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ("a:1b", 512))
    bench.log.write_text("")
    bench.cuts.look()
    bench.write("x" * 600_000 + "\n" + line(512, 700))
    assert "A prompt of 700 tokens" in bench.said[0]


@pytest.mark.parametrize(
    ("model", "path", "tokens", "told"),
    [
        ("a:1b", "/api/chat", 512, True),
        ("A:1b", "/v1/chat/completions", 513, True),
        ("a:1b", "/api/chat", 511, False),
        ("a:1b", "/api/embed", 512, False),
        ("b:1b", "/api/chat", 512, False),
        ("a:1b", "/api/chat", None, False),
    ],
)
def test_a_prompt_that_fills_the_context(
    tmp_path: Path, model: str, path: str, tokens: int | None, told: bool
) -> None:
    bench = Bench(tmp_path, ("a:1b", 512))
    counters = Counters(prompt_tokens=tokens, output_tokens=1)
    bench.cuts.answered(TokenUse(model, "curl", path, NOW, NOW, 1, 200, True, counters))
    assert ["most likely cut" in text for text in bench.said] == ([True] if told else [])
