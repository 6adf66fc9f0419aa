"""What ``packaging/bootstrap.py`` does, in parts; the standard library only."""
