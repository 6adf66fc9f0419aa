"""Text files that a person names: read with a limit, and one sentence where they cannot be."""

from collections.abc import Callable
from pathlib import Path

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr

Refusal = Callable[[str, str], Problem]
"""The error of the caller's family, from what happened and what to do next."""


def read_text(path: Path, limit_bytes: int, refusal: Refusal) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        Problem: by ``refusal``, for a file that is missing, not ours to read, too large or no text.
    """
    name = clean_text(str(path))
    try:
        with path.expanduser().open("rb") as stream:
            raw = stream.read(limit_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else tr("not a file name")
        raise refusal(
            tr("The file {name} cannot be read ({reason}).", name=name, reason=reason),
            tr("Check the name of the file."),
        ) from error
    if len(raw) > limit_bytes:
        raise refusal(tr("The file {name} is too large.", name=name), tr("Name another file."))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(tr("The file {name} is not text.", name=name), tr("Save it as UTF-8.")) from error
