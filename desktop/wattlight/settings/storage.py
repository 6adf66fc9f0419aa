"""Reads and writes the settings file: nothing in it can stop the program, and nothing is lost."""

import json
import os
import threading
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.paths import free_name, read_small, write_whole

from .model import CURRENT, Settings

MAX_BYTES = 1_000_000
"""A larger settings file is not ours."""


class SettingsError(Problem):
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
        raw = read_small(file, MAX_BYTES + 1)
    except FileNotFoundError:
        return LoadedSettings(Settings())
    except OSError as error:
        said = tr(
            "The settings in {file} cannot be read ({reason}); the defaults are used.",
            file=file,
            reason=error.strerror,
        )
        return LoadedSettings(Settings(), (said,))
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError("too large")
        document = json.loads(raw.decode("utf-8-sig"), parse_int=_whole)
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
    # half a character of UTF-16, which JSON can hold, stays the escape it was
    data = json.dumps(document, indent=2, ensure_ascii=False).encode(errors="backslashreplace")
    try:
        write_whole(Path(os.path.realpath(file)), data)
    except OSError as error:
        raise SettingsError(
            tr("The settings could not be saved to {file} ({reason}).", file=file, reason=error.strerror),
            tr("Free some disk space or make the folder writable; the old settings are unchanged."),
        ) from error


def _whole(text: str) -> int | float:
    """A number of hundreds of digits, which costs only its own key, is no whole number."""
    return int(text) if len(text) < 40 else float(text)


def _set_aside(file: Path) -> str:
    bad = free_name(file.with_name(file.name + ".bad"))
    try:
        file.replace(bad)
    except OSError:
        return tr("The settings in {file} are damaged; the defaults are used.", file=file)
    return tr("The settings were damaged and are kept as {bad}; the defaults are used.", bad=bad)


def _build(kind: type[Any], document: dict[str, Any], path: str, notices: list[str]) -> Any:
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):
        if item.name not in document or item.name == "extra":
            continue
        try:
            value = _value(hints[item.name], document[item.name], f"{path}{item.name}.", notices)
            if value == () and item.default != ():
                raise ValueError
            values[item.name] = _bounded(value, *item.metadata.get("bounds", ()))
        except (TypeError, ValueError, InvalidOperation):
            notices.append(
                tr(
                    "The setting {name} has a value it cannot have; its default is used.",
                    name=path + item.name,
                )
            )
    return kind(**values)


def _value(hint: Any, value: Any, path: str, notices: list[str]) -> Any:
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        if value is None:
            return None
        return _value(next(a for a in typing.get_args(hint) if a is not type(None)), value, path, notices)
    if origin is tuple:
        if not isinstance(value, list):
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


def _bounded(value: Any, low: float | None = None, high: float = 0) -> Any:
    if low is not None and value is not None and not low <= Decimal(value) <= high:
        raise ValueError
    return value


class SettingsFile:
    """The file as this process last saw it. Safe from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._base = Settings()
        self._stamp: tuple[int, ...] | None = None

    def load(self) -> LoadedSettings:
        """Read it; what is read is what later changes are compared with."""
        with self._lock:
            loaded = load_settings(self._file)
            self._base, self._stamp = loaded.settings, file_stamp(self._file)
            return loaded

    def save(self, settings: Settings) -> Settings:
        """Write what was changed here since the last look, on top of what others wrote meanwhile.

        Returns what the file holds now.

        Raises:
            SettingsError: it cannot be written.
        """
        with self._lock:
            unseen = file_stamp(self._file) != self._stamp
            theirs = load_settings(self._file).settings if unseen else self._base
            together = merged(self._base, settings, theirs)
            save_settings(self._file, together)
            self._base, self._stamp = together, file_stamp(self._file)
            return together

    def changed_outside(self, settings: Settings) -> Settings | None:
        """``settings`` with what others wrote since the last look; None where nobody wrote."""
        with self._lock:
            if file_stamp(self._file) == self._stamp:
                return None
            theirs = load_settings(self._file).settings
            together = merged(self._base, settings, theirs)
            self._base, self._stamp = theirs, file_stamp(self._file)
            return None if together == settings else together


def file_stamp(file: Path) -> tuple[int, ...] | None:
    """Another one after each write, also where another file took its place; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def merged(base: Settings, mine: Settings, theirs: Settings) -> Settings:
    """``theirs`` with every field that ``mine`` has changed since ``base``; both changed: mine."""
    return _merged(base, mine, theirs)  # type: ignore[no-any-return]  # the same kind goes in and comes out


def _merged(base: Any, mine: Any, theirs: Any) -> Any:
    if mine == base:
        return theirs
    if not is_dataclass(mine) or theirs == base:
        return mine
    return replace(
        theirs,
        **{
            item.name: _merged(getattr(base, item.name), getattr(mine, item.name), getattr(theirs, item.name))
            for item in fields(mine)
        },
    )
