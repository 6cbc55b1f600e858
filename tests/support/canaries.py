"""Secrets that look real, planted wherever a person has some, and found again in whichever spelling."""

from __future__ import annotations

import base64
import io
import secrets
import tarfile
import zipfile
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from widget import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARIABLES = (
    *("GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_PAT", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    *("ACTIONS_RUNTIME_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("TWINE_PASSWORD", "UV_PUBLISH_TOKEN", "PYPI_TOKEN", "HATCH_INDEX_AUTH", "FLIT_PASSWORD", "SIGSTORE_ID_TOKEN"),
    *("COSIGN_PASSWORD", "NPM_TOKEN", "LC_DEPLOY_TOKEN", "PIP_PASSWORD", "UV_INDEX_WORK_PASSWORD"),
)


class Canaries:
    """One run's secrets, by where they are planted."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def new(self, place: str) -> str:
        """Return a secret of its own for this place; its characters are not the same in every spelling."""
        return self.planted.setdefault(place, f"c4nary{secrets.token_hex(9)}/{secrets.token_hex(6)}+Z~x")

    def word(self, place: str) -> str:
        """Return a secret of letters and digits, for a place where others would have to be spelled otherwise."""
        return self.planted.setdefault(place, f"c4nary{secrets.token_hex(18)}")

    def environ(self, home: Path) -> dict[str, str]:
        """Return a person's environment, in a job that rehearses: tokens, and variables that lead to more."""
        paths = {
            "HOME": home,
            "SSH_AUTH_SOCK": home / self.word("SSH_AUTH_SOCK"),
            "DOCKER_CONFIG": home / f".docker-{self.word('DOCKER_CONFIG')}",
            "NETRC": home / ".netrc",
            "GH_CONFIG_DIR": home / ".config/gh",
            "XDG_CONFIG_HOME": home / ".config",
            "XDG_DATA_HOME": home / ".local/share",
            "GIT_CONFIG_GLOBAL": home / ".gitconfig",
            "GIT_TEMPLATE_DIR": home / "template",
            "GOOGLE_APPLICATION_CREDENTIALS": home / f"{self.word('GOOGLE_APPLICATION_CREDENTIALS')}.json",
        }
        return {
            **{name: self.new(name) for name in VARIABLES},
            **{name: str(path) for name, path in paths.items()},
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://pipelines.example.invalid/{self.word('ID_TOKEN_URL')}?api-version=2.0",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REF": "refs/heads/main",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {self.word('GIT_CONFIG_VALUE_0')}",
        }

    def fill(self, home: Path) -> None:
        """Write what tools keep in a person's home."""
        docker = f'{{"auths": {{"ghcr.io": {{"auth": "{self.word("docker config")}"}}}}}}'
        write(
            home,
            {
                ".netrc": f"default login octo password {self.word('netrc')}\n",
                ".gitconfig": self._gitconfig(home),
                ".git-credentials": f"https://octo:{self.word('git-credentials')}@github.com\n",
                ".config/gh/hosts.yml": f"github.com:\n  user: octo\n  oauth_token: {self.word('gh')}\n",
                ".docker/config.json": docker,
                f".docker-{self.word('DOCKER_CONFIG')}/config.json": docker,
                ".pypirc": f"[pypi]\nusername = __token__\npassword = {self.new('pypirc')}\n",
                ".aws/credentials": f"[default]\naws_secret_access_key = {self.new('aws')}\n",
                ".local/share/python_keyring/keyring_pass.cfg": f"[pypi]\nocto = {self.word('keyring')}\n",
                ".config/python_keyring/keyringrc.cfg": "[backend]\ndefault-keyring=keyrings.alt.file\n",
                ".ssh/id_ed25519": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{self.word('ssh')}\n",
            },
        )
        (home / ".netrc").chmod(0o600)

    def _gitconfig(self, home: Path) -> str:
        header = base64.b64encode(f"x-access-token:{self.word('gitconfig header')}".encode()).decode()
        return (
            f"[user]\nname = Octo\nemail = {self.word('mail')}@example.invalid\n"
            f'[credential]\nhelper = "!echo password={self.word("credential helper")}"\n'
            f'[url "https://octo:{self.word("insteadOf")}@github.com/"]\ninsteadOf = https://github.com/\n'
            f'[http "https://github.com/"]\nextraheader = AUTHORIZATION: basic {header}\n'
            f"[core]\nhooksPath = {home}/template/hooks\n[init]\ntemplateDir = {home}/template\n"
            "[commit]\ngpgSign = true\n[tag]\ngpgSign = true\n[log]\nshowSignature = true\n"
            f'[gpg]\nprogram = {home}/template/hooks/gpg\n[filter "person"]\n'
            f"clean = {home}/template/hooks/filter\nsmudge = {home}/template/hooks/filter\nrequired = true\n"
            f"[uploadpack]\npackObjectsHook = {home}/template/hooks/pack\n"
        )

    @cached_property
    def _spellings(self) -> dict[bytes, str]:
        return {spelling: place for place, text in self.planted.items() for spelling in spellings(text.encode())}

    def found(self, content: bytes) -> set[str]:
        """Return the places whose secrets are in there, whatever the spelling."""
        folded = content.lower()
        return {place for one, place in self._spellings.items() if one in content or one in folded}


def spellings(secret: bytes) -> Iterator[bytes]:
    """Yield the secret as it is, reversed, and as others would encode it, at any offset."""
    for text in (secret, secret[::-1]):
        yield text
        yield text.hex().encode()
        yield quote(text, safe="").encode()
        yield quote(text, safe="").lower().encode()
        yield "".join(f"%{byte:02x}" for byte in text).encode()
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for offset in range(3):
                first, last = -(-8 * offset // 6), 8 * (offset + len(text)) // 6
                yield encode(bytes(offset) + text)[first:last]


def opened(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield a file's bytes, and those of its members if it is an archive."""
    content = path.read_bytes()
    yield path.name, content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((f"{path.name}!{name}", archive.read(name)) for name in archive.namelist())
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(content)) as sdist:
            for member in sdist.getmembers():
                if file := sdist.extractfile(member):
                    yield f"{path.name}!{member.name}", file.read()


def everything(folder: Path) -> dict[str, bytes]:
    """Return every file below the folder by name, archives opened."""
    return {
        f"{path.parent.relative_to(folder)}/{name}": content
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
        for name, content in opened(path)
    }
