"""`python -m peers.duck --catalog FILE --folder FOLDER`."""

from __future__ import annotations

import gc
import sys

from ..serve import serve
from ..settings import from_arguments
from .pipeline import Pipeline

if __name__ == "__main__":
    # Imports and columns make no cycles worth looking for, and looking takes a tenth of a short run.
    gc.disable()
    # While one thread imports, others wait for each turn: 5 ms for a step of a GET is most of its time.
    sys.setswitchinterval(0.0002)
    settings = from_arguments("peers.duck")
    serve(lambda: Pipeline(settings))
