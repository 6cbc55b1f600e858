"""Sign one file as several foreign identities: a child of the rehearsal, inside the loopback.

``python -P -m tagseal.rehearsal.attacks.child TRUST_CONFIG SHA256``, with ``{"name": "identity token", …}`` on standard
input, gives ``{"name": "bundle", …}`` on standard output. One process for all of them: most of its time is imports.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tagseal.machine.threads import side_by_side
from tagseal.services.sigstore import Sigstore


def main(trust_config: str, sha256: str) -> None:
    """Sign the digest with every token."""
    service = Sigstore(origin="the loopback", document=Path(trust_config).read_text(encoding="utf-8"))
    bundles: dict[str, str] = {}

    def sign(attacker: tuple[str, str]) -> None:
        name, token = attacker
        service.sign({name: sha256}, lambda: token, lambda signed, bundle: bundles.update({signed: bundle.decode()}))

    tokens: dict[str, str] = json.load(sys.stdin)
    side_by_side(sign, tokens.items(), len(tokens))
    json.dump(bundles, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
