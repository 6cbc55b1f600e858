"""Write the folders of `tests/assets/verify` anew: `python tests/verify_cases.py`.

Every run makes fresh keys and throws them away, so nobody, we included, can sign for the corpus afterwards.
What is trusted, and what is signed, is made in one go: never keep a folder of an earlier run.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from forging import cases
from forging.case import CASES
from forging.release import Workshop

CORPUS = Path(__file__).parents[1] / "assets" / "verify"


def main() -> None:
    """Take the old folders away, and write the new ones."""
    shop = Workshop()
    for folder in (path for path in CORPUS.iterdir() if path.is_dir()):
        shutil.rmtree(folder)
    for name, document in (("trusted_root.json", shop.trusted_root()), ("trust.json", shop.trust_config())):
        (CORPUS / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for case in CASES:
        folder = CORPUS / case.name
        folder.mkdir(parents=True)
        for name, content in case.files(shop).items():
            (folder / name).write_bytes(content)
    sys.stdout.write(f"{len(CASES)} cases of {len(cases.__all__)} kinds\n")


if __name__ == "__main__":
    main()
