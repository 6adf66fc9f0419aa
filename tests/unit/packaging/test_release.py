"""The workflow of a release names what the repository has: files, variables, versions, jobs."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
Jobs = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def jobs() -> Jobs:
    text = (CHECKOUT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    found: Jobs = yaml.safe_load(text)["jobs"]
    return found


def steps(jobs: Jobs, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The steps of all jobs that have ``key``, each with its job's name."""
    return ((name, step) for name, job in jobs.items() for step in job["steps"] if key in step)


def test_each_file_that_a_step_names_is_in_the_repository(jobs: Jobs) -> None:
    named = {
        word.replace("\\", "/")
        for _, step in steps(jobs, "run")
        for line in step["run"].replace("\\", "/").splitlines()
        for word in shlex.split(line)
        if re.match(r"(\.ci|packaging|tests|desktop)[/\\]", word)
    }
    assert {"packaging/windows/build.ps1", "tests/windows/fake_kernel.c", ".ci/run"} <= named
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


def test_each_word_that_a_script_takes_is_known_to_it(jobs: Jobs) -> None:
    (build,) = [step["run"] for _, step in steps(jobs, "run") if "build.ps1" in step["run"]]
    script = (CHECKOUT / "packaging/windows/build.ps1").read_text(encoding="utf-8")
    (taken,) = re.findall(r"^param\((.*)\)$", script, re.MULTILINE)
    assert set(re.findall(r" -(\w+)", build)) == set(re.findall(r"\$(\w+) =", taken))


def test_jobs_wait_for_jobs_that_are_there_and_all_packages_are_published(jobs: Jobs) -> None:
    needs = {name: job.get("needs", []) for name, job in jobs.items()}
    needs = {name: {wanted} if isinstance(wanted, str) else set(wanted) for name, wanted in needs.items()}
    assert set().union(*needs.values()) <= set(jobs)
    waited = set(needs["publish"])
    for name in list(waited):
        waited |= needs[name]
    packed = {name for name, step in steps(jobs, "uses") if "upload-artifact" in step["uses"]}
    assert {"linux", "wheel", "macos", "windows"} == packed <= waited


def test_pythons_are_those_that_the_project_is_said_to_run_on(jobs: Jobs) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = [word.rsplit(" ", 1)[1] for word in project["classifiers"] if re.search(r":: 3\.\d+$", word)]
    used = {
        name: step["with"]["python-version"]
        for name, step in steps(jobs, "uses")
        if "setup-python" in step["uses"]
    }
    assert set(used.values()) <= set(said)
    assert used["newest"] == max(said, key=lambda word: int(word.split(".")[1]))


def test_what_tests_of_windows_wait_for_is_given_to_them(jobs: Jobs) -> None:
    """A variable that is missing leaves tests out without a word; a relative one is lost with the folder."""
    waited = {
        name
        for path in (CHECKOUT / "tests/windows").glob("test_*.py")
        for name in re.findall(r'environ\.get\("([A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    given = {
        name: value
        for job, step in steps(jobs, "env")
        if job == "windows"
        for name, value in step["env"].items()
    }
    assert waited | {"PYTHONPATH"} == set(given) and len(waited) >= 3
    assert all(value.startswith("${{ ") for value in given.values())


def test_stand_ins_are_made_of_the_files_that_are_tried_under_wine(jobs: Jobs) -> None:
    (made,) = [step["run"] for name, step in steps(jobs, "run") if name == "windows" and "gcc" in step["run"]]
    setup = (CHECKOUT / "tests/windows/setup.sh").read_text(encoding="utf-8")

    def pairs(text: str) -> set[tuple[str, str]]:
        """Library and its source, of those for tests."""
        found = re.findall(r'-o "?(?:\$RUNNER_TEMP/)?([\w./ ]+\.dll)"? "?([\w./$]+\.c)', text)
        return {(library, Path(source).name) for library, source in found if "/py/" not in f"/{library}"}

    assert pairs(made) == pairs(setup) and len(pairs(made)) == 2


@pytest.mark.skipif(
    not (CHECKOUT / ".git").exists() or shutil.which("git") is None, reason="no checkout of git"
)
def test_a_checkout_has_the_same_bytes_on_every_system() -> None:
    """The runners for Windows turn line ends: shell scripts and shipped data would not be what was tested."""
    names = [
        "packaging/linux/build.sh",
        "resources/catalog/editorial.json",
        "packaging/windows/wattlight.cmd",
    ]
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "check-attr", "text", "--", *names],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{name}: text: unset" for name in names]
