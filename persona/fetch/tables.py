# ruff: noqa: S608 - queries are made of quoted names
"""People in tables, CSV or Parquet: a row a person, or `traits` and `external_ids` as in JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath

from persona.classify.engine import Engine, OddRecords, identifier, literal
from persona.fetch.file_kinds import File, UnreadableFile, columns_of, headed, table
from persona.fetch.people import ABSENT, judged, listed, relation_of
from persona.settings import Settings

# The readings of files, each more patient than the one before; then somebody's traits, as JSON or a map, and
# the source that has them.
Readings = tuple[Iterable[str], tuple[str, str]]
# Of so many first rows, at least some beside those of the commonest id, those a person.
LOOKED_AT_ROWS, FEWEST_ROWS, MOST_ROWS_A_PERSON = 100_000, 20, 1.5
# Columns of these types are numbers as they are; a FLOAT is not the number that its text says.
_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE"}


def csv(engine: Engine, files: Sequence[File], settings: Settings) -> Readings:
    traits = _traits_of_rows(table(files, ", ignore_errors = true"), settings)
    cells = {name for file in files for name in file.columns}
    files = headed(files, {*settings.traits, *settings.id_columns, "canonical_segment_id"})
    columns = {name.lower(): "VARCHAR" for file in files for name in file.columns if name}
    if not columns and any(cell.replace(".", "").isdigit() for cell in cells):
        traits = "NULL", "(SELECT 1)"  # no header, but somebody's values, which are nobody's business
    lenient = table(files, ", strict_mode = false, ignore_errors = true")
    _demand_a_row_a_person(engine, lenient, columns, settings)

    def readings() -> Iterator[str]:
        yield _flat(columns, settings, table(files))
        # Only where lines end in several ways is nothing read strictly; a row too long then loses its end.
        for strict in ("true", "false"):
            options = f", strict_mode = {strict}"
            if (bad := bad_rows(engine, files, options, strict)) is not None:
                rows = _flat(columns, settings, table(files, f"{options}, ignore_errors = true"))
                yield " UNION ALL BY NAME ".join([rows, *bad])

    return readings(), traits


def bad_rows(engine: Engine, files: Sequence[File], options: str, name: str) -> list[str] | None:
    """A person with the reason for each unreadable row; UnreadableFile where a quotation has no end."""
    options += f", store_rejects = true, rejects_table = 'bad_{name}', rejects_scan = 'scans_{name}'"
    try:
        engine.rows(f"SELECT COUNT(COLUMNS(*)) FROM {table(files, options)}")
    except OddRecords:
        return None
    kinds = engine.rows(f"""
      SELECT 'row_' || REPLACE(LOWER(kind), ' ', '_') AS reason, COUNT(*) AS n, MIN(line) AS line,
        ARG_MIN(file_path, line) AS path
      FROM (
        SELECT MAX(error_type) AS kind, line, file_path
        FROM bad_{name} JOIN scans_{name} USING (scan_id, file_id) GROUP BY ALL
      )
      GROUP BY kind
    """)
    for row in kinds:
        if row["reason"] == "row_unquoted_value":
            raise UnreadableFile(
                f"{PurePath(row['path']).name}: a quotation mark in line {row['line']} is not closed, or one "
                "within a quotation not doubled: where rows end behind it is not sure; mend that line"
            )
    return [f"SELECT 0 AS identities, '{row['reason']}' AS problem FROM range({row['n']})" for row in kinds]


def parquet(engine: Engine, files: Sequence[File], settings: Settings) -> Readings:
    """The readings of these files, and the traits that they hold: structures, maps, or JSON's text."""
    source = table(files)
    # The engine tells no two names apart by their capitals.
    columns = {name.lower(): kind for name, kind in columns_of(engine, source).items()}
    if "traits" not in columns:
        _demand_a_row_a_person(engine, source, columns, settings)
        return [_flat(columns, settings, source)], _traits_of_rows(source, settings)
    schemas = f"parquet_schema([{', '.join(literal(one.path) for one in files)}])"
    named = "HAVING NOT BOOL_OR(LOWER(name) = 'traits')"
    if len(files) > 1 and (flat := engine.rows(f"SELECT file_name FROM {schemas} GROUP BY 1 {named}")):
        words = "expected a column traits, as other files have; name files of one form with *"
        raise UnreadableFile(f"{PurePath(flat[0]['file_name']).name}: {words}")
    nested = [f"{name}: TRY_CAST({name} AS JSON)" for name in ("traits", "external_ids") if name in columns]
    readings = [judged(settings.traits, f"(SELECT TO_JSON({{{', '.join(nested)}}}) AS record FROM {source})")]
    with suppress(OddRecords):  # structures are read at full speed
        members = columns_of(engine, f"(SELECT traits.* FROM {source})")
        values = [
            _value(f"traits.{identifier(name)}", members[name]) if name in members else ABSENT
            for name in settings.traits
        ]
        if columns.get("external_ids", "").startswith("STRUCT"):
            readings.insert(0, relation_of(values, listed("external_ids"), source))
    return readings, ("TRY_CAST(traits AS JSON)", source)


def _demand_a_row_a_person(
    engine: Engine, source: str, columns: Mapping[str, str], settings: Settings
) -> None:
    """Refuse a table with a row an event, which would count everybody as often as there are rows."""
    repeated = []
    for one in (name for name in settings.id_columns if name.lower() in columns):
        # The commonest id may stand for none.
        (counted,) = engine.rows(f"""
          SELECT COUNT(*) AS people, IFNULL(SUM(n), 0) AS n
          FROM (
            SELECT NULLIF(CAST({identifier(one)} AS VARCHAR), '') AS id, COUNT(*) AS n
            FROM (SELECT {identifier(one)} FROM {source} LIMIT {LOOKED_AT_ROWS})
            WHERE id IS NOT NULL GROUP BY id ORDER BY n DESC OFFSET 1
          )
        """)
        if counted["n"] < FEWEST_ROWS:
            continue
        if counted["n"] <= MOST_ROWS_A_PERSON * counted["people"]:
            return
        repeated.append(f"{one} ({counted['n']:,} rows, {counted['people']:,} different)")
    if repeated:
        raise UnreadableFile(
            f"expected a row a person, got the same ids again and again: {', '.join(repeated)}; a row an "
            "event has to be summed up first, such as with GROUP BY"
        )


def _flat(columns: Mapping[str, str], settings: Settings, source: str) -> str:
    """A row a person: the columns of PERSONA_ID_COLUMNS hold external ids, every other one a trait."""

    def column(name: str) -> str:
        return _value(identifier(name), columns[name.lower()]) if name.lower() in columns else ABSENT

    def text(expression: str) -> str:
        return f"NULLIF(CAST({expression} AS VARCHAR), '')"

    present = {
        name: f"IFNULL(CAST({identifier(name)} AS VARCHAR) <> '', FALSE)"
        for name in settings.id_columns
        if name.lower() in columns
    }
    identities = " + ".join(f"CAST({one} AS BIGINT)" for one in present.values())
    types = ", ".join(f"IF({one}, {literal(name)}, NULL)" for name, one in present.items())
    ids = f"""
      {identities or 0} AS identities, {f"CONCAT_WS(CHR(31), {types})" if types else "''"} AS types,
      {text(column("canonical_segment_id"))} AS canonical_segment_id,
      {next(map(text, map(identifier, present)), ABSENT)} AS user_id"""
    return relation_of(map(column, settings.traits), ids, source)


def _value(column: str, kind: str) -> str:
    return column if kind in _NUMBERS else f"CAST({column} AS VARCHAR)"


def _traits_of_rows(source: str, settings: Settings) -> tuple[str, str]:
    ids = ", ".join(literal(name.lower()) for name in settings.id_columns)
    # An alias that is no column's name: it stands for the whole row.
    row = '"\x1f"'
    traits = f"COLUMNS(lambda name: LOWER(name) NOT IN ({ids}))"
    return f"TO_JSON({row})", f"(SELECT {traits} FROM {source}) AS {row}"
