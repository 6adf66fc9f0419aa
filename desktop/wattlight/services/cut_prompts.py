"""Prompts that were longer than the context: the server cuts them without a word to the client."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from wattlight.domain.state import RunningModel, same_model
from wattlight.domain.tokens import TokenUse
from wattlight.domain.values import clean_text
from wattlight.i18n import number, tr
from wattlight.runtime import CutPrompt, cut_prompt

from .hub import StateHub

_READ_BYTES = 1 << 18
"""So much of what a log has grown by is read at a look."""
_AGAIN = timedelta(hours=1)
"""The same is told once in this time: a client that is cut once is cut each time."""
_TEXT_PATHS = frozenset({"/api/generate", "/api/chat", "/v1/chat/completions", "/v1/completions"})


class CutPrompts:
    """Reads on in the server's logs, and looks at what the relay counted; tells each kind once an hour.

    Args:
        logs: files that a server of this computer may write; what stood in them before is not told.
    """

    def __init__(self, hub: StateHub, now: Callable[[], datetime], logs: Iterable[Path]) -> None:
        self._hub, self._now = hub, now
        self._read_to = {file: _size(file) or 0 for file in logs}
        self._told: dict[tuple[str, int], datetime] = {}

    def look(self) -> None:
        """Read what the logs have grown by; called with each sample. Never raises."""
        for file, read_to in self._read_to.items():
            size = _size(file)
            if size is None or size == read_to:
                continue
            begin = max(0 if size < read_to else read_to, size - _READ_BYTES)  # a smaller one was begun anew
            try:
                with file.open("rb") as stream:
                    stream.seek(begin)
                    raw = stream.read(size - begin)
            except OSError:
                continue
            whole = raw.rfind(b"\n") + 1
            self._read_to[file] = begin + whole if whole or len(raw) < _READ_BYTES else size
            for line in raw[:whole].decode("utf-8", "replace").splitlines():
                if (cut := cut_prompt(line)) is not None:
                    self._tell(self._model_with(cut.limit), cut)

    def answered(self, use: TokenUse) -> None:
        """A request that the relay counted: a prompt that fills its context was most likely cut."""
        tokens = use.counters.prompt_tokens
        loaded = next((m for m in self._running() if same_model(m.name, use.model)), None)
        limit = None if loaded is None else loaded.context_length
        if use.path in _TEXT_PATHS and limit and tokens is not None and tokens >= limit:
            self._tell(use.model, CutPrompt(limit))

    def _running(self) -> tuple[RunningModel, ...]:
        return self._hub.state.local.server.running

    def _model_with(self, limit: int | None) -> str:
        """The model that it was, where only one is loaded with such a context."""
        names = [m.name for m in self._running() if limit is None or m.context_length == limit]
        return names[0] if len(names) == 1 else ""

    def _tell(self, model: str, cut: CutPrompt) -> None:
        now, key = self._now(), (model, cut.limit or 0)
        last = self._told.get(key)
        if last is not None and now - last < _AGAIN:
            return
        self._told[key] = now
        self._hub.notify("cut", cut_text(model, cut), now, urgent=True)


def cut_text(model: str, cut: CutPrompt) -> str:
    """What happened, how sure that is, and what helps."""
    name = clean_text(model, 60) or tr("a model")
    if cut.prompt and cut.limit:
        said = tr(
            "A prompt of {prompt} tokens for {model} was cut to its context of {limit}: the answer does not "
            "know the rest.",
            prompt=number(cut.prompt),
            model=name,
            limit=number(cut.limit),
        )
    elif cut.limit:
        said = tr(
            "A prompt filled the whole context of {model} ({limit} tokens): it was most likely cut.",
            model=name,
            limit=number(cut.limit),
        )
    else:
        said = tr("Earlier messages to {model} were left out: they did not fit its context.", model=name)
    return f"{said} {tr('Load it with a longer context on the page Models, or let the program ask for one.')}"


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
