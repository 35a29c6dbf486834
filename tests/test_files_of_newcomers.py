"""Files of a newcomer who has read nothing but the README, as somebody without the code wrote them."""

import json
from pathlib import Path

import pytest
from doors import in_process

CHANNELS = "web=web_visits,app=app_opens,email=mail_clicks"
HEADER = ["user_id", "web_visits", "app_opens", "mail_clicks", "revenue", "tier"]
ROWS: list[list[object]] = [[f"u{n}", n % 9, n % 4, 3 - n % 3, n * 7.5, "pro"] for n in range(60)]
PEOPLE = [dict(zip(HEADER, row, strict=True)) for row in ROWS]


def table(rows: list[list[object]], *, header: list[str] = HEADER, delimiter: str = ",") -> str:
    lines: list[list[object]] = [[*header], *rows]
    return "\n".join(delimiter.join(map(str, line)) for line in lines)


# What is refused: the file's content, and the words that tell why and what to do.
REFUSED = {
    "a row an event": (
        table([["u1", 1, 0, 0, 5, "pro"], ["u2", 0, 1, 0, 5, "pro"]] * 30),
        "expected a row a person, got the same ids again and again: user_id (30 rows, 1 different)",
    ),
    "a column twice": (
        table([[0, *row] for row in ROWS], header=["WEB_VISITS", *HEADER]),
        "expected each column once, got WEB_VISITS twice; rename one",
    ),
    "a title above the header": (
        f"Customers, November\n\n{table(ROWS)}",
        "expected is CSV, of which the first line names the columns",
    ),
    "flat records": (
        "\n".join(map(json.dumps, PEOPLE)),
        """or a JSON object a line, such as {"traits": {"web_visits": 3}, "external_ids": [""",
    ),
    "a list in an object": (
        json.dumps({"profiles": [{"traits": one} for one in PEOPLE]}),
        """or a JSON object a line, such as {"traits": {"web_visits": 3}, "external_ids": [""",
    ),
    "records over many lines": (
        "\n".join(json.dumps({"traits": one}, indent=2) for one in PEOPLE),
        "a line of JSON lines is one object, with double quotes: `jq -c .` writes it so",
    ),
    "single quotes": (
        "\n".join(str({"traits": one}) for one in PEOPLE),
        "a line of JSON lines is one object, with double quotes",
    ),
    "numbers with their noun": (
        table([[*row[:1], *(f"{n} times" for n in row[1:4]), *row[4:]] for row in ROWS]),
        (
            "60 could not be read (60 activity not numeric: a count is a bare number, such as 12); check "
            "that PERSONA_CHANNELS names traits that count what people do, as numbers"
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_another_shape_is_told_by_a_run_and_by_a_look(tmp_path: Path, name: str) -> None:
    content, words = REFUSED[name]
    (tmp_path / "people").write_text(content)
    ended = in_process("--source", "people", "--channels", CHANNELS, cwd=tmp_path)
    looked = in_process("check", "people", cwd=tmp_path, PERSONA_CHANNELS=CHANNELS)
    assert (bool(ended.exit_code), bool(looked.exit_code)) == (True, True)
    assert (words in ended.stderr, words in looked.stdout + looked.stderr) == (True, True)


# What is read, and the note that says what was left out.
NOTED = {
    "decimal commas": (
        table([[*row[:4], f"{row[4]}".replace(".", ","), row[5]] for row in ROWS], delimiter=";").encode(),
        "60 values of revenue are no numbers and count as missing: expected 1234.56",
    ),
    "latin-1": (
        table([[*row[:5], "Schüler" if n % 3 else "pro"] for n, row in enumerate(ROWS)]).encode("latin-1"),
        "66.7 % of the profiles could not be read and are left out (40 row invalid encoding: the file",
    ),
    "-1 for unknown": (
        table([[*row[:3], row[3] if n % 3 else -1, *row[4:]] for n, row in enumerate(ROWS)]).encode(),
        "33.3 % of the profiles could not be read and are left out (20 activity negative: a count",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_is_left_out_of_a_file_is_told_in_the_framework(tmp_path: Path, name: str) -> None:
    content, words = NOTED[name]
    (tmp_path / "people").write_bytes(content)
    traits = {"PERSONA_LTV_TRAIT": "revenue", "PERSONA_PLAN_TRAIT": "tier", "PERSONA_CHANNELS": CHANNELS}
    ended = in_process("--source", "people", "--run-id", "one", cwd=tmp_path, **traits)
    framework = json.loads((tmp_path / "frameworks" / "runs" / "one" / "framework.json").read_bytes())
    assert any(words in warning for warning in framework["warnings"])
    assert f"Note: {words}" in ended.stdout


# What is read like any other file.
READ = {
    "mixed ends of lines": table(ROWS).replace("\n", "\r\n", 30),
    "ends of lines of old": table(ROWS).replace("\n", "\r"),
    "an id that stands for none": table(
        [["n/a" if n % 2 else row[0], *row[1:]] for n, row in enumerate(ROWS)]
    ),
    "an id that repeats beside one that does not": table(
        [["u1", *row[1:], f"{n}@example.com"] for n, row in enumerate(ROWS)], header=[*HEADER, "email"]
    ),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_looks_odd_and_is_not_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "people").write_bytes(content.encode())
    looked = in_process("check", "people", cwd=tmp_path, PERSONA_CHANNELS=CHANNELS)
    assert (looked.exit_code, "\n60 profiles read: " in looked.stdout) == (0, True)


NAMELESS = {
    "records by person": '{"Grace Hopper": {"a": 1}, "u_1": {"a": 2}}',
    "no header": "Grace Hopper,u_1,12\n,,\n",
    "no header, and many": "".join(f"u_{n},pro,Hopper Street,{n}\n" for n in range(20)),
    "a title": "Report for Grace Hopper\n1\n",
    "keys of nothing": '{"*": 1, "": [2], "$": 3}',
}


@pytest.mark.parametrize("content", NAMELESS.values(), ids=NAMELESS)
def test_a_file_that_is_not_understood_is_told_without_anybodys_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "people").write_text(content)
    looked = in_process("check", "people", cwd=tmp_path)
    ended = in_process("--source", "people", "--run-id", "one", cwd=tmp_path)
    left = (tmp_path / "frameworks" / "runs" / "one" / "error.json").read_text()
    assert (looked.exit_code, "not_enough_data" in left) == (1, True)
    shown = left + ended.stderr + ended.stdout + looked.stdout + looked.stderr
    assert [words for words in ("Hopper", "u_0", "u_1") if words in shown] == []
