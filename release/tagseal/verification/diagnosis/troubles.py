"""What other tools say when a check fails, and what that means: for ``--explain``, and for the guide's troubleshooting.

Each message is held by a test that gets it from the real tool (``tests/contract/test_explain.py``). Where an attack and
a mistake would bring the same message, the attack is named first.
"""

from __future__ import annotations

from dataclasses import dataclass

SIGSTORE, COSIGN, SHA256SUM, GH, PIP, UV = "sigstore", "cosign", "sha256sum", "gh", "pip", "uv"
COSIGN_2, COSIGN_3 = "cosign 2", "cosign 3"
PYTHON, SHELL = "Python", "the shell"

_PIPX = (
    "`pipx install {0}` installs it. Without pipx: `python3 -m venv verify-env`, then `verify-env/bin/pip install {0}`"
)
INSTALL = {
    "sigstore": f"{_PIPX.format('sigstore')}; the command is then `verify-env/bin/sigstore`.",
    "tagseal": f"{_PIPX.format('tagseal')}; the command is then `verify-env/bin/tagseal`.",
    "cosign": "Install it as https://docs.sigstore.dev/cosign/system_config/installation/ says, for example with "
    "`brew install cosign`; or use the release's commands for `sigstore`, which check the same bundles.",
    "gh": "Install it as https://cli.github.com says; or download the files in a browser, from the release's page: "
    "only downloads need it.",
    "sha256sum": "On a Mac write `shasum -a 256` in its place: `shasum -a 256 -c SHA256SUMS`.",
    "crane": "Install it as https://github.com/google/go-containerregistry says, or take the image's digest from the "
    "release's page: only asking for the digest needs it.",
    "pipx": "Use an environment instead: `python3 -m venv verify-env`, then `verify-env/bin/pip install NAME`.",
    "pip3": "Write `python3 -m pip` in its place.",
    "pip": "Write `python3 -m pip` in its place.",
    "python3": "Install Python, from https://www.python.org or with the system's package manager; on Windows write "
    "`py` in its place.",
    "python": "Write `python3` in its place; on Windows `py`.",
}
"""What to do where a program is missing, by its name; a longer name before one that it begins with."""
_KNOWN = "|".join(INSTALL)
_ANY = rf"(?P<program>{_KNOWN}|[\w.+-]{{1,60}})"

AGAIN = "Download the file and its bundle again, both from the page of the same release; then verify again."
UPDATE = "Update the client (for sigstore `pip install --upgrade sigstore`), then verify again."
TELL = "If it fails again, tell the maintainers where you got it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, as a tool prints it."""

    tool: str
    """``sigstore`` (sigstore-python), ``cosign`` (2 and 3), ``cosign 2``, ``cosign 3``, ``sha256sum``, ``gh``."""
    text: str
    """The part that is the same each time: letter by letter."""
    rest: str = ""
    """A regular expression for what follows, with the values that are taken out of it; white space does not count."""
    before: str = ""
    """As ``rest``, for what must stand before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble: the messages that tell of it, what it means, and what to do."""

    slug: str
    """Stable: an anchor."""
    title: str
    """Without a full stop, as a heading."""
    said: tuple[Message, ...]
    """By which tool, and how."""
    meaning: tuple[str, ...]
    """Whole sentences, plain text: what was expected and what was got, the dangerous reading first."""
    next: str
    """What to do: whole sentences; commands in backticks."""
    common: bool = False
    """Whether a stranger is likely to meet it: the guide shows these."""
    unless: tuple[str, ...] = ()
    """Troubles that say it better: beside one of them, this one is not told."""


_COMMON: tuple[Trouble, ...] = (
    # The signature is genuine, and somebody else's.
    Trouble(
        slug="identity-mismatch",
        title="The identity does not match",
        said=(
            Message(
                tool=SIGSTORE,
                text="Certificate's SANs do not match",
                rest=r"(?P<wanted>[^;]{1,2000});actualSANs:\{(?P<got>[^}]{0,4000})\}",
            ),
            Message(
                tool=COSIGN,
                text="no matching CertificateIdentity found, last error: expected SAN value",
                rest=r'"(?P<wanted>[^"]{0,2000})",got"(?P<got>[^"]{0,2000})"',
            ),
            Message(
                tool=COSIGN,
                text="none of the expected identities matched what was in the certificate, got subjects",
                rest=r"\[(?P<got>[^\]]{0,4000})\]withissuer(?P<issuer>https?://[\w.:/-]{1,300}?)(?=error|$)",
            ),
        ),
        meaning=(
            (
                "The signature is good, and it was made by another repository, workflow, branch or tag than the "
                "command names."
            ),
            (
                "It may be somebody else's build in the place of the real one: do not use it until you know which of "
                "the following it is."
            ),
            (
                "The tag in the command may be another than that of the file; or you have a `latest` or nightly "
                "build, which is made from a branch and is not a release; or the file comes from a fork, which signs "
                "as itself."
            ),
        ),
        next="Compare the two identities in the message, part by part: repository, workflow, ref. Then give the tag of "
        "the release that you downloaded, or download the release that you meant.",
        common=True,
    ),
    # The bundle is genuine, and another file's.
    Trouble(
        slug="bundle-mismatch",
        title="The bundle does not match the file",
        said=(
            Message(tool=SIGSTORE, text="Bundle message digest mismatch"),
            Message(tool=SIGSTORE, text="Signature is invalid for input"),
            Message(tool=SIGSTORE, text="error processing entry: verifying signature: invalid signature"),
            Message(tool=COSIGN, text="invalid signature when validating ASN.1 encoded signature"),
        ),
        meaning=(
            "The bundle is not about these bytes.",
            "Somebody may have changed the file after it was signed: do not use it.",
            (
                "Or file and bundle are of two releases, or the bundle is that of another file (the sdist's for the "
                'wheel), or the download broke off, or it is GitHub\'s own "Source code" archive, which nobody signs.'
            ),
        ),
        next=f"{AGAIN} `tagseal verify` also says which file lying there the bundle belongs to. {TELL}",
        common=True,
    ),
    # Nothing was verified.
    Trouble(
        slug="no-bundle",
        title="The bundle is missing",
        said=(
            Message(tool=SIGSTORE, text="Missing verification materials for"),
            Message(tool=COSIGN, text=".sigstore.json: no such file or directory"),
            Message(tool=COSIGN, text="provide a key with --key or --sk, a certificate to verify against with"),
        ),
        meaning=(
            "There is no bundle where the tool looks for it, so nothing was verified: the file may be anybody's.",
            "The bundle has the name of the file with `.sigstore.json` at the end, and lies beside it.",
        ),
        next="Download the bundle from the page of the release that the file is of. If that release has none for this "
        'file, nobody can verify it; GitHub\'s own "Source code" archives never have one.',
        common=True,
    ),
    # Most often the folder is another.
    Trouble(
        slug="file-absent",
        title="The file is not there",
        unless=("no-bundle",),
        said=(
            Message(tool=SIGSTORE, text="invalid file_or_digest value:"),
            Message(tool=COSIGN, text="error during command execution: open"),
        ),
        meaning=(
            "There is no file of that name in the folder where the command ran, so nothing was verified.",
            "Either it was not downloaded, or it lies in another folder, or under another name.",
        ),
        next="Go to the folder that has both, the file and its bundle (`cd ~/Downloads`, for example), see how they "
        "are named (`ls`), and run the command again.",
        common=True,
    ),
    # The log is what makes a signature visible to its owner.
    Trouble(
        slug="log-entry-missing",
        title="The log entry is not found, or does not hold",
        said=(
            Message(tool=COSIGN, text="not enough verified log entries from transparency log"),
            Message(tool=SIGSTORE, text="expected exactly one log entry in bundle"),
            Message(tool=SIGSTORE, text="entry must contain inclusion proof, with checkpoint"),
            Message(tool=SIGSTORE, text="No matching log entry for"),
            Message(tool=COSIGN, text="signature not found in transparency log"),
        ),
        meaning=(
            "The public log does not vouch for the signature, as far as the bundle and your root of trust tell.",
            (
                "Somebody may have made a signature that they keep out of the log, where its owner would see it: do "
                "not use the file."
            ),
            (
                "Or the bundle is of another Sigstore instance (staging, or a private one), whose log your root of "
                "trust does not name; or the client is older than the log."
            ),
        ),
        next=f"{UPDATE} Then download file and bundle again. {TELL}",
        common=True,
    ),
    # The image, or its digest, is not the release's.
    Trouble(
        slug="no-signatures",
        title="The image has no signature",
        said=(
            Message(tool=COSIGN, text="no signatures found"),
            Message(tool=COSIGN_2, text="no valid bundles exist in registry"),
        ),
        meaning=(
            "Nobody has signed this image: it may be anybody's, so do not run it.",
            (
                "`latest`, and other tags that move, often point at a build of a branch, which no release signs; and "
                "the digest of one platform of an image is another than that of its index."
            ),
        ),
        next="Take the image's digest from the release's page, and verify that: "
        "`cosign verify IMAGE@sha256:DIGEST --certificate-identity IDENTITY --certificate-oidc-issuer ISSUER`.",
        common=True,
    ),
    # Hashes say which bytes, and not whose.
    Trouble(
        slug="checksum-mismatch",
        title="A checksum does not match",
        said=(
            Message(tool=SHA256SUM, text="computed checksum did NOT match"),
            Message(tool=SHA256SUM, text="computed checksums did NOT match"),
        ),
        meaning=(
            "At least one file has other bytes than `SHA256SUMS` says; the line with FAILED names it.",
            "Somebody may have changed it: do not use it.",
            "Or the download broke off, or the file is of another release than the list.",
        ),
        next=f"Download the file again, and `SHA256SUMS` with its bundle, from the same release; verify the bundle of "
        f"`SHA256SUMS` first, for a list that nobody signed proves nothing. {TELL}",
        common=True,
    ),
    # A file of the list that is not there.
    Trouble(
        slug="checksum-file-absent",
        title="A file of the list is not there",
        said=(
            Message(tool=SHA256SUM, text="listed file could not be read"),
            Message(tool=SHA256SUM, text="listed files could not be read"),
        ),
        meaning=("`SHA256SUMS` lists a file that you have not downloaded; nothing is wrong with those that say OK.",),
        next="`sha256sum --check --ignore-missing SHA256SUMS` checks those that are there.",
        common=True,
    ),
)
"""Those that a stranger is likely to meet, as the guide shows them; the commonest first."""

_RARER: tuple[Trouble, ...] = (
    # Whatever was saved under that name.
    Trouble(
        slug="checksums-unreadable",
        title="SHA256SUMS is no list of checksums",
        said=(Message(tool=SHA256SUM, text="no properly formatted checksum lines found"),),
        meaning=("The file holds no checksums: a page, such as a login or an error, was saved under its name.",),
        next="Look at it: `head -c 300 SHA256SUMS`. Then download it and its bundle again from the release.",
    ),
    # The signature is genuine, and vouched for by somebody else.
    Trouble(
        slug="issuer-mismatch",
        title="Another issuer vouches for the signer",
        said=(
            Message(
                tool=SIGSTORE,
                text="Certificate's OIDCIssuer does not match",
                rest=r"\(got'(?P<got_issuer>[^']{0,500})',expected'(?P<wanted_issuer>[^']{0,500})'\)",
            ),
            Message(
                tool=COSIGN,
                text="no matching CertificateIdentity found, last error: expected issuer value",
                rest=r'"(?P<wanted_issuer>[^"]{0,500})",got"(?P<got_issuer>[^"]{0,500})"',
            ),
        ),
        meaning=(
            (
                "Somebody else vouches for the signer's name than the command names; the same name at another issuer "
                "may be another person: do not use it until the maintainers' pages name that issuer."
            ),
            "For GitHub Actions it is `https://token.actions.githubusercontent.com`, without a slash at the end.",
        ),
        next="Compare the two issuers letter by letter, and copy the command from the release's page again.",
    ),
    # `sigstore verify github`: the run was another repository's.
    Trouble(
        slug="other-repository",
        title="It was signed in a run of another repository",
        said=(
            Message(
                tool=SIGSTORE,
                text="Certificate's GitHubWorkflowRepository does not match",
                rest=r"\(got'(?P<got_repository>[^']{0,300})',expected'(?P<wanted_repository>[^']{0,300})'\)",
            ),
        ),
        meaning=(
            (
                "The run that signed it was one of another repository: a fork, or somebody who calls this project's "
                "workflow from their own. Do not use it."
            ),
        ),
        next=f"{AGAIN}",
    ),
    # The same words for every bundle that cannot be read.
    Trouble(
        slug="bundle-newer",
        title="The bundle is of a newer form",
        said=(
            Message(tool=SIGSTORE, text="'application/vnd.dev.sigstore.bundle.v0.3+json' [type=literal_error,"),
            Message(tool=COSIGN, text="unsupported media type: bundle version"),
            Message(tool=COSIGN, text="bundle does not contain cert for verification, please provide public key"),
        ),
        meaning=(
            "The client does not know this form of bundle, so nothing was verified; a made-up one may name any form.",
        ),
        next=f"{UPDATE} For cosign: version 3, or 2.4 and newer with `--new-bundle-format`.",
    ),
    Trouble(
        slug="bundle-unreadable",
        title="The bundle cannot be read",
        unless=("bundle-newer", "log-entry-missing", "no-trusted-time"),
        said=(
            Message(tool=SIGSTORE, text="The provided bundle is malformed and may have been modified maliciously."),
            Message(tool=COSIGN, text="looking for beginning of value"),
            Message(tool=COSIGN, text="unexpected end of JSON input"),
            Message(tool=COSIGN, text="--trusted-root only supported with --new-bundle-format"),
            Message(tool=COSIGN_2, text="proto: syntax error"),
            Message(tool=COSIGN_2, text="proto: unexpected EOF"),
        ),
        meaning=(
            (
                "What lies under the bundle's name is no whole bundle, so nothing was verified: a page or an error "
                "was saved in its place, or it was cut short, or somebody changed it. Or nothing lies there at all: "
                "cosign 3 says the same of that."
            ),
        ),
        next=f"Look at it: `head -c 300 FILE.sigstore.json`. {AGAIN}",
    ),
    Trouble(
        slug="log-entry-broken",
        title="The log entry's proof does not hold",
        said=(
            Message(tool=SIGSTORE, text="invalid log entry:"),
            Message(tool=COSIGN, text="failed to verify log inclusion: calculated root"),
        ),
        meaning=(
            (
                "The bundle's proof that the log holds the signature is wrong: somebody changed the bundle or made it "
                "up, or it is of a log that your root of trust does not name. Do not use the file."
            ),
        ),
        next=f"{AGAIN} {TELL}",
    ),
    # Who is trusted to tell the time.
    Trouble(
        slug="certificate-over",
        title="The certificate was not valid when it signed",
        said=(Message(tool=SIGSTORE, text="cert is not valid at validation time"),),
        meaning=(
            (
                "The log's time lies outside the ten minutes of the certificate: somebody may have used a key that "
                "leaked, or changed the bundle. Do not use the file."
            ),
        ),
        next=f"{AGAIN} {TELL}",
    ),
    Trouble(
        slug="no-trusted-time",
        title="Nobody who is trusted says when it was signed",
        said=(
            Message(tool=SIGSTORE, text="bundle must contain an inclusion promise or signed timestamp(s)"),
            Message(tool=SIGSTORE, text="not enough sources of verified time"),
            Message(tool=SIGSTORE, text="no Timestamp Authorities have been provided to validate this bundle"),
            Message(tool=COSIGN, text="failed to verify timestamps: threshold not met"),
        ),
        meaning=(
            (
                "A certificate is good for ten minutes, so a trusted time has to be in the bundle, and is not: "
                "somebody may have taken it out, to use a key that leaked. Do not use the file."
            ),
            "Or the time is of an authority that your client is too old to know.",
        ),
        next=f"{UPDATE} {TELL}",
    ),
    # One word for staging, private instances, and forgeries.
    Trouble(
        slug="unknown-authority",
        title="The certificate is of an unknown authority",
        unless=("certificate-over",),
        said=(
            Message(tool=SIGSTORE, text="failed to build timestamp certificate chain"),
            Message(tool=SIGSTORE, text="failed to verify SCT on signing certificate"),
            Message(tool=COSIGN, text="failed to verify leaf certificate"),
            Message(tool=COSIGN, text="failed to verify signed certificate timestamp"),
        ),
        meaning=(
            (
                "Your root of trust does not know who issued the certificate, or the certificate was over when it "
                "signed. Anybody can make an authority of their own: do not use the file."
            ),
            "Or it was signed on another Sigstore instance, such as staging, or your client's root of trust is old.",
        ),
        next=f"{UPDATE} {TELL}",
    ),
    # A signature at the place of another image's.
    Trouble(
        slug="moved-signature",
        title="The signature is of another image",
        said=(
            Message(tool=COSIGN, text="invalid or missing digest in claim", rest=r":?(?P<digest>sha256:[0-9a-f]{64})?"),
            Message(tool=COSIGN, text="provided artifact digest does not match any digest in statement"),
        ),
        meaning=(
            (
                "The signature that lies beside this image is about another image: somebody put it there, or pushed "
                "another image in the place of the signed one. Do not run it."
            ),
        ),
        next="Take the image's digest from the release's page, and verify that: "
        "`cosign verify IMAGE@sha256:DIGEST --certificate-identity IDENTITY --certificate-oidc-issuer ISSUER`.",
    ),
    Trouble(
        slug="two-bundles",
        title="Two bundles lie beside the file",
        said=(Message(tool=SIGSTORE, text="Conflicting inputs:"),),
        meaning=(
            (
                "`FILE.sigstore.json` and the older form `FILE.sigstore` are both there, and the tool does not choose "
                "between them; nothing was verified."
            ),
        ),
        next="Move the one that ends in `.sigstore` away, then verify again.",
    ),
    Trouble(
        slug="image-absent",
        title="The image is not there, or not readable",
        said=(
            Message(tool=COSIGN, text="image tag not found"),
            Message(tool=COSIGN, text="MANIFEST_UNKNOWN"),
            Message(tool=COSIGN, text="UNAUTHORIZED: authentication required"),
        ),
        meaning=(
            (
                "The registry does not show an image of this name and tag; one that is private, or does not exist, "
                "gives the same answer. Nothing was verified."
            ),
        ),
        next="Compare the name and the tag with the release's page; for a private image log in first: "
        "`cosign login ghcr.io`.",
    ),
    Trouble(
        slug="no-identity",
        title="The command names no signer",
        said=(
            Message(tool=COSIGN, text="--certificate-identity or --certificate-identity-regexp is required"),
            Message(tool=SIGSTORE, text="the following arguments are required: --cert-identity"),
        ),
        meaning=("Without a signer's name any signature by anybody would do; nothing was verified.",),
        next="Copy the whole command from the release's page, with both of its lines about the certificate.",
    ),
    Trouble(
        slug="no-network",
        title="The root of trust cannot be had",
        said=(
            Message(tool=SIGSTORE, text="Failed to refresh TUF metadata"),
            Message(tool=COSIGN_3, text="getting trusted root from TUF for new bundle verification"),
            Message(tool=COSIGN_2, text="Could not fetch trusted_root.json from the TUF repository"),
        ),
        meaning=(
            (
                "The tool asks `tuf-repo-cdn.sigstore.dev` whom to trust, and got no good answer. Nothing was "
                "verified; the file may be good or bad."
            ),
            "The network, a proxy, or this machine's clock is the reason; or somebody is in between.",
        ),
        next="Look at the clock (`date -u`) and at HTTPS_PROXY, then verify again. Without a network: "
        "`tagseal verify --offline` with a trust configuration.",
    ),
    Trouble(
        slug="gh-login",
        title="The GitHub CLI is not logged in",
        said=(
            Message(tool=GH, text="To get started with GitHub CLI, please run"),
            Message(tool=GH, text="You are not logged into any GitHub hosts"),
            Message(tool=GH, text="To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN"),
        ),
        meaning=("The GitHub CLI wants an account even for what is public; nothing was downloaded.",),
        next="`gh auth login`; or download by plain URL, as the release's page shows. In a workflow, give the step "
        "`env: GH_TOKEN: ${{ github.token }}`.",
    ),
    Trouble(
        slug="gh-token",
        title="GitHub does not accept the token",
        said=(
            Message(tool=GH, text="Bad credentials"),
            Message(tool=GH, text="token in GH_TOKEN is no longer valid"),
            Message(tool=GH, text="token in GH_TOKEN is invalid"),
        ),
        meaning=(
            (
                "The GitHub CLI has a token that has expired, was withdrawn, or was cut short when it was copied; "
                "nothing was downloaded."
            ),
        ),
        next="`gh auth status` says where the token comes from. If it is the variable GH_TOKEN or GITHUB_TOKEN, "
        "`unset GH_TOKEN GITHUB_TOKEN`; then `gh auth login`.",
    ),
    Trouble(
        slug="gh-old",
        title="The GitHub CLI is too old",
        said=(Message(tool=GH, text='unknown command "attestation" for "gh"'),),
        meaning=("`gh attestation` came with version 2.49.0, and this one is older; nothing was verified.",),
        next="Update it as https://cli.github.com says: distributions often have an older one. Until then, verify with "
        "another command of the release's page.",
    ),
    # Before anything could be verified: the tool is not there, or cannot be installed.
    Trouble(
        slug="command-absent",
        title="The program is not installed, or not on PATH",
        said=(
            Message(tool=SHELL, text=": command not found", before=rf"(?::?(?P<program>{_KNOWN})|:[\w.+-]{{1,60}})"),
            Message(tool=SHELL, text="command not found: ", rest=_ANY),
            Message(tool=SHELL, text=": not found", before=f":(?P<program>{_KNOWN})"),
            Message(tool=SHELL, text="is not recognized as", before=rf"'{_ANY}'"),
        ),
        meaning=(
            "The shell finds no program of that name, so nothing was verified.",
            "It is not installed; or it is in an environment that is not active, or in a folder that is not on PATH.",
        ),
        next="Install it as its own pages say, or activate the environment that it is in. Then run the command again.",
    ),
    Trouble(
        slug="module-absent",
        title="This Python does not have sigstore",
        said=(Message(tool=PYTHON, text="No module named sigstore"),),
        meaning=(
            (
                "The Python that ran is another than the one that sigstore was installed for, or it was never "
                "installed; nothing was verified."
            ),
        ),
        next=INSTALL["sigstore"],
    ),
    Trouble(
        slug="externally-managed",
        title="The system's Python takes no packages from pip",
        said=(
            Message(tool=PIP, text="error: externally-managed-environment"),
            Message(tool=UV, text="is externally managed, and indicates the following"),
        ),
        meaning=(
            (
                "The operating system looks after the packages of its own Python, so pip refused to install into it. "
                "Nothing was installed, and nothing is broken."
            ),
            "`--break-system-packages` would do what its name says: leave it alone.",
        ),
        next="Install into an environment of your own: `python3 -m venv verify-env`, then `verify-env/bin/pip install "
        "sigstore`; the command is then `verify-env/bin/sigstore`. Or `pipx install sigstore`.",
    ),
    Trouble(
        slug="no-venv",
        title="The system's Python makes no environments",
        said=(Message(tool=PYTHON, text="because ensurepip is not"),),
        meaning=("Debian and Ubuntu have that part of Python in a package of its own. Nothing was installed.",),
        next="`sudo apt install python3-venv`, then the same command again.",
    ),
    Trouble(
        slug="package-hash-mismatch",
        title="A package is another than the one whose hash is written down",
        said=(
            Message(tool=PIP, text="THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE"),
            Message(tool=UV, text="Hash mismatch for"),
        ),
        meaning=(
            "At least one package has other bytes than the requirements file says; nothing was installed.",
            (
                "Somebody may have changed it, at the index or on the way: do not install it, and do not copy the "
                "new hash from the message into the file."
            ),
            (
                "Or a download in pip's cache is damaged, or a mirror answers with a build of its own, or the file was "
                "written before a wheel for this platform was added."
            ),
        ),
        next="`pip cache purge`, then the same command again, with the project's own index and no mirror. If it fails "
        "again, compare what was got with the hash in the release's `SHA256SUMS`, whose bundle you have verified, and "
        "tell the maintainers.",
    ),
    Trouble(
        slug="package-hash-missing",
        title="The requirements file does not have every hash",
        said=(
            Message(tool=PIP, text="Hashes are required in --require-hashes mode, but they are missing"),
            Message(
                tool=PIP, text="In --require-hashes mode, all requirements must have their versions pinned with =="
            ),
            Message(tool=UV, text="mode, all requirements must have a hash, but none were provided for"),
        ),
        meaning=(
            (
                "With one hash in the file, pip wants a version and a hash for every package, those that others need "
                "included. Nothing was installed, and nothing was found to be wrong with any package."
            ),
            "The hashes in the message are of what was just downloaded: copied into the file they would prove nothing.",
        ),
        next="Take the whole requirements file of the project, as it is. If its pages say so, install without looking "
        "for further packages: `pip install --no-deps --require-hashes -r FILE`.",
    ),
    Trouble(
        slug="gh-absent",
        title="The GitHub CLI finds no such release or file",
        said=(
            Message(tool=GH, text="release not found"),
            Message(tool=GH, text="no assets match the file pattern"),
            Message(tool=GH, text="Could not resolve to a Repository with the name"),
        ),
        meaning=(
            (
                "There is no published release, or no file, of that name, as far as your account may see; nothing was "
                "downloaded. A release that is still a draft, and a private repository, give the same answer."
            ),
        ),
        next="Compare repository, tag and file name with the release's page.",
    ),
)
"""Those that are rarer, or whose message says enough to most."""

TROUBLES = (*_COMMON, *_RARER)
