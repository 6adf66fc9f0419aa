"""What the server really holds: models by their own names, and those whose files are gone or replaced."""

from dataclasses import replace
from enum import StrEnum

from wattlight.domain.state import InstalledModel, RunningModel, same_model
from wattlight.i18n import tr
from wattlight.settings import Alias


class Standing(StrEnum):
    """How a loaded model stands to what is installed."""

    INSTALLED = "installed"
    REPLACED = "replaced"
    """Its name means another version by now."""
    REMOVED = "removed"
    """No installed model has its name."""


def standing(model: RunningModel, installed: InstalledModel | None) -> Standing:
    """``installed``: the model of its name, if there is one."""
    if installed is None:
        return Standing.REMOVED
    told = model.digest and installed.digest
    return Standing.REPLACED if told and model.digest != installed.digest else Standing.INSTALLED


def standing_text(model: RunningModel, installed: InstalledModel | None) -> str:
    """What a person should know of it before it is used or unloaded; "" where it is as installed."""
    return {
        Standing.INSTALLED: "",
        Standing.REPLACED: tr("an earlier version, still loaded"),
        Standing.REMOVED: tr("removed from the disk, still loaded"),
    }[standing(model, installed)]


def by_own_names(
    running: tuple[RunningModel, ...], installed: tuple[InstalledModel, ...], alias: Alias
) -> tuple[RunningModel, ...]:
    """The loaded models; one that was loaded by the alias bears the name and the digest of its own, under
    which it is shown and its draw is booked."""

    def own(model: RunningModel) -> RunningModel:
        if not same_model(model.name, alias.name):
            return model
        others = [i for i in installed if not same_model(i.name, alias.name)]
        found = None
        if model.digest == alias.digest:
            found = next((i for i in others if same_model(i.name, alias.model)), None)
        found = found or next((i for i in others if i.digest == model.digest), None)
        return replace(model, name=found.name, digest=found.digest, loaded_as=model.name) if found else model

    return tuple(own(model) for model in running)
