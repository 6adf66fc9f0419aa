"""The desktop without Qt: starting at login, the log, the environment of children."""

from .autostart import Autostart, AutostartProblem, autostart_for_platform, own_command
from .children import clean_environment
from .logs import open_log
