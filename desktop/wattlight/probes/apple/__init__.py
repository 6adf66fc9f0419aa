"""Apple chips: Metal, IOKit and the controller, through ctypes."""
