"""Which models exist and their exact shape: shipped catalogue, registry manifests, GGUF headers."""
