"""The judgement shipped with the program: which listed models are preferred."""

import json

from wattlight.domain.advice import Editorial, Languages
from wattlight.domain.values import UNREADABLE
from wattlight.paths import asset_bytes

from .shipped import CatalogProblem

EDITORIAL_FILE = "catalog/editorial.json"


def load_editorial() -> Editorial:
    """The shipped judgement.

    Raises:
        CatalogProblem: the file is missing or damaged.
    """
    try:
        document = json.loads(asset_bytes(EDITORIAL_FILE))
        languages = document["languages"]
        return Editorial(
            generation={
                name: (line, place)
                for line, generations in document["lines"].items()
                for place, names in enumerate(generations)
                for name in names
            },
            standing={name: float(points) for name, points in document["standing"].items()},
            languages=Languages(
                broad=frozenset(languages["broad"]),
                english=frozenset(languages["english"]),
                some={name: frozenset(codes.split()) for name, codes in languages["some"].items()},
            ),
            poor_agents=frozenset(document["poor_agents"]),
            thinks_first=frozenset(document["thinks_first"]),
        )
    except UNREADABLE as error:
        raise CatalogProblem from error
