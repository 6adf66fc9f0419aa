"""Getting a server where there is none: a managed copy, or the vendor's own installer, step by step."""

from .keeper import KeeperNews, ManagedServer
from .setup import (
    InstallerHandover,
    SecurityAdvisories,
    ServerSetup,
    conversion,
    exposure,
    host_warnings,
    shipped_advisories,
)
