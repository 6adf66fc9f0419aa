"""NVIDIA: the driver's library, one card, all of them, and Jetson boards."""
