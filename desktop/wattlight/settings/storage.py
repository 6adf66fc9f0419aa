"""Reads and writes the settings file: nothing in it can stop the program, and nothing is lost."""

import contextlib
import json
import os
import tempfile
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from wattlight.domain.values import Problem

from .model import CURRENT, Settings

MAX_BYTES = 1_000_000
"""A larger settings file is not ours."""


class SettingsError(Problem):
    """The settings cannot be written."""

    code = "settings"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and one sentence for each thing that was wrong with the file."""

    settings: Settings
    notices: tuple[str, ...] = ()


def load_settings(file: Path) -> LoadedSettings:
    """The settings in ``file``; defaults for every key that is missing or of a wrong type.

    A file that cannot be understood at all is kept beside it as ``settings.json.bad``.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return LoadedSettings(Settings())
    except OSError as error:
        reason = f"The settings in {file} cannot be read ({error.strerror}); the defaults are used."
        return LoadedSettings(Settings(), (reason,))
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("too large")
        document = json.loads(raw.decode("utf-8-sig"))
        if not isinstance(document, dict):
            raise ValueError("not an object")
    except (ValueError, RecursionError):
        return LoadedSettings(Settings(), (_set_aside(file),))
    notices: list[str] = []
    settings = _build(Settings, document, "", notices)
    known = {f.name for f in fields(Settings)} | {"schema"}
    extra = tuple((str(k), json.dumps(v)) for k, v in document.items() if k not in known)
    return LoadedSettings(replace(settings, extra=extra), tuple(notices))


def save_settings(file: Path, settings: Settings) -> None:
    """Write atomically: a crash leaves the old or the new file, never a mixture. A link is followed.

    Raises:
        SettingsError: the folder is not writable or the disk is full.
    """
    document: dict[str, Any] = {"schema": CURRENT, **asdict(settings)}
    for key, text in document.pop("extra"):
        document[key] = json.loads(text)
    data = json.dumps(document, indent=2, ensure_ascii=False).encode()
    target = Path(os.path.realpath(file))
    temporary = ""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".settings-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise SettingsError(
            f"The settings could not be saved to {file} ({error.strerror}).",
            "Free some disk space or make the folder writable; the old settings are unchanged.",
        ) from error


def _set_aside(file: Path) -> str:
    bad = file.with_name(file.name + ".bad")
    try:
        file.replace(bad)
    except OSError:
        return f"The settings in {file} are damaged; the defaults are used."
    return f"The settings were damaged and are kept as {bad}; the defaults are used."


def _build(kind: type[Any], document: dict[str, Any], path: str, notices: list[str]) -> Any:
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):
        if item.name not in document or item.name == "extra":
            continue
        try:
            values[item.name] = _value(hints[item.name], document[item.name], f"{path}{item.name}.", notices)
        except (TypeError, ValueError):
            notices.append(f"The setting {path}{item.name} has a value it cannot have; its default is used.")
    return kind(**values)


def _value(hint: Any, value: Any, path: str, notices: list[str]) -> Any:
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        if value is None:
            return None
        return _value(next(a for a in typing.get_args(hint) if a is not type(None)), value, path, notices)
    if origin is tuple:
        if not isinstance(value, list) or not value:
            raise TypeError
        return tuple(_value(typing.get_args(hint)[0], item, path, notices) for item in value)
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise TypeError
        return _build(typing.cast("type[Any]", hint), value, path, notices)
    if isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint or (hint is float and not -1e15 < value < 1e15):
        raise TypeError
    return value
