"""`members.sql`: a view of who belongs to which pattern, for whoever may read the people themselves."""

from persona.classify.members import text
from persona.model import OMNICHANNEL, Framework, Members, dominant
from persona.write.escaping import SURROGATE

_ABOUT = """\
-- Who belongs to which pattern, by the rule of run {run_id} ({created_at}).
-- A view of everybody as they are when it is asked, also where that run counted people drawn at random;
-- dormant and rejected profiles are in no pattern. `persona` is the name that the author gave the pattern.
-- `holdout` marks the people to leave alone, whom the others are compared with: a hash of their id decides
-- (canonical_segment_id, else user_id), the same in every run and every engine; null where there is no id.
"""
_RUN_IN = {
    "bigquery": "-- Run it in BigQuery; another name puts the view elsewhere.\n",
    "duckdb": "-- Run it in DuckDB where the files lie under the same names (gs:// takes httpfs).\n",
}


def as_sql(framework: Framework, members: Members) -> bytes:
    """`members.sql`; the names of personas and traits are literals that nothing can break out of."""
    names = {persona.pattern: persona.name for persona in framework.personas if persona.name}
    keys = [*map(dominant, framework.rule.channels), OMNICHANNEL]
    none = f"CAST(NULL AS {'STRING' if members.dialect == 'bigquery' else 'VARCHAR'})"
    literals = {key: text(name, members.dialect) for key, name in names.items()}
    rows = (
        f"  SELECT '{place}' AS place, {text(key, members.dialect)} AS pattern, "
        f"{literals.get(key, none)} AS persona"
        for place, key in enumerate(keys)
    )
    about = _ABOUT.format(run_id=framework.run_id, created_at=framework.created_at)
    personas = "\n  UNION ALL\n".join(rows)
    view = f"CREATE OR REPLACE VIEW {members.view} AS\nWITH personas AS (\n{personas}\n),\n{members.query}\n"
    sql = f"{about}{_RUN_IN[members.dialect]}{view.strip()};\n"
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", sql).encode()
