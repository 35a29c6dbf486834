"""`members.sql`: a view of who belongs to which pattern, for whoever may read the people themselves.

It is the run's own rule, with every value written out; nothing is asked and nobody is read here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from persona.classify.counts import People, statement, template
from persona.classify.engine import literal
from persona.model import OMNICHANNEL, Framework, Members, Rule, dominant
from persona.settings import SEED
from persona.write.escaping import SURROGATE

# What is no parameter is passed over as a whole: a text, a quoted name, a comment.
_TOKEN = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*)|[@$](\w+)""")
# A NUL, and half a surrogate pair.
_NEVER = re.compile("[\0\ud800-\udfff]")


def members(people: People, rule: Rule, holdout_share: float) -> Members | None:
    """The query for everybody's pattern, by this rule, to go on after `WITH personas AS (…),`.

    None where the people cannot be read again.
    """
    everybody = people.everybody()
    if everybody is None:
        return None
    sql, parameters = statement(rule, people.dialect, members=True)
    values = {
        **everybody.parameters,
        **parameters,
        "seed": f"{SEED}:",
        "holdout": f"{round(holdout_share * 16**8):08x}",  # of the first eight digits of all hashes
    }
    written = {name: _written(value, people.dialect, values) for name, value in values.items()}
    query = _TOKEN.sub(
        lambda token: written[token[2]] if token[2] else token[1], f"{everybody.people},\n{sql}"
    )
    return Members(dialect=people.dialect, view=everybody.view, query=query)


def as_sql(framework: Framework, members: Members) -> bytes:
    """`members.sql`; the names of personas and traits are literals that nothing can break out of."""
    sql = template(Path(__file__).with_name("members.sql")).render(
        framework=framework,
        dialect=members.dialect,
        view=members.view,
        query=members.query.strip(),
        keys=[*map(dominant, framework.rule.channels), OMNICHANNEL],
        names={persona.pattern: persona.name for persona in framework.personas if persona.name},
        text=partial(text, dialect=members.dialect),
        nobody=f"CAST(NULL AS {'STRING' if members.dialect == 'bigquery' else 'VARCHAR'})",
    )
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", f"{sql.strip()}\n").encode()


def text(value: str, dialect: str) -> str:
    """Any text as a literal that it cannot break out of; where it cannot stand, U+FFFD stands for it."""
    value = _NEVER.sub("\N{REPLACEMENT CHARACTER}", value)
    if dialect == "duckdb":
        return literal(value)
    # BigQuery reads escapes in every literal that is not raw, and takes no line break in it.
    plain = (one if one.isprintable() and one not in "\\'" else f"\\U{ord(one):08x}" for one in value)
    return f"'{''.join(plain)}'"


def _written(value: Any, dialect: str, values: Mapping[str, Any]) -> str:
    if isinstance(value, str):
        return text(value, dialect)
    if isinstance(value, float):
        digits = repr(value)
        return digits if "e" in digits else f"{digits}e0"  # without an exponent DuckDB takes it for a decimal
    if isinstance(value, datetime):
        # The window of raw events goes on with the clock, as that of computed traits does.
        seconds = round((values["until"] - value).total_seconds())
        return f"TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {seconds} SECOND)"
    return str(value)
