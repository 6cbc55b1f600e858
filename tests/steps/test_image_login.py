"""How the image's commands log in: through a helper that docker's configuration names, without a secret on disk."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
from typing import TYPE_CHECKING

import images
from tagseal.steps.shell import login

if TYPE_CHECKING:
    from pathlib import Path

    from stage import Stage


def asked(released: Stage, folder: Path, **environ: str) -> dict[str, str]:
    """Return what the helper says, asked as docker's own tools ask it, and hold that the folder keeps no secret."""
    services = released.services(run=None)
    services = dataclasses.replace(services, environ={**services.environ, **environ})
    variables = login.inside(folder, services)
    config = json.loads((folder / "config.json").read_text())
    (helper,) = set(config["credHelpers"].values())
    done = subprocess.run(
        [folder / f"docker-credential-{helper}", "get"],
        input=b"ghcr.io",
        env=variables,
        capture_output=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    assert not [path for path in folder.iterdir() if found["Secret"] in path.read_text()]
    return found


def test_the_jobs_token_logs_in(released: Stage, tmp_path: Path) -> None:
    """At GHCR no other login is needed."""
    released.with_image(images.layout(tmp_path / "layout"))
    found = asked(released, tmp_path / "login")
    assert (found["ServerURL"], found["Secret"][:4]) == ("ghcr.io", "ghs_")


def test_a_secret_may_have_any_letters(released: Stage, tmp_path: Path) -> None:
    """What a shell or JSON would read otherwise comes out as it went in."""
    released.with_image(images.layout(tmp_path / "layout"))
    odd = "a'b\"c$(id) \\ ü"
    found = asked(released, tmp_path / "login", TAGSEAL_REGISTRY_USER="o'cto", TAGSEAL_REGISTRY_PASSWORD=odd)
    assert (found["Username"], found["Secret"]) == ("o'cto", odd)


def test_an_identity_token_is_told_as_one(released: Stage, tmp_path: Path) -> None:
    """As `az acr login` leaves it: by the user's name that helpers have for it."""
    released.with_image(images.layout(tmp_path / "layout"))
    docker = tmp_path / "docker"
    docker.mkdir()
    auth = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    entry = {"auth": auth, "identitytoken": "refresh"}
    (docker / "config.json").write_text(json.dumps({"auths": {"ghcr.io": entry}}))
    found = asked(released, tmp_path / "login", DOCKER_CONFIG=str(docker), GITHUB_TOKEN="", GH_TOKEN="")
    assert (found["Username"], found["Secret"]) == ("<token>", "refresh")
