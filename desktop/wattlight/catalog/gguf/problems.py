"""What can be wrong with a model file."""

from wattlight.domain.values import Problem


class BadModelFile(Problem):
    """The header of a model file cannot be used; the message says why in one sentence."""

    code = "bad_model_file"

    def __init__(self, what: str, next_step: str = "Download the file again.") -> None:
        super().__init__(what, next_step)


class HeaderTooLong(BadModelFile):
    """The header does not end within the limits of size or time."""

    def __init__(self) -> None:
        super().__init__("The model file's header does not end where one should.")


class CutOff(BadModelFile):
    """The bytes end within the header."""

    def __init__(self) -> None:
        super().__init__("The model file ends within its header.")
