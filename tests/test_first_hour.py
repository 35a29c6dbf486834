"""The first hour with own data, line by line as the README prints it, in a fresh clone."""

import csv
import re
import sys
from pathlib import Path
from random import Random

import duckdb
import pytest
from doors import ROOT
from test_quick_start import clone, printed, shell

pytestmark = pytest.mark.slow

PEOPLE = 50_000
# By the activity on web, app and email that is usual for them: so many of ten people.
KINDS = {(9, 1, 1): 4, (1, 12, 2): 3, (1, 1, 6): 2, (4, 4, 4): 1}


def write_people(path: Path, web_share: float = 1.0) -> None:
    """A file whose columns have names of their own; with `web_share` of the web visits."""
    random = Random(14)  # noqa: S311 - chance, not a secret
    usual = [kind for kind, weight in KINDS.items() for _ in range(weight)]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "email", "web_visits", "app_opens", "mail_clicks", "revenue", "tier"])
        for number in range(PEOPLE):
            web, app, email = (random.randint(0, 2 * usually) for usually in random.choice(usual))
            spent, tier = f"{random.expovariate(0.01):.2f}", random.choice(["free", "pro", ""])
            rows.writerow([number, f"p{number}@x.test", int(web * web_share), app, email, spent, tier])


def run(line: str, folder: Path, expected: int = 0) -> str:
    ended = shell(line, folder)
    assert ended.returncode == expected, ended.stderr
    return ended.stdout


def table(told: str) -> dict[str, int]:
    """The patterns of a run's closing table, with their people."""
    rows = re.findall(r"^  (\w[\w ]*?) +([\d,]+) +[\d.]+%$", told, re.MULTILINE)
    return {label: int(n.replace(",", "")) for label, n in rows}


def in_view(told: str, folder: Path) -> dict[str, int]:
    """The same from the members.sql that the run left."""
    [page] = re.findall(r"^Framework: (\S+)$", told, re.MULTILINE)
    with duckdb.connect() as engine:
        engine.execute((folder / page).with_name("members.sql").read_text(encoding="utf-8"))
        view = "SELECT pattern, COUNT(*), AVG(CAST(holdout AS INT)) FROM channel_patterns GROUP BY 1"
        counted = engine.execute(view).fetchall()
    assert all(share == pytest.approx(0.1, abs=0.01) for _, _, share in counted)
    return {pattern.replace("_", " ").title(): n for pattern, n, _ in counted}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_the_first_hour(tmp_path: Path) -> None:
    clone(tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)  # what the first line installs
    _, look, make = printed("sh", "check people.csv").replace("\\\n", "").splitlines()

    assert sum(table(run(".venv/bin/python -m persona", tmp_path)).values()) == 512

    write_people(tmp_path / "people.csv")
    looked = run(look, tmp_path, expected=1)
    assert f"{PEOPLE:,} profiles read" in looked
    assert "  PERSONA_CHANNELS=web=web_visits,mobile=app_opens,email=mail_clicks\n" in looked

    first = run(make, tmp_path)
    assert f"{PEOPLE:,} profiles read" in first
    assert "Note:" not in first
    assert list(table(first)) == ["Web Dominant", "App Dominant", "Email Dominant", "Omnichannel"]
    assert in_view(first, tmp_path) == table(first)

    write_people(tmp_path / "people.csv", web_share=0.7)
    second = run(make, tmp_path)
    assert re.search(r"^Since .*\n?.*Web Dominant", second, re.MULTILINE)
    assert table(second)["Web Dominant"] < table(first)["Web Dominant"]
    assert in_view(second, tmp_path) == table(second)

    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM '{tmp_path}/people.csv') TO '{tmp_path}/people.parquet'")
    packed = run(make.replace("people.csv", "people.parquet"), tmp_path)
    assert table(packed) == table(second) == in_view(packed, tmp_path)
    assert "another file or dataset was read" in packed
