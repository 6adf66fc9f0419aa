"""Installing a managed server from beginning to end, and every way it may end early."""

from pathlib import Path
from threading import Event

import pytest

from fakes.release_server import ReleaseServer, server_archive
from fakes.systems import needs_posix
from wattlight.domain.state import InstallStage, InstallState
from wattlight.domain.values import Problem
from wattlight.runtime.managed import Fetcher, InUse, Release, Versions
from wattlight.services.serving import ServerSetup

ENV = {"PATH": "/usr/bin:/bin"}


def setup(root: Path, seen: list[InstallState]) -> tuple[ServerSetup, Versions]:
    versions = Versions(root)
    ticks = iter(range(10_000_000))
    fetcher = Fetcher(versions.downloads, {}, wait=lambda *_: False)
    return ServerSetup(versions, fetcher, ENV, seen.append, clock=lambda: float(next(ticks))), versions


@needs_posix
def test_every_step_is_told(tmp_path: Path) -> None:
    seen: list[InstallState] = []
    job, versions = setup(tmp_path, seen)
    with ReleaseServer() as page:
        release = Release("0.33.0", (page.add("a", server_archive()),))
        assert job.run(release, Event()) == InUse("0.33.0")
        stages = list(dict.fromkeys(state.stage for state in seen))
        assert [str(stage) for stage in stages] == ["checking", "fetching", "unpacking", "trying", "done"]
        fetched = [state.done_bytes for state in seen if state.stage is InstallStage.FETCHING]
        assert fetched[-1] == release.download_bytes
        assert job.run(release, Event()) == InUse("0.33.0")
        assert len(page.requests) == 1
    assert versions.in_use() == InUse("0.33.0")


def test_a_failure_is_told_and_changes_nothing(tmp_path: Path) -> None:
    seen: list[InstallState] = []
    job, versions = setup(tmp_path, seen)
    with ReleaseServer() as page:
        page.faults.wrong_byte = True
        with pytest.raises(Problem):
            job.run(Release("0.33.0", (page.add("a", server_archive()),)), Event())
    assert seen[-1].stage is InstallStage.FAILED
    assert "not the expected file" in (seen[-1].error or "")
    assert versions.in_use() == InUse()


def test_a_cancel_is_told(tmp_path: Path) -> None:
    seen: list[InstallState] = []
    job, _ = setup(tmp_path, seen)
    cancel = Event()
    cancel.set()
    with ReleaseServer() as page, pytest.raises(Problem):
        job.run(Release("0.33.0", (page.add("a", server_archive()),)), cancel)
    assert seen[-1].stage is InstallStage.CANCELLED
    assert seen[-1].error is None
