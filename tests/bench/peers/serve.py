"""How the bench talks to a peer: a JSON object a line, commands on standard input, answers on standard output.

    {"do": "rebuild"}                       all of bronze
    {"do": "increment", "keys": [...]}      these objects, which are new
    {"do": "catch up"}                      the objects that no row came from
    {"do": "watch", "day": "2026-11-24"}    what comes from now on, an answer for each batch, until {"do": "stop"}

Each answer holds the keys (but a rebuild's), and the moments of the last commits to silver and to gold in microseconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import Any, Protocol


class Peer(Protocol):
    """What a peer can do. Each returns the moment at which silver was committed; gold is when the call returns."""

    def rebuild(self) -> float:
        """All tables from all of bronze."""

    def increment(self, keys: list[str]) -> float:
        """Silver and gold, brought to these new objects."""

    def missing(self) -> list[str]:
        """The keys of the objects that no row came from."""

    def watch(self, day: str, increment: Callable[[list[str]], None], ready: Callable[[], None], stop: Event) -> None:
        """Calls increment with what is new in the folder of an ingest date; ready once what is there from before is known."""


def micros(moment: float) -> int:
    """Microseconds since 1970."""
    return int(moment * 1e6)


class Answers:
    """The bench's end of standard output. Whatever else prints there (a JVM does) goes to standard error."""

    def __init__(self) -> None:
        """Takes standard output over."""
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def send(self, **answer: Any) -> None:
        """Prints one answer."""
        self.out.write(json.dumps(answer) + "\n")


def commands() -> Iterable[dict[str, Any]]:
    """The commands, until the bench closes its end."""
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def serve(make: Callable[[], Peer]) -> None:
    """Obeys until the input ends. A failure ends the program, with its trace on standard error."""
    answers = Answers()
    peer = make()
    answers.send(ready=True)

    def increment(keys: list[str]) -> None:
        silver = peer.increment(keys)
        answers.send(keys=keys, silver_us=micros(silver), gold_us=micros(time.time()))

    every = iter(commands())
    for command in every:
        match command["do"]:
            case "rebuild":
                silver = peer.rebuild()
                answers.send(silver_us=micros(silver), gold_us=micros(time.time()))
            case "increment":
                increment(command["keys"])
            case "catch up":
                missing = peer.missing()
                if missing:
                    increment(missing)
                else:
                    answers.send(keys=[], silver_us=micros(time.time()), gold_us=micros(time.time()))
            case "watch":
                watch(peer, command["day"], increment, answers, every)
            case other:
                raise ValueError(f"there is no command {other!r}")


def watch(
    peer: Peer, day: str, increment: Callable[[list[str]], None], answers: Answers, every: Iterable[dict[str, Any]]
) -> None:
    """Lets the peer watch bronze until the next command, whatever it is, or the input's end."""
    stop = Event()
    Thread(target=lambda: (next(iter(every), None), stop.set()), daemon=True).start()
    peer.watch(day, increment, lambda: answers.send(watching=True), stop)
    answers.send(stopped=True)
