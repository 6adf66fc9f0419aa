"""Every verb is documented in CLI.md, with each of its options, and its answer has a JSON Schema."""

import argparse
import importlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

from wattlight.cli.main import VERBS, CliVerb

DESKTOP = Path(__file__).resolve().parents[2] / "desktop"
CLI_MD = (DESKTOP / "CLI.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", CLI_MD, re.MULTILINE | re.DOTALL)
    assert found, f"CLI.md has no section '## {name}'"
    return found.group(1)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_option_is_documented(verb: CliVerb) -> None:
    parser = argparse.ArgumentParser(prog=verb.name, add_help=False)
    importlib.import_module(f"wattlight.cli.{verb.module}").arguments(parser)
    text = section(verb.name)
    missing = [
        option
        for action in parser._actions
        if action.help is not argparse.SUPPRESS
        for option in (action.option_strings or [str(action.metavar or action.dest)])
        if option not in text
    ]
    assert not missing, f"CLI.md, section {verb.name}, does not name {missing}"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_answer_has_a_schema(verb: CliVerb) -> None:
    file = DESKTOP / "schemas" / f"{verb.name}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert f"schemas/{verb.name}.json" in section(verb.name)


def test_no_section_without_a_verb() -> None:
    names = set(re.findall(r"^## ([a-z-]+)$", CLI_MD, re.MULTILINE))
    assert names == {verb.name for verb in VERBS}


def test_the_error_document_has_a_schema() -> None:
    schema = json.loads((DESKTOP / "schemas" / "error.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate({"schema": 1, "error": {"code": "x", "message": "What.", "next": "Do."}})
    assert list(validator.iter_errors({"schema": 1, "error": {"code": "x"}}))
