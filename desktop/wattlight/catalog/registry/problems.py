"""What can go wrong when a registry is asked for a model's header."""

from wattlight.domain.values import Problem


class RegistryProblem(Problem):
    """A registry does not give what is needed; nothing on this computer changed."""

    code = "registry"


class RegistryUnreachable(RegistryProblem):
    """No connection, or no answer in time."""

    code = "offline"

    def __init__(self, host: str) -> None:
        super().__init__(f"The registry {host} cannot be reached.", "Connect to the network and try again.")


class ModelUnknown(RegistryProblem):
    """The registry has no such model or tag."""

    code = "unknown_model"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The registry has no model {name}.", "Check the spelling and the part after the colon."
        )


class CloudModel(RegistryProblem):
    """The model runs on somebody else's computer."""

    code = "cloud_model"

    def __init__(self, name: str, host: str) -> None:
        super().__init__(
            f"{name} runs at {host or 'a remote service'}, not on this computer: it takes no memory here.",
            "Choose a tag without 'cloud' to run it here.",
        )


class NotGguf(RegistryProblem):
    """A build for another runtime, whose memory does not follow from a GGUF header."""

    code = "not_gguf"

    def __init__(self, name: str, size_gb: float) -> None:
        super().__init__(
            f"{name} is a safetensors build of {size_gb:.1f} GB for the MLX runtime: no GGUF header.",
            "Choose a GGUF tag of the same model; for this one count on its size plus about 1 GiB.",
        )
