"""Use cases and their threads. Each file and package below is a door: a face loads only what it asks for."""
