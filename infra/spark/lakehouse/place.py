"""Where the lake is: the variables that are set, or else those of the stack that runs in the same home."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

# Whose variable each is: the reactor's programs write, and only the owner's token may write through the REST catalog.
ROLES = {
    "MILLRACE_S3_ENDPOINT": "reactor",
    "MILLRACE_S3_ACCESS_KEY": "reactor",
    "MILLRACE_S3_SECRET_KEY": "reactor",
    "MILLRACE_S3_REGION": "reactor",
    "MILLRACE_BUCKET": "reactor",
    "MILLRACE_CATALOG": "reactor",
    "MILLRACE_HOME": "reactor",
    "MILLRACE_ICEBERG_URI": "owner",
    "MILLRACE_ICEBERG_TOKEN": "owner",
}
NEEDED = ("MILLRACE_S3_ENDPOINT", "MILLRACE_ICEBERG_URI", "MILLRACE_ICEBERG_TOKEN")


def find(stack: Path) -> None:
    """Sets what is missing in the environment: a scheduler's has no credentials."""
    if all(name in os.environ for name in NEEDED):
        return
    may_write = os.environ.get("MILLRACE_S3_ACCESS_KEY", "owner") in ("owner", "reactor")  # no analyst becomes an owner
    if may_write and stack.exists():
        exports = {role: variables(stack, role) for role in set(ROLES.values())}
        for name, role in ROLES.items():
            if name in exports[role]:
                os.environ.setdefault(name, exports[role][name])
    missing = [name for name in NEEDED if name not in os.environ]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)} is not set, and no stack says it: start one, name its folder by MILLRACE_HOME, "
            'or run eval "$(.bin/stack env --role owner)"'
        )


def variables(stack: Path, role: str) -> dict[str, str]:
    """What `stack env` exports for a role; nothing where no stack ever ran."""
    done = subprocess.run([str(stack), "env", "--role", role], stdout=subprocess.PIPE, text=True, check=False)
    words = shlex.split(done.stdout, comments=True) if done.returncode == 0 else []
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}
