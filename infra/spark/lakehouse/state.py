"""What a run that was stopped has done already, in a folder.

Which tables are written says the catalog; the folder has what it cannot say: the objects of the run and what became of them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class State:
    """The folder of a branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def covered(self) -> Path:
        """The objects of the run with their outcomes, for `reactor adopt`."""
        return self.folder / "covered.jsonl"

    def objects(self) -> list[dict[str, Any]] | None:
        """The objects of the run; none before it has begun."""
        file = self.folder / "objects.json"
        return json.loads(file.read_text()) if file.exists() else None

    def begin(self, objects: list[dict[str, Any]], selection: list[str]) -> None:
        """Keeps the objects and what they were selected by, and nothing of an earlier run."""
        for file in self.folder.iterdir():
            file.unlink()
        self._write("selection.json", json.dumps(selection))
        self._write("objects.json", json.dumps(objects))

    def selection(self) -> list[str]:
        """What the objects were selected by."""
        return json.loads((self.folder / "selection.json").read_text())

    def outcomes(self, dataset: str) -> dict[str, Any] | None:
        """What became of a dataset's objects, by event; none before they were read."""
        file = self.folder / self._name(dataset)
        return json.loads(file.read_text()) if file.exists() else None

    def keep(self, dataset: str, outcomes: dict[str, Any]) -> None:
        """Keeps what became of a dataset's objects."""
        self._write(self._name(dataset), json.dumps(outcomes))

    def cover(self, objects: list[dict[str, Any]]) -> None:
        """Writes the file for `reactor adopt`."""
        self._write("covered.jsonl", "".join(json.dumps(o) + "\n" for o in objects))

    def end(self) -> None:
        """Removes the folder's files."""
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    @staticmethod
    def _name(dataset: str) -> str:
        return f"outcomes-{dataset.replace('/', '-')}.json"

    def _write(self, name: str, text: str) -> None:
        """Writes a file whole or not at all: the run may be killed at any time."""
        part = self.folder / f".{name}"
        part.write_text(text)
        os.replace(part, self.folder / name)
