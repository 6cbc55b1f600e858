"""Stand-ins for tools that this machine lacks: each does the one documented call of the notes, and nothing else.

Run by a shim: ``python -P -m tagseal.rehearsal.tools.standins TOOL TRUSTED_ROOT ARGUMENTS…``. The words of a failure
are the real tool's, because the attacks judge them. A stand-in never runs in production.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.names import safe_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.x509 import Certificate
    from sigstore.verify.policy import VerificationPolicy

    from tagseal.services.images.registry import Registry

VERSION = "stand-in"


def main(argv: Sequence[str]) -> int:
    """Run one stand-in; return its exit code."""
    name, trusted_root, *arguments = argv
    tools: dict[str, Callable[[Path, Sequence[str]], int]] = {
        "gh": _gh,
        "cosign": _cosign,
        "curl": _curl,
        "sha256sum": _sha256sum,
        "crane": _crane,
    }
    if arguments[:1] in (["--version"], ["version"]):
        sys.stdout.write(f"{name} {VERSION}\n")
        return 0
    try:
        return tools[name](Path(trusted_root), arguments)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}")
    except TagsealError as error:
        return _complain(error.what)


def _gh(_: Path, arguments: Sequence[str]) -> int:
    """``gh release download TAG --repo OWNER/REPO --pattern NAME…``, of a draft as well."""
    from tagseal.services.github import GitHub  # noqa: PLC0415 - this tool only
    from tagseal.services.retry import Retry  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
    parser.add_argument("words", nargs=2, metavar="release download")
    parser.add_argument("tag")
    parser.add_argument("--repo", "-R", required=True)
    parser.add_argument("--pattern", "-p", action="append", default=[])
    parser.add_argument("--skip-existing", action="store_true")
    options = parser.parse_args(arguments)
    github = GitHub.from_environ(os.environ, Retry(patience=0))  # the real one tries once
    release = next(iter(github.of_tag(options.repo, options.tag)), None)
    if release is None:
        return _complain("release not found")
    patterns = options.pattern or ["*"]
    wanted = [
        asset for asset in release.assets if any(fnmatch.fnmatchcase(asset.name, pattern) for pattern in patterns)
    ]
    if not wanted:
        return _complain("no assets match the file pattern")
    for asset in wanted:
        if Path(asset.name).exists():
            if options.skip_existing:
                continue
            return _complain(f"{asset.name} already exists (use `--clobber` to overwrite file)")
        github.download(options.repo, asset, Path(asset.name))
    return 0


def _cosign(trusted_root: Path, arguments: Sequence[str]) -> int:
    """``cosign verify-blob --bundle FILE --certificate-identity … --certificate-oidc-issuer … FILE``."""
    from sigstore.errors import Error  # noqa: PLC0415 - this tool only
    from sigstore.models import Bundle, TrustedRoot  # noqa: PLC0415
    from sigstore.verify import Verifier  # noqa: PLC0415

    if arguments[:1] == ["verify"]:
        return _cosign_image(trusted_root, arguments[1:])
    parser = argparse.ArgumentParser(prog="cosign", allow_abbrev=False)
    parser.add_argument("verb", choices=["verify-blob"])
    parser.add_argument("--bundle", required=True, type=Path)
    parser.add_argument("--new-bundle-format", action="store_true")
    parser.add_argument("--trusted-root", type=Path, default=trusted_root)
    parser.add_argument("file", type=Path)
    options = _signer_options(parser, arguments)
    identity = _signer(options)
    try:
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(options.trusted_root)))
    except ValueError as error:
        return _complain(f"loading trusted root: {error}")
    bundle = Bundle.from_json(options.bundle.read_bytes())
    try:
        identity.verify(bundle.signing_certificate)
    except Error as error:
        return _complain(f"no matching CertificateIdentity found, last error: {error}")
    try:
        verifier.verify_artifact(options.file.read_bytes(), bundle, identity)
    except Error as error:
        return _complain(
            f"failed to verify signature: invalid signature when validating ASN.1 encoded signature: {error}"
        )
    sys.stderr.write("Verified OK\n")
    return 0


def _cosign_image(trusted_root: Path, arguments: Sequence[str]) -> int:
    """``cosign verify IMAGE --certificate-identity … --certificate-oidc-issuer …``, of a tag or a digest."""
    from sigstore.models import TrustedRoot  # noqa: PLC0415 - this tool only

    from tagseal.verification.images import attached, promise, simplesigning  # noqa: PLC0415
    from tagseal.verification.timestamps import VerifierWithRoot  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="cosign verify", allow_abbrev=False)
    parser.add_argument("image")
    options = _signer_options(parser, arguments)
    name, registry = _registry(options.image)
    sha256 = _resolve(options.image, registry) or ""
    found = registry.manifest(simplesigning.signature_tag(sha256)) if sha256 else None
    identity = _signer(options)
    root = TrustedRoot.from_file(str(trusted_root))
    payload = simplesigning.payload(name, sha256)
    outcomes = [
        promise.verify_layer(payload, each.annotations, name, sha256, identity, root)
        for each in (simplesigning.list_signatures(found.content) if found else ())
    ]
    for each in registry.referrers(sha256, attached.BUNDLE) if sha256 else ():
        manifest = registry.manifest(f"sha256:{each.sha256}")
        for digest, size in attached.bundles(manifest.content) if manifest else ():
            bundle = registry.blob(digest, size)
            outcomes.append(attached.verify_attached(bundle, name, sha256, identity, VerifierWithRoot(root)))
    if not outcomes:
        return _complain("no signatures found")
    if any(outcome.verdict.ok for outcome in outcomes):
        sys.stdout.write(f"[{payload.decode()}]\n")
        return 0
    said = [outcome.verdict.detail for outcome in outcomes]
    return _complain(f"no matching signatures: no matching CertificateIdentity found, last error: {'; '.join(said)}")


_REPOSITORY, _COMMIT = "certificate_github_workflow_repository", "certificate_github_workflow_sha"


def _signer_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Add cosign's options about who signed, and parse; the last two may be left out."""
    for name in ("certificate_identity", "certificate_oidc_issuer", _REPOSITORY, _COMMIT):
        required = name not in {_REPOSITORY, _COMMIT}
        parser.add_argument(f"--{name.replace('_', '-')}", required=required, default="")
    return parser.parse_args(arguments)


def _signer(options: argparse.Namespace) -> VerificationPolicy:
    """Return what the options ask of a certificate."""
    from sigstore.verify import policy  # noqa: PLC0415 - this tool only

    repository, commit = getattr(options, _REPOSITORY), getattr(options, _COMMIT)
    source = [
        _Source("GithubWorkflowRepository", repository, policy.GitHubWorkflowRepository(repository)),
        _Source("GithubWorkflowSHA", commit, policy.GitHubWorkflowSHA(commit)),
    ]
    signer = policy.Identity(identity=options.certificate_identity, issuer=options.certificate_oidc_issuer)
    return policy.AllOf([signer, *(one for one in source if one.value)])


@dataclass(frozen=True)
class _Source:
    """One thing that a certificate says of its source, refused in cosign's words (sigstore-go, ``summarize.go``)."""

    field: str
    value: str
    compared: VerificationPolicy

    def verify(self, cert: Certificate) -> None:
        from sigstore.errors import VerificationError  # noqa: PLC0415 - this tool only

        try:
            self.compared.verify(cert)
        except VerificationError as error:
            raise VerificationError(f'expected {self.field} to be "{self.value}": {error}') from error


def _crane(_: Path, arguments: Sequence[str]) -> int:
    """``crane digest IMAGE:TAG``."""
    if arguments[:1] != ["digest"] or len(arguments) != 2:  # noqa: PLR2004 - the verb and the image
        return _complain(f"unknown command: {' '.join(arguments)}")
    registry = _registry(arguments[1])[1]
    sha256 = _resolve(arguments[1], registry)
    if sha256 is None:
        return _complain(f"fetching {arguments[1]}: MANIFEST_UNKNOWN")
    sys.stdout.write(f"sha256:{sha256}\n")
    return 0


def _registry(image: str) -> tuple[str, Registry]:
    """Return an image's name, and its registry as docker's configuration logs in there."""
    from tagseal.services.images.registry import Registry  # noqa: PLC0415 - these tools only
    from tagseal.services.images.registry.credentials import credentials  # noqa: PLC0415

    name = image.partition("@")[0]
    name = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    host, repository = safe_image(name)
    return name, Registry(host, repository, credentials(os.environ, host))


def _resolve(image: str, registry: Registry) -> str | None:
    """Return the digest that an image's name stands for, hexadecimal."""
    _, at, digest = image.partition("@sha256:")
    return digest if at else registry.resolve(image.rpartition(":")[2])


def _curl(_: Path, arguments: Sequence[str]) -> int:
    """``curl --fail --location --remote-name URL…``."""
    import requests  # noqa: PLC0415 - this tool only

    code = 0
    for url in (argument for argument in arguments if argument.startswith("https://")):
        with requests.get(url, stream=True, timeout=60) as answer:
            if not answer.ok:
                code = _complain(f"(22) The requested URL returned error: {answer.status_code}", 22)
                continue
            with Path(url.rpartition("/")[2]).open("wb") as file:
                file.writelines(answer.iter_content(1 << 20))
    return code


def _sha256sum(_: Path, arguments: Sequence[str]) -> int:
    """``sha256sum --check FILE``, and ``--ignore-missing``."""
    listing = Path(next(argument for argument in arguments if not argument.startswith("-")))
    verdicts = []
    for line in listing.read_text(encoding="utf-8").splitlines():
        expected, name = line.split("  ", 1)
        if "--ignore-missing" in arguments and not Path(name).exists():
            continue
        with Path(name).open("rb") as file:
            verdicts.append(hashlib.file_digest(file, "sha256").hexdigest() == expected)
        sys.stdout.write(f"{name}: {'OK' if verdicts[-1] else 'FAILED'}\n")
    if not verdicts:
        return _complain(f"{listing}: no file was verified")
    failed = verdicts.count(False)
    return _complain(f"WARNING: {failed} computed checksum did NOT match") if failed else 0


def _complain(text: str, code: int = 1) -> int:
    sys.stderr.write(f"error: {text}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
