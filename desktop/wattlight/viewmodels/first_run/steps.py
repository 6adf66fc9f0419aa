"""The order of the pages, and how the settings remember the place."""

from dataclasses import replace

from wattlight.settings import FirstRun, Settings

STEPS = ("machine", "server", "price", "model", "login", "try")


def step_of(settings: Settings) -> str:
    """The page to show: the remembered one, else the first."""
    step = settings.first_run.step
    return step if step in STEPS else STEPS[0]


def moved(settings: Settings, by: int) -> Settings:
    """The settings with the place so many pages further; it stays within the pages."""
    index = min(max(STEPS.index(step_of(settings)) + by, 0), len(STEPS) - 1)
    return replace(settings, first_run=replace(settings.first_run, step=STEPS[index]))


def finished(settings: Settings) -> Settings:
    """The settings after the last page, or after "Skip": it does not open by itself any more."""
    return replace(settings, first_run_done=True, first_run=FirstRun())


def put_off(settings: Settings) -> Settings:
    """The settings with which it begins anew ("Set up again")."""
    return replace(settings, first_run=replace(settings.first_run, step=STEPS[0]))
