"""A process that pulls: NAME FOLDER. Its end comes from outside."""

import os
import sys
from pathlib import Path
from threading import Event

from wattlight.catalog.download import Puller
from wattlight.web import Web

if __name__ == "__main__":
    for state in Puller(Web(os.environ)).pull(sys.argv[1], Path(sys.argv[2]), Event()):
        print(state.completed_bytes, flush=True)
