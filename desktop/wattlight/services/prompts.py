"""A person's own prompts for comparing models: in a file of this account, only where the person wants it.

They are read for a comparison and for nothing else, and stand in no export, log or report.
"""

import json
from pathlib import Path

from wattlight.domain.values import UNREADABLE, Problem
from wattlight.i18n import tr
from wattlight.paths import Places, read_small, write_whole

BETWEEN = "---"
"""A line of it stands between two prompts."""
MOST_PROMPTS = 20
LONGEST_CHARS = 8000
MOST_BYTES = 4 * MOST_PROMPTS * (LONGEST_CHARS + 8)


class PromptsProblem(Problem):
    """Prompts cannot be used or kept."""

    code = "prompts"


def prompts_file(places: Places) -> Path:
    return places.data / "prompts.json"


def read_prompts(text: str) -> tuple[str, ...]:
    """The prompts in a text, which lines of ``---`` divide.

    Raises:
        PromptsProblem: there is none, or there are too many or too long ones.
    """
    parts: list[list[str]] = [[]]
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.strip() == BETWEEN:
            parts.append([])
        else:
            parts[-1].append(line)
    found = tuple(prompt for lines in parts if (prompt := "\n".join(lines).strip()))
    if not found:
        raise PromptsProblem(
            tr("There is no prompt."), tr("Write one, or several with a line of --- between them.")
        )
    if len(found) > MOST_PROMPTS or any(len(prompt) > LONGEST_CHARS for prompt in found):
        raise PromptsProblem(
            tr("There are too many prompts, or one is too long."),
            tr("Use at most {n} of at most {chars} characters.", n=MOST_PROMPTS, chars=LONGEST_CHARS),
        )
    return found


def prompts_text(prompts: tuple[str, ...]) -> str:
    """As a person reads and changes them."""
    return f"\n{BETWEEN}\n".join(prompts)


def kept_prompts(file: Path) -> tuple[str, ...]:
    """Those that were kept; none where there are none or the file makes no sense."""
    try:
        document = json.loads(read_small(file, MOST_BYTES))
        prompts = document["prompts"] if document["schema"] == 1 else []
        return read_prompts(prompts_text(tuple(map(str, prompts)))) if prompts else ()
    except (*UNREADABLE, PromptsProblem):
        return ()


def keep_prompts(file: Path, prompts: tuple[str, ...]) -> None:
    """Keep them in ``file``, which only this account can read; without any the file goes.

    Raises:
        PromptsProblem: it cannot be written or removed.
    """
    try:
        if prompts:
            write_whole(file, json.dumps({"schema": 1, "prompts": prompts}).encode())
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise PromptsProblem(
            tr("The file {file} cannot be changed ({reason}).", file=file, reason=error.strerror),
            tr("Make its folder writable."),
        ) from error
