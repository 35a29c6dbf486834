"""The tree that is drawn is the tree that is; each failure tells a caller what to do next."""

import re

import pytest

from persona import errors
from persona.errors import Invalid, NotFound, PersonaError, Refused, RunInProgress, ServiceError, Unavailable

# A line of the drawing: its branch, a name, and, unless its parent's are meant, a status and a code.
DRAWN = re.compile(r"^ {4}([│├└─ ]*)(\w+)(?: +(\d{3}) (\S+))?", re.MULTILINE)
CLASSES = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, PersonaError)]


def drawn() -> dict[str, tuple[str, int, str]]:
    """Every drawn failure with its parent, status and code."""
    found: dict[str, tuple[str, int, str]] = {}
    above: list[tuple[str, int, str]] = []
    for branch, name, status, code in DRAWN.findall(errors.__doc__ or ""):
        depth = len(branch) // 4
        parent, inherited, family = above[depth - 1] if depth else ("Exception", 0, "")
        line = (name, int(status or inherited), code or family)
        above[depth:] = [line]
        if status or depth > 1:
            found[name] = (parent, line[1], line[2])
    return found


def real(failure: type[PersonaError]) -> tuple[str, int, str]:
    """A failure of the module as the drawing words it; a service's own parent is not drawn."""
    parent = next(one for one in failure.__mro__[1:] if one is not ServiceError)
    code = f"<service>_{failure.outcome}" if issubclass(failure, ServiceError) else failure.code
    return parent.__name__, failure.status, code


def test_the_drawn_tree_is_the_real_one() -> None:
    failures = [one for one in CLASSES if one not in {PersonaError, ServiceError}]
    assert drawn() == {one.__name__: real(one) for one in failures}


def test_what_may_go_better_next_time_is_what_http_calls_busy() -> None:
    busy = {one.__name__ for one in CLASSES if one.status in {409, 503}}
    # A defect is no state of the world: it stays a 500, whatever another try may bring.
    assert {one.__name__ for one in CLASSES if one.retryable} == busy | {"Unforeseen"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, Unavailable) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, Refused) for status in (400, 401, 402, 403, 404, 409, 413, 422)),
        *((status, Invalid) for status in (100, 200, 204, 301, 307)),
    ],
)
def test_a_status_means_to_try_again_to_mend_something_or_to_wonder(
    status: int, expected: type[ServiceError]
) -> None:
    assert expected is errors.for_status(status)


def test_a_caller_is_asked_to_wait_as_long_as_upstream_said_or_half_a_minute() -> None:
    told = RunInProgress("wait", retry_after_seconds=7), RunInProgress("wait")
    assert [error.retry_after_seconds for error in told] == [7, 30]


def test_the_message_is_what_str_shows_since_the_framework_answers_with_it() -> None:
    assert str(NotFound("no framework")) == "no framework"
