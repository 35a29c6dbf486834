"""`python -m persona`: the same run from a terminal."""

import signal
import sys
from types import FrameType
from typing import NoReturn


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit("stopped: nothing was begun")


if __name__ == "__main__":
    # Until there is anything to tell: what is imported takes a moment.
    signal.signal(signal.SIGINT, _stop)

    try:
        from persona.triggers.terminal import main
    except ModuleNotFoundError as error:
        sys.exit(
            f"expected the packages of requirements.txt, got none called {error.name}; run the Python that "
            "they were installed for: .venv/bin/python -m persona"
        )
    main(prog_name="python -m persona")
