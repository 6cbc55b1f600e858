"""Import modules, each by name, and write what became of it: run by the Python of a fresh environment, as a script.

What a module prints goes nowhere, and one that ends the process leaves no line.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path


def main(out: str, names: list[str]) -> None:
    """Import each module; write a JSON line for each, behind a first one that says that this began."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    with Path(out).open("w", encoding="utf-8") as file:
        for name in names:
            missing = problem = ""
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                missing, problem = error.name or "", f"ModuleNotFoundError: {error}"
            except BaseException as error:  # noqa: BLE001 - SystemExit is an answer as well
                problem = f"{type(error).__name__}: {error}"
            file.write(json.dumps({"name": name, "problem": problem[:500], "missing": missing[:100]}) + "\n")
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
