"""The whole way from nothing to a complete environment, with a pip that fails in every way."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from bootstrap_parts import install, needs, places, screen
from bootstrap_parts.install import Plan, Wish, prepare
from bootstrap_parts.say import StepError
from bootstrap_parts.screen import Displays

from fakes import pip_words
from fakes.systems import needs_links

WISH = Wish(None, None, False, (), "again --system")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    requirements = tmp_path / "requirements.lock"
    requirements.write_text("a==1\n")
    return Plan(requirements, 1, Displays((), "command line"))


class Maker:
    """Stands for venv and pip: makes a folder that looks finished, or fails with pip's own words."""

    def __init__(self, folder: Path) -> None:
        self.says = ""
        self.made = 0
        self.script = folder / "pip.py"

    def make_venv(self, venv: Path, with_ensurepip: bool) -> None:
        self.made += 1
        places.python_of(venv).parent.mkdir(parents=True)
        places.python_of(venv).symlink_to(sys.executable)

    def pip_for(self, venv: Path, with_ensurepip: bool, wheels: Path | None) -> list[str]:
        self.script.write_text(f"print({self.says!r})\nraise SystemExit({int(bool(self.says))})\n")
        return [sys.executable, "-I", str(self.script)]


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    fake = Maker(tmp_path)
    monkeypatch.setattr(install, "make_venv", fake.make_venv)
    monkeypatch.setattr(install, "pip_for", fake.pip_for)
    monkeypatch.setattr(install, "point_at_checkout", lambda venv: None)
    monkeypatch.setattr(screen, "try_imports", lambda venv: None)
    return fake


@needs_links
def test_the_second_time_nothing_is_made(tmp_path: Path, plan: Plan, maker: Maker) -> None:
    venv = tmp_path / "v"
    prepare(venv, plan, WISH)
    prepare(venv, plan, WISH)
    assert maker.made == 1
    assert not (venv / "setup-scratch").exists()


def test_a_changed_list_makes_it_anew(tmp_path: Path, plan: Plan, maker: Maker) -> None:
    venv = tmp_path / "v"
    prepare(venv, plan, WISH)
    plan.requirements.write_text("a==2\n")
    prepare(venv, plan, WISH)
    assert maker.made == 2
    assert not venv.with_name("v.old").exists()


@pytest.mark.parametrize(
    "says", [pip_words.NO_NETWORK, pip_words.DISK_FULL, pip_words.WRONG_HASH, pip_words.NO_WHEEL]
)
def test_a_failure_leaves_nothing(tmp_path: Path, plan: Plan, maker: Maker, says: str) -> None:
    maker.says = says
    with pytest.raises(StepError) as caught:
        prepare(tmp_path / "v", plan, WISH)
    assert "Nothing was changed." in caught.value.next_step
    assert not (tmp_path / "v").exists()


def test_a_failure_brings_the_old_environment_back(tmp_path: Path, plan: Plan, maker: Maker) -> None:
    venv = tmp_path / "v"
    prepare(venv, plan, WISH)
    (venv / "witness").write_text("old")
    old = (venv / places.STAMP).read_text()
    plan.requirements.write_text("a==2\n")
    maker.says = pip_words.NO_NETWORK
    with pytest.raises(StepError):
        prepare(venv, plan, WISH)
    assert (venv / "witness").read_text() == "old"
    assert (venv / places.STAMP).read_text() == old


def test_a_failed_screen_start_leaves_no_stamp(
    tmp_path: Path, plan: Plan, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(venv: Path) -> None:
        raise screen.explain_import("failed to map segment from shared object")

    monkeypatch.setattr(screen, "try_imports", fails)
    with pytest.raises(StepError, match="noexec"):
        prepare(tmp_path / "v", plan, WISH)
    assert not (tmp_path / "v").exists()


def test_what_a_killed_setup_left_is_made_anew(tmp_path: Path, plan: Plan, maker: Maker) -> None:
    venv = tmp_path / "v"
    places.claim(venv)
    (venv / "half-unpacked").write_text("")
    prepare(venv, plan, WISH)
    assert not (venv / "half-unpacked").exists()
    assert maker.made == 1


def test_somebody_elses_folder_is_left_alone(tmp_path: Path, plan: Plan, maker: Maker) -> None:
    venv = tmp_path / "v"
    venv.mkdir()
    (venv / "mine").write_text("")
    with pytest.raises(StepError, match="was not made by this command"):
        prepare(venv, plan, WISH)
    assert (venv / "mine").exists()
    assert maker.made == 0


def test_everything_missing_is_named_before_anything_is_made(
    tmp_path: Path, plan: Plan, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "can_make_venv", lambda: False)
    monkeypatch.setattr(install, "own_pip_is_usable", lambda: False)
    tool = needs.Need("no-such-program", "a-package", "d", "p")
    with pytest.raises(StepError, match=r"ensurepip.*no-such-program"):
        prepare(tmp_path / "v", Plan(plan.requirements, 1, plan.displays, (tool,)), WISH)
    assert maker.made == 0


def test_another_pip_stands_in_for_ensurepip(
    tmp_path: Path, plan: Plan, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "can_make_venv", lambda: False)
    monkeypatch.setattr(install, "own_pip_is_usable", lambda: True)
    assert install.preflight(plan, WISH) is False


def test_two_setups_wait_for_each_other(tmp_path: Path) -> None:
    venv = tmp_path / "v"
    code = (
        f"import sys; sys.path.insert(0, {str(Path(places.__file__).parents[1])!r})\n"
        "from pathlib import Path\nfrom bootstrap_parts.places import held\n"
        f"with held(Path({str(venv)!r})):\n"
        "    print('in', flush=True)\n"
    )
    with ExitStack() as stack:
        with places.held(venv):
            command = [sys.executable, "-I", "-c", code]
            other = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            )
            assert other.stdout is not None
            assert "under way; waiting for it" in other.stdout.readline()
        assert other.stdout.readline() == "in\n"
        assert other.wait(timeout=30) == 0


def test_a_setup_that_never_ends_is_said(tmp_path: Path) -> None:
    ticks = iter(range(0, 10_000, 1000))
    mine = places.held(tmp_path / "v")
    late = places.held(tmp_path / "v", 1500, 0, lambda: float(next(ticks)))
    with mine, pytest.raises(StepError, match="does not end"), late:
        pytest.fail("two at once")
