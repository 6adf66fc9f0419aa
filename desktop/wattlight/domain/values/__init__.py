"""Values every room shares: hosts, devices, samples, and how sure a figure is."""

from .device import CpuProfile, Device, MachineProfile, ServerProfile
from .host import LOCAL_HOST, HostId
from .hostile import clean_lines, clean_text
from .problem import Problem
from .quality import ERROR_FRACTION, Figure, Quality, Scope, figure_of, unknown
from .sample import DeviceSample, GpuProcess, MachineSample, MemorySample, is_model_server

__all__ = [
    "ERROR_FRACTION",
    "LOCAL_HOST",
    "CpuProfile",
    "Device",
    "DeviceSample",
    "Figure",
    "GpuProcess",
    "HostId",
    "MachineProfile",
    "MachineSample",
    "MemorySample",
    "Problem",
    "Quality",
    "Scope",
    "ServerProfile",
    "clean_lines",
    "clean_text",
    "figure_of",
    "is_model_server",
    "unknown",
]
