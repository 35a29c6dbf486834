"""Other people's text, fit to be shown: one line, nothing that misleads a reader or identifies a person."""

import re
import unicodedata

# How an email address is written to escape masks: `%40`, `&#64;`, `(at)`, `[dot]`.
_AT = re.compile(r" ?(?:%40|&#0*64;|&#x0*40;|&commat;|[(\[{]at[)\]}]|@) ?", re.IGNORECASE)
_DOT = re.compile(r" ?[(\[{]dot[)\]}] ?", re.IGNORECASE)
# `j.doe at example.com`, `j dot doe at example dot com`; `(?:…)*+` would do, but for Python 3.11.2.
_SPELLED = re.compile(
    r"(?i)(?<!\S)(?=((?:\S+ dot )*))\1\S+(?: at (?:\S+(?: dot \S+)+|\.*[^\s.]+\.+[^\s.]\S*))+(?!\S)"
)
# Seven digits or more, with little between two of them: `+1_555_867_5309`, `4111x1111x1111`.
_NUMBER = re.compile(r"\+?\d(?:(?:[\W_]{0,5}|[^\W\d_])\d){6,}")
# Of a longer text the rest is not looked at: nobody's plan has such a name.
_LOOKED_AT_CHARACTERS = 10_000
# What one mask leaves may be what another takes; more rounds than this change nothing.
_MOST_ROUNDS = 4


def printable(text: str, most: int = 60) -> str:
    """Other people's text (a plan, an id's type) on one line, without what could mislead or identify.

    Characters that nobody sees are gone, email addresses and long numbers replaced by `[email]` and
    `[number]`, and what is longer than `most` characters ends in `…`. Doing it twice changes nothing.
    """
    # An ellipsis is kept from becoming three dots: the mark of an earlier cut stays one.
    pieces = text[:_LOOKED_AT_CHARACTERS].split("…")
    plain = "…".join(unicodedata.normalize("NFKC", piece) for piece in pieces)
    # What is not printable (zero-width, right-to-left, half a character) nobody would see, and it could fool.
    line = "".join(" " if one.isspace() else one for one in plain if one.isspace() or one.isprintable())
    for _ in range(_MOST_ROUNDS):
        masked = _masked(line)
        if masked == line:
            break
        line = masked
    return cut(line, most)


def cut(line: str, most: int) -> str:
    """At most so many characters of a line, with an ellipsis, and no stop before it, where it was longer."""
    return line if len(line) <= most else line[: most - 1].rstrip(" .") + "…"


def _masked(line: str) -> str:
    words = _SPELLED.sub("[email]", _DOT.sub(".", _AT.sub("@", " ".join(line.split())))).split(" ")
    return " ".join(_NUMBER.sub("[number]", " ".join(map(_without_address, words))).split())


def _without_address(word: str) -> str:
    """A word with an `@` between letters is an address; one at its edge is only left out."""
    before, at, after = word.partition("@")
    sides = any(map(str.isalnum, before)), any(map(str.isalnum, after))
    return "[email]" if at and all(sides) else word.replace("@", "")
