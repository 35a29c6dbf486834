"""The benchmark's row about BigQuery: how many rows come back from a small space and from a large one."""

from cloud import Emulator

from persona.classify.counts import statement
from persona.deadline import Deadline
from persona.fetch import bigquery
from persona.log import Log
from persona.settings import read_settings
from persona.summarize.sampling import rule_of

# Everything about a person follows from the number: four plans, five types, some odd values, and one in 144
# is dormant.
_TRAITS = """
CREATE TABLE `{dataset}.user_traits` AS
SELECT CONCAT('use_', n) AS canonical_segment_id, trait.name, trait.value, 1 AS seq
FROM UNNEST(GENERATE_ARRAY(1, {profiles})) AS n
CROSS JOIN UNNEST([
  STRUCT('web_sessions_30d' AS name, CAST(MOD(n, 16) AS STRING) AS value),
  STRUCT('mobile_sessions_30d', CAST(MOD(n, 12) AS STRING)),
  STRUCT('emails_opened_30d', IF(MOD(n, 100) = 0, 'many', CAST(MOD(n, 9) AS STRING))),
  STRUCT('ltv', CAST(MOD(n, 997) / 4 AS STRING)),
  STRUCT('plan', CONCAT('plan ', CAST(MOD(n, 4) AS STRING)))
]) AS trait
"""
_IDENTIFIERS = """
CREATE TABLE `{dataset}.user_identifiers` AS
SELECT CONCAT('use_', n) AS canonical_segment_id, type, CONCAT(type, n) AS value, 1 AS seq
FROM UNNEST(GENERATE_ARRAY(1, {profiles})) AS n
CROSS JOIN UNNEST(['user_id', 'email', 'ios.id', 'ios_id', 'phone']) AS type
"""


def rows_read_back(emulator: Emulator, profiles: int) -> tuple[int, int]:
    """The profiles counted in a space of so many, and the rows that came back for it.

    BIGQUERY_EMULATOR_HOST must lead to the emulator.
    """
    source = emulator.fill("bench", {})
    dataset = source.removeprefix("bigquery://")
    for table in (_TRAITS, _IDENTIFIERS):
        emulator.run(table.format(dataset=dataset, profiles=profiles))
    settings = read_settings({"PERSONA_SOURCE": source}, "terminal")
    log = Log(as_json=False, level="ERROR")
    with bigquery.fetch(settings, 0, Deadline(300), log) as people:
        rows = people.rows(*statement(rule_of(settings), people.dialect))
        return sum(int(row["n"]) for row in rows if row["fact"].startswith("place ")), len(rows)
