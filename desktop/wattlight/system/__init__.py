"""The desktop without Qt: starting at login, the log, the environment of children."""

from .logs import open_log
from .programs import Autostart, AutostartProblem, autostart_for_platform, clean_environment, own_command
