"""A pull of our own: parallel, slowed on request, stopped and continued at any moment, checked."""

from .kept import KeptDownload, forget_download, kept_downloads
from .problems import AlreadyPulled, DownloadProblem
from .puller import Puller
from .sources import read_place
from .store import is_writable
