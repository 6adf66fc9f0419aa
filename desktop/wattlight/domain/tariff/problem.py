"""The error family of tariffs."""

from wattlight.domain.values import Problem


class TariffProblem(Problem):
    """A price, a tariff file or a price series cannot be used; the message names the place."""

    code = "tariff"
