"""The relay adds at most a millisecond to a request."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("passthrough_latency.py")


@pytest.mark.bench
def test_the_relay_adds_at_most_a_millisecond() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=100, check=True
    )
    figures = json.loads(done.stdout)
    print(figures)
    assert figures["first_byte_added_ms"] <= 1.0, figures
    assert figures["line_added_ms"] <= 1.0, figures
