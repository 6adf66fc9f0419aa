"""A pull of our own: parallel, slowed on request, stopped and continued at any moment, checked."""

from .problems import AlreadyPulled, DownloadProblem
from .puller import Puller
from .sources import read_place
from .store import is_writable
