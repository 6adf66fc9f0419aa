"""Reads ``catalog/editorial.json`` into values."""

import json

from wattlight.assets import asset_bytes
from wattlight.domain.advice import Editorial, Languages

from .loader import CatalogProblem

FILE = "catalog/editorial.json"


def load_editorial() -> Editorial:
    """The shipped judgement.

    Raises:
        CatalogProblem: the file is missing or damaged.
    """
    try:
        document = json.loads(asset_bytes(FILE))
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
            stand_ins=dict(document["stand_ins"]),
            architectures=dict(document["architectures"]),
            tied=frozenset(document["tied"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogProblem from error
