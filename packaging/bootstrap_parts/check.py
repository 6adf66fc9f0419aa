"""``test``: everything that CI runs, step by step; all steps run, and one failure makes the whole fail."""

import datetime
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import needs, places
from .install import Plan, Wish, prepare
from .say import StepError, child_environment, complain, say
from .screen import Displays, on_a_bus, virtual_screen

CHECKOUT = places.CHECKOUT
REQUIREMENTS = CHECKOUT / "packaging" / "requirements-test.lock"
SPACE_BYTES = 900_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """What the steps work with: the environment's Python, a folder for what they write, variables."""

    python: Path
    scratch: Path
    env: dict[str, str]
    pytest_arguments: tuple[str, ...]

    def call(self, *command: str) -> bool:
        """Run one command in the checkout; True when it went well."""
        print("$ " + " ".join(command), flush=True)
        done = subprocess.run(command, cwd=CHECKOUT, env=self.env, stdin=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def module(self, *arguments: str) -> bool:
        """Run a module of the environment."""
        return self.call(str(self.python), "-I", "-m", *arguments)


def style(bench: Bench) -> bool:
    """Lint and format."""
    return all([bench.module("ruff", "check", "."), bench.module("ruff", "format", "--check", ".")])


def types(bench: Bench) -> bool:
    """Types of the program and of the bootstrap."""
    parts = "packaging/bootstrap_parts"
    return all([bench.module("mypy"), bench.module("mypy", "--strict", parts)])


def wheel(bench: Bench) -> bool:
    """Build wheel and source archive and look into the wheel."""
    out = bench.scratch / "dist"
    built = bench.module("build", "--no-isolation", "--outdir", str(out), ".")
    return built and bench.call(str(bench.python), "-I", "packaging/check_wheel.py", str(out))


def clone(bench: Bench) -> bool:
    """The README's ``run`` from a fresh clone in an empty home."""
    return bench.call(str(bench.python), "-I", "packaging/fresh_clone.py")


def desktop(bench: Bench) -> bool:
    """The files for desktops: menu entry and AppStream."""
    return bench.call(str(bench.python), "-I", "packaging/linux/check_metadata.py")


def tests(bench: Bench) -> bool:
    """The tests, those of windows on a virtual screen with a session bus of its own."""
    command = [str(bench.python), "-I", "-m", "pytest", "-o", f"cache_dir={bench.scratch / 'pytest'}"]
    command += bench.pytest_arguments
    with ExitStack() as stack:
        if sys.platform.startswith("linux"):
            bench.env["DISPLAY"] = stack.enter_context(virtual_screen())
            command = on_a_bus(command)
        else:
            bench.env["QT_QPA_PLATFORM"] = "offscreen"
        return bench.call(*command)


STEPS = {step.__name__: step for step in (style, types, wheel, desktop, clone, tests)}


def test_environment(runtime: Path) -> dict[str, str]:
    """Variables for the checks: no screen, no server and no settings of the person who runs them."""
    dropped = ("WAYLAND_DISPLAY", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "OLLAMA_HOST", "QT_QPA_PLATFORM")
    env = {k: v for k, v in child_environment().items() if k not in dropped}
    runtime.mkdir(mode=0o700, exist_ok=True)
    return {**env, "XDG_RUNTIME_DIR": str(runtime), "PYTHONDONTWRITEBYTECODE": "1"}


def newest_requirements(folder: Path) -> Path:
    """A list without versions or hashes, made from the project's own dependencies; new every day."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["test"],
        *project["build-system"]["requires"],
    ]
    path = folder / "newest.txt"
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    path.write_text(f"# newest versions of {today}\n" + "\n".join(wanted) + "\n", encoding="utf-8")
    return path


def test(wish: Wish, newest: bool = False, only: tuple[str, ...] = ()) -> int:
    """Run the steps and return 0 when all went well, else 1."""
    unknown = [name for name in only if name not in STEPS]
    if unknown:
        raise StepError(f"There is no step '{unknown[0]}'.", f"The steps are: {', '.join(STEPS)}.")
    with tempfile.TemporaryDirectory(prefix="wattlight-test-") as folder:
        scratch = Path(folder)
        venv = places.venv_folder(wish.venv, ".venv-newest" if newest else ".venv-test")
        requirements = newest_requirements(scratch) if newest else REQUIREMENTS
        on_linux = sys.platform.startswith("linux")
        displays = Displays(("xcb",), "virtual") if on_linux else Displays((), "native")
        tools = needs.TEST_TOOLS if on_linux else ()
        prepare(venv, Plan(requirements, SPACE_BYTES, displays, tools), wish)
        bench = Bench(places.python_of(venv), scratch, test_environment(scratch / "run"), wish.arguments)
        if not places.can_write(CHECKOUT):
            bench.env.update(RUFF_CACHE_DIR=str(scratch / "ruff"), MYPY_CACHE_DIR=str(scratch / "mypy"))
        return run_steps(bench, only or tuple(STEPS))


def run_steps(bench: Bench, names: tuple[str, ...]) -> int:
    """Run the named steps, all of them, then say how each went."""
    results: list[tuple[str, bool, float]] = []
    for name in names:
        say(f"== {name}: {(STEPS[name].__doc__ or '').splitlines()[0]}")
        begin_s = time.monotonic()
        try:
            good = STEPS[name](bench)
        except StepError as error:
            complain(error)
            good = False
        results.append((name, good, time.monotonic() - begin_s))
    print(flush=True)
    for name, good, took_s in results:
        say(f"{'ok    ' if good else 'FAILED'} {name:8} {took_s:6.1f} s")
    return 0 if all(good for _, good, _ in results) else 1
