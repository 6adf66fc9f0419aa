"""The desktop without Qt: starting at login, the log, the environment of children."""

from .awake import kept_awake
from .energy_permission import EnergyPermission, EnergyPermissionProblem
from .logs import open_log
from .mac_sleep import MacSleep
from .programs import (
    APP_ID,
    Autostart,
    AutostartProblem,
    autostart_for_platform,
    clean_environment,
    installed_as,
    not_installed,
    own_command,
    process_runs,
    restart_user_service,
)
from .secrets import SecretProblem, SecretStore
from .tunnel import Tunnel
from .variables import set_login_variables, set_user_variables, user_variables
from .windows import NO_WINDOW, Job, name_for_the_taskbar, network_is_metered, show_box
