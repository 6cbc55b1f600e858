"""The loopback's TUF repository: python-tuf's client, sigstore's and cosign's learn the loopback's keys from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore.models import ClientTrustConfig
from tuf.api.exceptions import RepositoryError
from tuf.ngclient.updater import Updater

from played import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.actions import Issuer, environment
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore import PlayedSigstore, trust
from tagseal.loopback.sigstore.tuf import TUF, Tuf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDENTITY = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1"
SIGSTORE = (sys.executable, "-m", "sigstore", "--trust-config")
VERIFY = (
    *("cosign", "verify-blob", "--bundle", "widget.whl.sigstore.json", "--certificate-identity", IDENTITY),
    *("--certificate-oidc-issuer", "https://token.actions.githubusercontent.com", "widget.whl"),
)
NEEDS_COSIGN = pytest.mark.skipif(
    shutil.which("cosign") is None, reason="cosign is not installed: go install …/cosign/v3/cmd/cosign@v3.1.3"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A repository, whom it speaks of, and where it is served without a door."""

    sigstore: PlayedSigstore
    tuf: Tuf
    url: str


@pytest.fixture
def played() -> Iterator[Played]:
    sigstore = PlayedSigstore(Issuer())
    tuf = Tuf(sigstore)
    server = Server(tuf)
    host, port = server.address
    yield Played(sigstore=sigstore, tuf=tuf, url=f"http://{host}:{port}")
    server.close()


def updater(played: Played, folder: Path, root: bytes) -> Updater:
    """Return python-tuf's client, with this root to begin from."""
    for name in ("metadata", "targets"):
        (folder / name).mkdir()
    return Updater(
        metadata_dir=str(folder / "metadata"),
        metadata_base_url=played.url,
        target_dir=str(folder / "targets"),
        target_base_url=f"{played.url}/targets/",
        bootstrap=root,
    )


def test_python_tuf_reads_every_target(played: Played, tmp_path: Path) -> None:
    """From the first root on, the reference client verifies all roles and each target's digest."""
    client = updater(played, tmp_path, played.tuf.root)
    client.refresh()
    found = {}
    for name in ("trusted_root.json", "signing_config.v0.2.json", "rekor.pub", "ctfe_2022.pub"):
        target = client.get_targetinfo(name)
        assert target is not None
        client.download_target(target, str(tmp_path / name))
        found[name] = (tmp_path / name).read_bytes()
    assert json.loads(found["trusted_root.json"]) == trust.trusted_root(played.sigstore)
    assert json.loads(found["signing_config.v0.2.json"]) == trust.signing_config(played.sigstore)
    for name, key in (
        ("rekor.pub", played.sigstore.rekor.log.public_key),
        ("ctfe_2022.pub", played.sigstore.fulcio.log_key),
    ):
        assert found[name] == key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_keys_are_found_by_their_usage(played: Played, tmp_path: Path) -> None:
    """What older clients look for stands in the targets' custom metadata, as in production."""
    client = updater(played, tmp_path, played.tuf.root)
    names = ("fulcio_v1.crt.pem", "fulcio_intermediate_v1.crt.pem", "ctfe_2022.pub", "rekor.pub")
    targets = [client.get_targetinfo(name) for name in names]
    told = [target.unrecognized_fields["custom"]["sigstore"] for target in targets if target]
    assert [(one["usage"], one["status"]) for one in told] == [
        ("Fulcio", "Active"),
        ("Fulcio", "Active"),
        ("CTFE", "Active"),
        ("Rekor", "Active"),
    ]


def test_another_root_does_not_vouch(played: Played, tmp_path: Path) -> None:
    """A client that was given other keys, such as production's, refuses what is served here."""
    client = updater(played, tmp_path, Tuf(played.sigstore).root)
    with pytest.raises(RepositoryError, match="timestamp was signed by 0/1 keys"):
        client.refresh()


def test_sigstore_reads_its_trust(played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sigstore-python learns the authorities and the signing configuration from here."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "root.json").write_bytes(played.tuf.root)
    found = ClientTrustConfig.from_tuf(played.url, bootstrap_root=tmp_path / "root.json")
    assert list(found.trusted_root.get_fulcio_certs()) == played.sigstore.fulcio.chain
    assert found.signing_config.get_oidc_url() == trust.OIDC


@pytest.mark.interop
@NEEDS_COSIGN
def test_cosign_initializes_and_verifies(tmp_path: Path) -> None:
    """`cosign initialize` takes the played trust; then cosign verifies a bundle without a flag for it.

    Under the production mirror's own spelling cosign believes the root that it was built with and no other.
    """
    (tmp_path / "widget.whl").write_bytes(b"a wheel")
    with Loopback(folder=tmp_path / "loopback") as loopback:
        granted = loopback.tokens.grant(RUN)
        job = environment(
            RUN, token="", oidc_url=loopback.oidc_url, oidc_token=granted, workspace=tmp_path, temp=tmp_path
        )
        cache = tmp_path / "tuf"
        person = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TUF_ROOT": str(cache)}
        environ = {**person, **loopback.environment(), **job}

        def passes(*command: str) -> str:
            done = subprocess.run(
                command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return done.stdout + done.stderr

        root = str(tmp_path / "loopback" / "root.json")
        passes("cosign", "initialize", "--mirror", TUF, "--root", root)
        kept = next(cache.glob("*/targets/*trusted_root.json"))
        assert json.loads(kept.read_bytes()) == trust.trusted_root(loopback.sigstore)

        passes("cosign", "initialize", "--mirror", f"{TUF}/", "--root", root)
        passes(*SIGSTORE, environ["TAGSEAL_TRUST_CONFIG"], "sign", "widget.whl")
        assert "Verified OK" in passes(*VERIFY)
