"""The virtual screen: its number is read to the end of the line, whatever pieces it comes in."""

import os
import subprocess
import sys
import threading

import pytest
from bootstrap_parts import screen
from bootstrap_parts.say import StepError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Xvfb is for X11")


def idle() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE)


def test_the_number_is_read_to_the_end_of_the_line() -> None:
    """A server whose second write finds no reader dies, some time later."""
    reading, writing = os.pipe()
    with idle() as process:
        os.write(writing, b"47")
        later = threading.Timer(0.05, os.write, (writing, b"11\n"))
        later.start()
        assert screen._read_number(reading, process, 10) == "4711"
        later.join()
        process.communicate(b"\n")
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("said", [b"", b"47"])
def test_a_server_that_does_not_start_is_said(said: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, said)
    os.close(writing)
    with idle() as process, pytest.raises(StepError, match="did not start"):
        screen._read_number(reading, process, 10)
    os.close(reading)
