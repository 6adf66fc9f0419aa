"""Runs Wattlight and notes which of its functions are entered between two words on a pipe.

    python -m fakes.entered PIPE ANSWER [arguments of wattlight]

``start`` forgets what was noted; ``stop`` writes each function and its calls as JSON to the file ANSWER.
``price 0.39`` is a price in euro that the page Settings hands over.
"""

import gc
import inspect
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType

from wattlight import __file__ as package

ROOT = str(Path(package).parent) + os.sep


class Noted:
    """Code objects of the package that were entered, and how often."""

    def __init__(self) -> None:
        self.on = False
        self.calls: dict[CodeType, int] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if self.on and event == "call" and frame.f_code.co_filename.startswith(ROOT):
            self.calls[frame.f_code] = self.calls.get(frame.f_code, 0) + 1

    def answer(self) -> dict[str, int]:
        """Calls by "file function"; bodies of modules and classes, and comprehensions, are no functions."""
        return {
            f"{code.co_filename.removeprefix(ROOT)} {code.co_qualname}": calls
            for code, calls in self.calls.copy().items()
            if code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
        }


def set_price(per_kwh: str) -> None:
    """What the window does when the page Settings has read a price."""
    from wattlight.ui.face import DesktopUi

    ui = next(thing for thing in gc.get_objects() if isinstance(thing, DesktopUi))
    price = replace(ui._settings.price, per_kwh=per_kwh, currency="EUR")
    ui._bridge.call(lambda: ui._save(replace(ui._settings, price=price)))


def obey(noted: Noted, pipe: str, answer: Path) -> None:
    """Read words from the pipe until it ends."""
    while True:
        with open(pipe, encoding="utf-8") as words:  # noqa: PTH123 - a named pipe
            for word in words:
                if word.strip() == "start":
                    noted.calls = {}
                    noted.on = True
                elif word.startswith("price "):
                    set_price(word.split()[1])
                else:
                    noted.on = False
                    part = answer.with_suffix(".part")
                    part.write_text(json.dumps(noted.answer()), encoding="utf-8")
                    part.replace(answer)


def main() -> int:
    """Run the program under the profile."""
    pipe, answer, *arguments = sys.argv[1:]
    noted = Noted()
    threading.Thread(target=obey, args=(noted, pipe, Path(answer)), daemon=True).start()
    threading.setprofile(noted)
    sys.setprofile(noted)
    from wattlight.__main__ import main as wattlight

    return wattlight(arguments)


if __name__ == "__main__":
    sys.exit(main())
