"""Every fact as CSV, one a row, for a sheet or a BI tool."""

import csv
from io import StringIO

from persona.model import Framework
from persona.write.escaping import one_line

HEADER = ("name", "subject", "label", "value", "unit")
# How a cell begins that a sheet would run as a formula.
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(framework: Framework) -> bytes:
    """`facts.csv` in UTF-8; no text in it is a formula."""
    out = StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(HEADER)
    for name, fact in framework.facts.items():
        rows.writerow([*map(_inert, (name, name.partition(".")[0], fact.label)), fact.value, fact.unit])
    return out.getvalue().encode()


def _inert(text: str) -> str:
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_BEGINS) else line
