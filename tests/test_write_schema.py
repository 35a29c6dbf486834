"""The published schema of framework.json; run this file to write it anew."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
import reports
from hypothesis import given, settings
from summaries import summaries

from persona.model import SCHEMA, Framework, Summary
from persona.write import render

SCHEMA_FILE = Path(__file__).parents[1] / "persona" / "write" / "framework.schema.json"


def generated() -> str:
    """The schema (JSON Schema, draft 2020-12) of what this program writes."""
    schema = msgspec.json.schema(Framework, schema_hook=lambda _: {"description": "as Mave sent it"})
    schema["$defs"]["Framework"]["properties"]["schema"] = {"const": SCHEMA}
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA} | schema
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def valid(framework: Framework) -> bool:
    return bool(VALIDATOR.is_valid(json.loads(render.as_json(framework))))


def test_the_published_schema_is_that_of_the_model() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == generated()


@pytest.mark.parametrize("kind", ["mave", "named", "facts", "stress", "hostile"])
def test_every_framework_of_the_tests_is_valid(made: dict[str, Framework], kind: str) -> None:
    assert valid(made[kind])


@settings(max_examples=12)
@given(summary=summaries())
def test_the_framework_of_any_space_is_valid(summary: Summary) -> None:
    assert valid(reports.from_facts(summary))


if __name__ == "__main__":
    SCHEMA_FILE.write_text(generated(), encoding="utf-8")
