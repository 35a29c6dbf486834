"""Turns a Segment space into a cross-channel persona framework; `pipeline` is the whole run on a page."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line is what an older Python meets first
    sys.exit(
        "expected Python 3.11 or newer, got {}.{}; name a newer one, such as python3.12, "
        "in the place of python3".format(*sys.version_info)
    )
