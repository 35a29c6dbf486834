"""`python -m persona`: the same run from a terminal."""

from persona.triggers.terminal import main

if __name__ == "__main__":
    main(prog_name="python -m persona")
