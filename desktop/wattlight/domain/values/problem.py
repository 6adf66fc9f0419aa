"""The one kind of error that may reach a person."""


class Problem(Exception):
    """Something went wrong in a way a person can understand; every room's error family derives from it.

    Attributes:
        code: short stable word for programs ("no_server", "bad_file").
        message: one sentence: what happened and what it means.
        next_step: one sentence: what to do next.
    """

    code = "problem"

    def __init__(self, message: str, next_step: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()
