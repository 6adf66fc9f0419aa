"""Tests that mean something on Windows alone: a real one, or the one of run.py."""

import sys

collect_ignore_glob = ["test_*"] if sys.platform != "win32" else []
