"""A space full of what must never leave it: every value that could name somebody holds the word SECRET."""

from collections.abc import Mapping

SECRET = "secret"
# Of all 300 people's ids, addresses, names and other traits, nothing may be seen outside.
PEOPLE = 300
# A plan and a type of identifier that somebody named after a person; enough people have them to be shown.
PLAN_OF_A_PERSON = "Plan of jane@secret.example"
TYPE_OF_A_PERSON = "jane.secret@secret.example"


def crowd() -> list[Mapping[str, object]]:
    """Three hundred people of all four patterns, dormant ones among them, and some broken profiles."""
    return [*map(_person, range(PEOPLE)), *_broken()]


def _person(number: int) -> dict[str, object]:
    activity = [(20, 3, 2), (3, 20, 2), (2, 3, 20), (9, 9, 9), (0, 0, 0)][number % 5]
    email = f"person{number}@secret.example"
    plan = ["pro", "starter", PLAN_OF_A_PERSON][number // 5 % 3]
    types = ["user_id", "email", "ios_id", TYPE_OF_A_PERSON][: 2 + number // 5 % 3]
    return {
        "segment_id": f"use_secret_{number:06d}",
        "traits": {
            "web_sessions_30d": activity[0],
            "mobile_sessions_30d": str(activity[1]),
            "emails_opened_30d": activity[2] + number % 2 if sum(activity) else 0,
            "ltv": 100 + number,
            "plan": plan,
            "email": email,
            "name": f"Zebulon Secret the {number}th",
            "phone": f"+1 555 {7_000_000 + number}",
            "secret_hobby": {"likes": [f"secret-{number}"]},
        },
        "external_ids": [
            {"type": kind, "id": email if kind == "email" else f"{kind}-secret-{number}"} for kind in types
        ],
    }


def _broken() -> list[Mapping[str, object]]:
    return [
        {"traits": "broken@secret.example", "external_ids": []},
        {"traits": {"web_sessions_30d": "negative@secret.example"}, "external_ids": []},
        {"traits": {"web_sessions_30d": -7}, "external_ids": [{"type": "email", "id": "odd@secret.example"}]},
        {"traits": {"web_sessions_30d": 4}, "external_ids": "odd@secret.example"},
        {"traits": {"web_sessions_30d": 4}, "external_ids": [{"type": {"a": "b@secret.example"}}, 5]},
    ]
