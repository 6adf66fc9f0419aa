"""A million mutated inputs, shared out among all readers of what comes from outside.

``python -m pytest -m slow -s tests/unit/test_a_million_inputs.py`` prints how each took its own.
"""

import os
from pathlib import Path

import pytest

from unit.test_hostile_documents import READERS as DOCUMENTS
from unit.test_hostile_hosts import READERS as HOSTS
from unit.test_hostile_inputs import READERS as INPUTS
from unit.test_hostile_inputs import Reader, needs_proc, run

READERS: dict[str, Reader] = {**INPUTS, **DOCUMENTS, **HOSTS}
pytestmark = needs_proc


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", READERS)
def test_a_million_mutated_inputs(name: str, tmp_path: Path) -> None:
    every = int(os.environ.get("WATTLIGHT_MUTATIONS", "1000000"))
    course = run(name, READERS[name], -(-every // len(READERS)), 2, tmp_path)
    figures = f"longest {1000 * course.longest_s:.0f} ms, grown {course.grown_mib} MiB"
    print(f"\n{name}: {course.read + course.refused} inputs, {course.refused} refused, {figures}")
