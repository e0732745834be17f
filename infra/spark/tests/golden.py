"""The models that ship, in Spark's words, as somebody has looked at them. `python -m tests.golden` writes them anew."""

from pathlib import Path

from lakehouse.gold import translated
from lakehouse.reactor import Lakehouse, Reactor

FOLDER = Path(__file__).parent / "golden"
PROGRAM = Path(__file__).parents[3] / ".bin" / "reactor"


def lake() -> Lakehouse:
    """What the program describes, without a lake."""
    return Reactor(PROGRAM, None).schema()


if __name__ == "__main__":
    for name, text in translated(lake())[0].items():
        (FOLDER / f"{name}.sql").write_text(text)
