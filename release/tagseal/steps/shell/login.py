"""How the image's commands log in at its registry: through a credential helper, so that no secret is on disk.

Before the first push is made public, nobody pulls it without a login; a stranger in ``witness`` has none.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from tagseal.names import quote_word
from tagseal.services.images.registry.credentials import PASSWORD, USER, credentials
from tagseal.steps.shell.instructions import path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.steps import Services

_HELPER = "tagseal"
_TOKEN = "<token>"  # noqa: S105 - the user's name by which helpers say that the secret is an identity token
_PROGRAM = (
    "import json, os, sys; host = sys.stdin.read().strip(); "
    f"print(json.dumps({{'ServerURL': host, 'Username': os.environ['{USER}'], 'Secret': os.environ['{PASSWORD}']}}))"
)


def inside(folder: Path, services: Services) -> Mapping[str, str]:
    """Fill a folder with docker's configuration, and return the variables by which its readers log in.

    The configuration names a helper, and the helper reads two variables: ``docker-credential-helpers``, protocol of
    ``get``. Empty where no credentials are known.
    """
    image = services.settings.image
    host = image.name.partition("/")[0] if image else ""
    known = credentials(services.environ, host)
    if known is None:
        return {}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"credHelpers": {host: _HELPER}}), encoding="utf-8")
    helper = folder / f"docker-credential-{_HELPER}"
    helper.write_text(f"#!/bin/sh\nexec {quote_word(sys.executable)} -P -c {quote_word(_PROGRAM)}\n", encoding="utf-8")
    helper.chmod(0o700)
    return {
        "DOCKER_CONFIG": str(folder),
        "PATH": os.pathsep.join([str(folder), path(services.environ)]),
        USER: _TOKEN if known.identity else known.user,
        PASSWORD: known.secret,
    }
