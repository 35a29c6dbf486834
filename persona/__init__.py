"""Turns a Segment space into a cross-channel persona framework; `pipeline` shows the whole run on a page.

triggers    HTTP, Pub/Sub, a terminal: to a request, and the report back
pipeline    the order of the run
write       JSON, Markdown, HTML, the run's report
mave        the message, the paid calls, lost answers found again, the words without Mave
check       the answer's sections and figures
fetch       one file a source
summarize   counts to the figures that may leave the function; what has changed
classify    people to patterns
storage     gs:// or a folder: read, create, compare-and-swap; one run's folder
net         the free session and the paid one
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line is what an older Python meets first
    sys.exit(
        "expected Python 3.11 or newer, got {}.{}; name a newer one, such as python3.12, "
        "in the place of python3".format(*sys.version_info)
    )
