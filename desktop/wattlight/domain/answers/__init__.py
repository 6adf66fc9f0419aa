"""Answers people ask of their meter: what a month would save, against what, like what, against last week."""

from .budget import Budget, BudgetStand, budget_stand
from .everyday import EVERYDAY_WH, Everyday, everyday
from .per_token import TokenCost, token_cost
from .power_cap import CapAdvice, CapInputs, power_cap_advice
from .saving import MonthlySaving, monthly_saving
from .week import SameHours, Versus, same_hours_of_last_week, versus_last_week

__all__ = [
    "EVERYDAY_WH",
    "Budget",
    "BudgetStand",
    "CapAdvice",
    "CapInputs",
    "Everyday",
    "MonthlySaving",
    "SameHours",
    "TokenCost",
    "Versus",
    "budget_stand",
    "everyday",
    "monthly_saving",
    "power_cap_advice",
    "same_hours_of_last_week",
    "token_cost",
    "versus_last_week",
]
