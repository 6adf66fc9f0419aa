"""What ``/api/show`` tells about one model."""

from dataclasses import dataclass

from wattlight.domain.values import clean_lines, clean_text

from .fields import Record, count, record, records, text


@dataclass(frozen=True, slots=True)
class ShownModel:
    """Facts of one installed model; ``trained_context`` in tokens, ``parameter_count`` a number of weights.

    ``parameters`` are the settings of the Modelfile, one per line, cleaned.
    """

    name: str
    architecture: str = ""
    family: str = ""
    parameter_size: str = ""
    parameter_count: int | None = None
    quantization: str = ""
    trained_context: int | None = None
    layers: int | None = None
    capabilities: tuple[str, ...] = ()
    parameters: str = ""


def read_shown(name: str, document: Record) -> ShownModel:
    """The facts in ``document``, those that are as they should be."""
    details, info = record(document.get("details")), record(document.get("model_info"))
    architecture = _clean(info.get("general.architecture"))
    return ShownModel(
        name=clean_text(name),
        architecture=architecture,
        family=_clean(details.get("family")),
        parameter_size=_clean(details.get("parameter_size")),
        parameter_count=count(info.get("general.parameter_count")) or None,
        quantization=_clean(details.get("quantization_level")),
        trained_context=count(info.get(f"{architecture}.context_length")) or None,
        layers=count(info.get(f"{architecture}.block_count")) or None,
        capabilities=tuple(_clean(item) for item in records(document.get("capabilities"))[:20] if text(item)),
        parameters=clean_lines(text(document.get("parameters")) or "", 4000),
    )


def _clean(value: object) -> str:
    found = text(value)
    return "" if found is None else clean_text(found, 60)
