"""`python -m peers.iceberg --catalog FILE --folder FOLDER`."""

from __future__ import annotations

from ..serve import serve
from ..settings import from_arguments
from .pipeline import Pipeline

if __name__ == "__main__":
    settings = from_arguments("peers.iceberg")
    serve(lambda: Pipeline(settings))
