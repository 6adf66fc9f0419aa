"""Each quantity has one maker; what would make it a second time stands with the maker alone."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

import pytest

from .house import HOUSE

Sign = Callable[[ast.AST], bool]


def reads(attribute: str) -> Sign:
    return lambda n: isinstance(n, ast.Attribute) and n.attr == attribute and isinstance(n.ctx, ast.Load)


def names(name: str) -> Sign:
    return lambda n: (
        (isinstance(n, ast.Name) and n.id == name)
        or (isinstance(n, ast.Attribute) and n.attr == name)
        or (isinstance(n, ast.alias) and n.name.split(".")[-1] == name)
    )


def makes(name: str) -> Sign:
    return lambda n: isinstance(n, ast.Call) and ast.unparse(n.func).split(".")[-1] == name


def last_word(node: ast.expr) -> str:
    while isinstance(node, ast.Call | ast.BoolOp):
        node = node.args[0] if isinstance(node, ast.Call) and node.args else ast.Name("")
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def divides_by(ending: str) -> Sign:
    return lambda n: (
        isinstance(n, ast.BinOp)
        and isinstance(n.op, ast.Div | ast.FloorDiv)
        and last_word(n.right).endswith(ending)
    )


def multiplies(ending: str) -> Sign:
    return lambda n: (
        isinstance(n, ast.BinOp)
        and isinstance(n.op, ast.Mult)
        and any(last_word(side).endswith(ending) for side in (n.left, n.right))
    )


@dataclass(frozen=True)
class Quantity:
    """``sign`` is what only ``owner`` may write; ``others``: file -> why it stands there as well."""

    name: str
    owner: str
    sign: Sign
    others: dict[str, str] = field(default_factory=dict)


QUANTITIES = (
    Quantity("power of the machine, with its error", "domain.power:compose", makes("MachineTotal")),
    Quantity(
        "which part another one contains",
        "domain.power:holders",
        reads("contained_in"),
        {
            "probes/samples.py": "where the parts are made",
            "viewmodels/figures.py": "about to ask the total",
        },
    ),
    Quantity(
        "error of a part",
        "domain.power:error_fraction",
        names("ERROR_FRACTION"),
        {"domain/values.py": "the table itself"},
    ),
    Quantity(
        "error of a sum",
        "domain.power:combined_error",
        names("hypot"),
        {
            "domain/wall.py": "how far an assumption or a calibration may miss",
            "domain/learned.py": "how far a model may miss",
        },
    ),
    Quantity(
        "a part's power with its error",
        "domain.power:measured",
        makes("error_fraction"),
        {"domain/cost/sums.py": "of a ledger that was made before the error was kept"},
    ),
    Quantity("cost of a million tokens", "domain.answers:token_costs", makes("TokenCost")),
    Quantity(
        "energy of a token",
        "domain.tokens:joules_per_token",
        divides_by("tokens"),
        {
            "domain/answers.py": "the same of a million, with its cost",
            "services/benchmark/run.py": "how far a run is",
        },
    ),
    Quantity(
        "tokens by the million",
        "domain.answers:token_costs",
        names("MILLION"),
        {"services/fit_notes.py": "of measured runs, the time of answering alone"},
    ),
    Quantity("money of an energy", "domain.tariff.tariff:cost_micro", multiplies("per_kwh")),
    Quantity("money as text", "i18n.numbers:money", names("format_currency")),
    Quantity("energy of a model in an interval", "domain.energy.attribution:attribute", makes("EnergyShare")),
)


def signs_of(quantity: Quantity) -> set[str]:
    return {
        HOUSE.name_of(file)
        for file, tree in HOUSE.trees.items()
        if any(quantity.sign(node) for node in ast.walk(tree))
    }


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_a_quantity_is_made_by_its_owner_alone(quantity: Quantity) -> None:
    module, function = quantity.owner.split(":")
    assert callable(getattr(import_module(f"wattlight.{module}"), function))
    owner = f"{module.replace('.', '/')}.py"
    found = signs_of(quantity)
    assert owner in found, "the sign does not even see the owner"
    assert found - {owner} - set(quantity.others) == set(), "a second maker"
    assert set(quantity.others) - found == set(), "no longer needed"


@pytest.mark.parametrize(
    ("sign", "seen", "unseen"),
    [
        (reads("contained_in"), "x = part.contained_in", "part = Part(contained_in=x)"),
        (names("hypot"), "from math import hypot", "hypotenuse = 3"),
        (names("hypot"), "y = math.hypot(3, 4)", "from math import sqrt"),
        (makes("TokenCost"), "answers.TokenCost(1, 2)", "def f() -> TokenCost: ..."),
        (divides_by("tokens"), "x = cost * 1_000_000 / run.output_tokens", "x = tokens / seconds"),
        (divides_by("tokens"), "x = cost // max(tokens, 1)", "x = cost // max(seconds, 1)"),
        (multiplies("per_kwh"), "x = wh * Decimal(price_per_kwh)", "x = {price_per_kwh: wh}"),
    ],
)  # fmt: skip
def test_a_sign_sees_a_second_maker(sign: Sign, seen: str, unseen: str) -> None:
    assert any(sign(node) for node in ast.walk(ast.parse(seen)))
    assert not any(sign(node) for node in ast.walk(ast.parse(unseen)))
