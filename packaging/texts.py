"""Gathers the texts of the program and brings the translations below resources/i18n to their state.

    python3 packaging/texts.py            new texts are added (empty), gone ones dropped, all .mo written
    python3 packaging/texts.py de nl      only these languages; one that has no file yet gets one, empty
    python3 packaging/texts.py --check    only says what is missing; 1 if anything is

Needs Babel (the test environment has it). A text without a translation is shown in English. Languages that a
native has read (``reviewed`` in ``wattlight.i18n.OFFERED``) must be whole; in the machine-translated ones up
to a tenth of the texts may wait for a translator (``tests/unit/i18n/test_languages.py``).
"""

import argparse
import ast
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCE = CHECKOUT / "desktop" / "wattlight"
FOLDER = CHECKOUT / "resources" / "i18n"
MARKS = {"tr": 1, "marked": 1, "trn": 2}
"""The functions that a text is handed to, with how many forms of it."""
EMPTY = tuple(
    f'"{name}'.encode()
    for name in ("POT-Creation", "PO-Revision", "Generated", "Last-Tr", "Report", "Language-T", "Project-Id")
)
"""Lines of the head that would change by themselves or say nothing."""
NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)
Text = str | tuple[str, str]


def texts_of_source() -> set[Text]:
    """Every text that is marked, a pair where it has a plural; those within an f-string too."""
    found: set[Text] = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                forms = [a.value for a in node.args[: MARKS[node.func.id]] if isinstance(a, ast.Constant)]
                if forms and all(isinstance(form, str) for form in forms):
                    found.add((str(forms[0]), str(forms[1])) if len(forms) == 2 else str(forms[0]))
    return found - {""}


def files(languages: Sequence[str] = ()) -> list[Path]:
    """The translations there are, or those of these languages, whether they are there or not."""
    wanted = [FOLDER / language / "LC_MESSAGES" / "wattlight.po" for language in languages]
    return wanted or sorted(FOLDER.glob("*/LC_MESSAGES/wattlight.po"))


def read(file: Path) -> Catalog:
    """A translation; its language is the name of its folder. An empty one where there is no file."""
    if not file.exists():
        return Catalog(locale=file.parents[1].name, header_comment="# The texts of Wattlight.", fuzzy=False)
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
    new = Catalog(locale=old.locale_identifier, header_comment=old.header_comment, fuzzy=False)
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
    whole = Catalog(locale=catalog.locale_identifier, creation_date=NO_DAY, revision_date=NO_DAY, fuzzy=False)
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
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="de, pt_BR ... (default: all)")
    wanted = parser.parse_args()
    check = wanted.check
    texts = texts_of_source()
    lacking = 0
    for file in files(wanted.languages):
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
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written(catalog))
        file.with_suffix(".mo").write_bytes(compiled(catalog))
    return 1 if check and lacking else 0


if __name__ == "__main__":
    sys.exit(main())
