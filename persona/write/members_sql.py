"""`members.sql`: a view of who belongs to which pattern, for whoever may read the people themselves."""

from functools import partial
from pathlib import Path

from persona.classify.counts import template
from persona.classify.members import text
from persona.model import OMNICHANNEL, Framework, Members, dominant
from persona.write.escaping import SURROGATE


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
