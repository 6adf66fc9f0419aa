"""Exact sizes from the registry for models of the catalogue, on request only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from wattlight.catalog.registry import Manifest, ModelConfig, RegistryProblem, RegistryUnreachable
from wattlight.catalog.reread import RereadBook
from wattlight.domain.entry import Catalog, CatalogMatch, Reread
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr

Describe = Callable[[str], tuple[Manifest, ModelConfig]]
"""Asks the registry for a name's manifest and config; raises :class:`RegistryProblem`."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """One model whose manifest was read.

    ``was_bytes`` is the download as it was known before; ``was_exact`` False: that was a rounded figure.
    ``changed``: the registry now offers another file under this name than the one known.
    """

    name: str
    download_bytes: int
    was_bytes: int
    was_exact: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What came of it; ``stopped`` says why not every model was asked about, None if all were."""

    read_on: date
    read: tuple[Refreshed, ...]
    problems: tuple[tuple[str, Problem], ...] = ()
    stopped: Problem | None = None


class CatalogueRefresh:
    """Asks the registry only when :meth:`refresh` is called. Blocks; call it from a worker."""

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        describe: Describe,
        book: RereadBook,
        today: Callable[[], date],
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after something was kept, so that answers are made from the new figures."""
        self._catalog = catalog
        self._describe = describe
        self._book = book
        self._today = today
        self._changed = changed

    def refresh(self, names: Iterable[str]) -> RefreshReport:
        """Read the manifests of ``names`` one after the other.

        What was read before the network failed is kept.

        Raises:
            Problem: a name is not in the catalogue (code ``not_listed``); nothing was asked.
            RegistryProblem: the registry could not be reached at all.
            RereadProblem: what it said cannot be kept.
        """
        matches = self._matches(names)
        quants = {tag.quant for entry in self._catalog().entries for tag in entry.tags}
        day = self._today()
        news: list[Reread] = []
        read: list[Refreshed] = []
        problems: list[tuple[str, Problem]] = []
        stopped: Problem | None = None
        for match in matches:
            try:
                item = _reread(match, *self._describe(match.name), quants, day)
            except RegistryUnreachable as problem:
                if not news:
                    raise
                stopped = problem
                break
            except RegistryProblem as problem:
                problems.append((match.name, problem))
                continue
            news.append(item)
            read.append(_compared(match, item))
        if news:
            self._book.add(news)
            self._changed()
        return RefreshReport(day, tuple(read), tuple(problems), stopped)

    def _matches(self, names: Iterable[str]) -> list[CatalogMatch]:
        catalog = self._catalog()
        found: dict[str, CatalogMatch] = {}
        for name in names:
            match = catalog.find(name)
            if match is None:
                raise Problem(
                    tr("{name} is not in the catalogue.", name=clean_text(name, 80)),
                    tr("'wattlight fit NAME' asks the registry about any model."),
                    "not_listed",
                )
            found.setdefault(match.name, match)
        return list(found.values())


def _reread(
    match: CatalogMatch, manifest: Manifest, config: ModelConfig, quants: set[str], day: date
) -> Reread:
    files = manifest.of_kind("model")
    if len(files) != 1 or not files[0].size_bytes or config.remote_host or config.remote_model:
        raise RegistryProblem(
            tr("The registry offers {name} in a form that Wattlight cannot judge.", name=match.name),
            tr("The catalogue's figures stay."),
            "not_one_file",
        )
    return Reread(
        name=match.name,
        manifest_id=manifest.digest[:12],
        blob_digest=files[0].digest,
        model_bytes=files[0].size_bytes,
        projector_bytes=manifest.bytes_of("projector"),
        download_bytes=manifest.download_bytes,
        quant=config.file_type if config.file_type in quants else "",
        read_on=day,
    )


def _compared(match: CatalogMatch, item: Reread) -> Refreshed:
    """Another manifest, where the old one is known; else another size than the rounded figure allows."""
    tag = match.tag
    if tag is match.entry.default_tag and match.entry.manifest_id:
        changed = not item.manifest_id.startswith(match.entry.manifest_id[:12])
    else:
        changed = abs(item.download_bytes - tag.bytes_listed) > tag.slack_bytes
    return Refreshed(item.name, item.download_bytes, tag.bytes_listed, tag.slack_bytes == 0, changed)
