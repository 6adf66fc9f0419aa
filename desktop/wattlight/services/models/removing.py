"""Delete a model from a server's disk."""

from threading import Event

from wattlight.runtime import ModelServer, same_model


def remove_model(server: ModelServer, model: str, cancel: Event | None = None) -> bool:
    """Delete ``model``; a loaded one is unloaded before, because afterwards it could not be any more.

    Returns whether it was loaded.

    Raises:
        RuntimeProblem: it is unknown, or the server refused.
    """
    loaded = any(same_model(m.name, model) for m in server.running(cancel))
    if loaded:
        server.unload(model, cancel)
    server.remove(model, cancel)
    return loaded
