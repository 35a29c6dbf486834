"""Figures as people write them: 1,450; 33.3 %; $890; 23 November 2026."""

from datetime import datetime

NO_BREAK = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

# From here on an amount is read in whole units; below, the cents matter.
WHOLE_MONEY = 100
# A share below this would round to "0.0 %", which reads as nobody.
SMALLEST_SHARE = 0.0005


def count(number: float) -> str:
    """A whole number with thousands separated: `1,450`."""
    return _signed(f"{number:,.0f}")


def decimal(number: float) -> str:
    """One decimal, thousands separated: `22.3`."""
    return _signed(f"{number:,.1f}")


def exact(number: float) -> str:
    """As many decimals as a reader needs to compare, at most two: `890.4`, `12`."""
    return _signed(f"{number:,.2f}".rstrip("0").rstrip("."))


def percent(share: float, decimals: int = 1) -> str:
    """A share between 0 and 1 as per cent: `33.3 %`; `0 %` is nobody, `100 %` is everybody."""
    if 0 < share < SMALLEST_SHARE:
        return f"<0.1{NO_BREAK}%"
    if share in {0, 1}:
        decimals = 0
    return _signed(f"{share * 100:,.{decimals}f}") + f"{NO_BREAK}%"


def interval(low_and_high: tuple[float, float]) -> str:
    """The two ends of an interval as whole per cents, joined by a dash."""
    low, high = low_and_high
    return f"{low * 100:.0f}\N{EN DASH}{high * 100:.0f}{NO_BREAK}%"


def points(change: float) -> str:
    """A change of a share in percentage points: `+4.2 points`."""
    sign = "+" if change > 0 else ""
    return _signed(f"{sign}{change * 100:.1f}{NO_BREAK}points")


def money(amount: float, currency: str) -> str:
    """An amount as a price tag shows it: `$890`, `$38.70`; whole units from 100 on."""
    decimals = 0 if abs(amount) >= WHOLE_MONEY else 2
    return _priced(f"{abs(amount):,.{decimals}f}", currency, below_zero=round(amount, decimals) < 0)


def exact_money(amount: float, currency: str) -> str:
    """An amount as a reader needs it to compare: `$890.40`, `$890`."""
    digits = f"{abs(amount):,.2f}".removesuffix(".00")
    return _priced(digits, currency, below_zero=round(amount, 2) < 0)


def date(stamp: str) -> str:
    """The day of an RFC 3339 time: `23 November 2026`; anything else comes back as it is."""
    try:
        day = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{day.day} {day:%B %Y}"


def since(stamp: str, now: str) -> str:
    """The day of an earlier time, with the time of day where both are of one day: `… at 06:00 UTC`."""
    if date(stamp) != date(now) or date(stamp) == stamp:
        return date(stamp)
    return f"{date(stamp)} at {datetime.fromisoformat(stamp):%H:%M} UTC"


def _priced(digits: str, currency: str, *, below_zero: bool) -> str:
    gap = NO_BREAK if currency[-1:].isalpha() else ""
    return f"{MINUS if below_zero else ''}{currency}{gap}{digits}"


def _signed(digits: str) -> str:
    """A true minus instead of a hyphen, and none before a zero."""
    if not any(digit in digits for digit in "123456789"):
        return digits.lstrip("-+")
    return digits.replace("-", MINUS, 1)
