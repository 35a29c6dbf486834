# ruff: noqa: S608 - queries are made of quoted names
"""The engine's readers: files of one kind as a table, however they are packed."""

from collections.abc import Sequence
from itertools import groupby

from persona.classify.engine import identifier, literal
from persona.fetch.local import File

READERS = {
    "JSON lines": ("read_json", "format = 'newline_delimited', union_by_name = true, sample_size = -1"),
    "JSON array": ("read_json", "format = 'array', union_by_name = true, sample_size = -1"),
    "CSV": ("read_csv", "auto_detect = false, header = true, quote = '\"', escape = '\"'"),
    "Parquet": ("read_parquet", "union_by_name = true"),
}


def source_of(files: Sequence[File]) -> str:
    """Files of one kind as a table of their own columns."""
    return union(files, *READERS[files[0].kind])


def union(files: Sequence[File], reader: str, options: str) -> str:
    """What a reader makes of files, which may be packed in several ways."""
    parts = []
    for (packed, delimiter, columns), some in groupby(files, key=lambda one: one[3:]):
        paths = ", ".join(literal(str(one.path)) for one in some)
        more = "" if reader == "read_parquet" else f", compression = '{packed}'"
        if reader == "read_csv":
            types = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in columns)
            more += f", delim = {literal(delimiter)}, columns = {{{types}}}"
        parts.append(f"SELECT * FROM {reader}([{paths}], {options}{more})")
    return f"({' UNION ALL BY NAME '.join(parts)})"
