"""Gathers the texts of the program and brings the translations below resources/i18n to their state.

    python3 packaging/texts.py            new texts are added (empty), gone ones dropped, all .mo written
    python3 packaging/texts.py --check    only says what is missing; 1 if anything is

Needs Babel (the test environment has it). A text without a translation is shown in English.
"""

import argparse
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCE = CHECKOUT / "desktop" / "wattlight"
FOLDER = CHECKOUT / "resources" / "i18n"
KEYWORDS: dict[str, tuple[int, ...] | None] = {"tr": None, "marked": None, "trn": (1, 2)}
EMPTY = tuple(
    f'"{name}'.encode()
    for name in ("POT-Creation", "PO-Revision", "Generated", "Last-Tr", "Report", "Language-T", "Project-Id")
)
"""Lines of the head that would change by themselves or say nothing."""
NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)
Text = str | tuple[str, str]


def texts_of_source() -> set[Text]:
    """Every text that is marked, a pair where it has a plural."""
    found: set[Text] = set()
    for _file, _line, message, _comments, _context in extract_from_dir(
        SOURCE, [("**.py", "python")], keywords=KEYWORDS
    ):
        found.add(message if isinstance(message, str) else (message[0], message[1]))
    return found - {""}


def files() -> list[Path]:
    """The translations there are."""
    return sorted(FOLDER.glob("*/LC_MESSAGES/wattlight.po"))


def read(file: Path) -> Catalog:
    """A translation; its language is the name of its folder."""
    with file.open("rb") as stream:
        return read_po(stream, locale=file.parents[1].name)


def messages(catalog: Catalog) -> dict[Text, Message]:
    """The texts of a translation, without the head."""
    return {m.id if isinstance(m.id, str) else (m.id[0], m.id[1]): m for m in catalog if m.id}


def is_whole(message: Message) -> bool:
    """Whether all forms are translated."""
    forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
    return all(forms)


def updated(old: Catalog, texts: set[Text]) -> Catalog:
    """``old`` with exactly these texts, in the order of the alphabet."""
    known = messages(old)
    new = Catalog(locale=old.locale, header_comment=old.header_comment, fuzzy=False)
    for text in sorted(texts, key=lambda t: t if isinstance(t, str) else t[0]):
        new.add(text, known[text].string if text in known and is_whole(known[text]) else None)
    return new


def written(catalog: Catalog) -> bytes:
    """The .po file; nothing in it tells of a day, so that an unchanged one stays as it is."""
    stream = BytesIO()
    write_po(stream, catalog, width=0, no_location=True)
    return b"".join(line for line in stream.getvalue().splitlines(True) if not line.startswith(EMPTY))


def compiled(catalog: Catalog) -> bytes:
    """The .mo file: what is whole, and the rule of plurals."""
    whole = Catalog(locale=catalog.locale, creation_date=NO_DAY, revision_date=NO_DAY, fuzzy=False)
    for text, message in messages(catalog).items():
        if is_whole(message):
            whole.add(text, message.string)
    stream = BytesIO()
    write_mo(stream, whole)
    return stream.getvalue()


def missing(catalog: Catalog, texts: set[Text]) -> set[Text]:
    """What is not translated."""
    known = messages(catalog)
    return {text for text in texts if text not in known or not is_whole(known[text])}


def main() -> int:
    """Bring all to the state of the source, or say how far they are from it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a text is missing")
    check = parser.parse_args().check
    texts = texts_of_source()
    lacking = 0
    for file in files():
        catalog = read(file)
        gone = set(messages(catalog)) - texts
        todo = missing(catalog, texts)
        lacking += len(todo)
        print(f"{file.parents[1].name}: {len(texts)} texts, {len(todo)} missing, {len(gone)} gone")
        if check:
            for text in sorted(map(str, todo))[:20]:
                print(f"  {text}")
            continue
        catalog = updated(catalog, texts)
        file.write_bytes(written(catalog))
        file.with_suffix(".mo").write_bytes(compiled(catalog))
    return 1 if check and lacking else 0


if __name__ == "__main__":
    sys.exit(main())
