"""`python -m persona`: the same run from a terminal."""

import sys

if __name__ == "__main__":
    try:
        from persona.triggers.terminal import main
    except ModuleNotFoundError as error:
        sys.exit(
            f"expected the packages of requirements.txt, got none called {error.name}; run the Python that "
            "they were installed for: .venv/bin/python -m persona"
        )
    main(prog_name="python -m persona")
