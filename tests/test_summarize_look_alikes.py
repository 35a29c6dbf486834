"""Names that look like a missing trait are found by their words and letters, and by nothing else."""

import pytest

from persona.summarize.look_alikes import fit, fitting, look_alikes

NAMES = ["app_opens", "city", "mail_clicks", "ltv", "webVisits30d", "web_sessions_90d", "store_visits"]
NAMES += ["web_page_views", "page_views_30d", "screen_views"]  # which count no sessions


@pytest.mark.parametrize(
    ("trait", "channel", "alike"),
    [
        ("web_sessions_30d", "web", ["web_sessions_90d", "webVisits30d"]),
        ("mobile_sessions_30d", "mobile", ["app_opens"]),
        ("emails_opened_30d", "email", ["mail_clicks"]),
        ("tv_minutes", "tv", []),
        ("shop_calls", "store", ["store_visits"]),
    ],
)
def test_the_likeliest_names_come_first(trait: str, channel: str, alike: list[str]) -> None:
    assert alike == look_alikes(trait, channel, NAMES)


def test_a_trait_that_is_there_keeps_its_channel() -> None:
    channels = {"site": "site_web_sessions", "web": "web_sessions_90d", "email": "emails_opened_30d"}
    assert fitting(channels, NAMES) == {"web": "web_sessions_90d", "email": "mail_clicks"}


@pytest.mark.parametrize(
    "name", ["", " web", "a,b", "a=b", "a\x1b[31m", "j@x.com", "+1 555 867 5309", "it's"]
)
def test_a_name_that_cannot_stand_in_the_setting_is_not_proposed(name: str) -> None:
    assert not fit(name)
