"""Which computer a value belongs to; part of every key from the first day."""

from typing import NewType

HostId = NewType("HostId", str)
"""Stable name of a computer in settings, state and ledger; the local one is :data:`LOCAL_HOST`."""

LOCAL_HOST = HostId("local")
