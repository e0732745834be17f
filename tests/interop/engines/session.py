"""Runs a block of docs/interop.md as it stands, and then answers the test's calls with what the block has made.

A call is a line of JSON, {"call": name, "with": {…}}; the answer is a line too, {"answer": …} or {"error": …}. What the block
and the engine print goes to standard error, which the test keeps.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def answers() -> Any:
    """Keeps standard output for answers alone: engines print on it, from native code too."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", buffering=1)


def main() -> None:
    """Serves until standard input ends."""
    engine, block = sys.argv[1:3]
    out = answers()

    def say(**line: Any) -> None:
        out.write(json.dumps(line) + "\n")

    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(Path(block).read_text(), block, "exec"), names)
        calls = importlib.import_module(f"engines.{engine}").Engine(names)
    except BaseException as failure:
        traceback.print_exc()
        say(error=f"{type(failure).__name__}: {failure}")
        return
    say(answer="ready")
    for line in sys.stdin:
        call = json.loads(line)
        try:
            say(answer=getattr(calls, call["call"])(**call.get("with", {})))
        except Exception as failure:
            traceback.print_exc()
            say(error=f"{type(failure).__name__}: {failure}")


main()
