"""The troubles that are rarer, or whose message says enough to most."""

from __future__ import annotations

from tagseal.verification.diagnosis.trouble import (
    AGAIN,
    COSIGN,
    COSIGN_2,
    COSIGN_3,
    GH,
    SHA256SUM,
    SIGSTORE,
    TELL,
    UPDATE,
    Said,
    Trouble,
)

RARER: tuple[Trouble, ...] = (
    # Whatever was saved under that name.
    Trouble(
        slug="checksums-unreadable",
        title="SHA256SUMS is no list of checksums",
        said=(Said(tool=SHA256SUM, text="no properly formatted checksum lines found"),),
        meaning=("The file holds no checksums: a page, such as a login or an error, was saved under its name.",),
        next="Look at it: `head -c 300 SHA256SUMS`. Then download it and its bundle again from the release.",
    ),
    # The signature is genuine, and vouched for by somebody else.
    Trouble(
        slug="issuer-mismatch",
        title="Another issuer vouches for the signer",
        said=(
            Said(
                tool=SIGSTORE,
                text="Certificate's OIDCIssuer does not match",
                rest=r"\(got'(?P<got_issuer>[^']{0,500})',expected'(?P<wanted_issuer>[^']{0,500})'\)",
            ),
            Said(
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
            Said(
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
            Said(tool=SIGSTORE, text="'application/vnd.dev.sigstore.bundle.v0.3+json' [type=literal_error,"),
            Said(tool=COSIGN, text="unsupported media type: bundle version"),
            Said(tool=COSIGN, text="bundle does not contain cert for verification, please provide public key"),
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
            Said(tool=SIGSTORE, text="The provided bundle is malformed and may have been modified maliciously."),
            Said(tool=COSIGN, text="looking for beginning of value"),
            Said(tool=COSIGN, text="unexpected end of JSON input"),
            Said(tool=COSIGN, text="--trusted-root only supported with --new-bundle-format"),
            Said(tool=COSIGN_2, text="proto: syntax error"),
            Said(tool=COSIGN_2, text="proto: unexpected EOF"),
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
            Said(tool=SIGSTORE, text="invalid log entry:"),
            Said(tool=COSIGN, text="failed to verify log inclusion: calculated root"),
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
        said=(Said(tool=SIGSTORE, text="cert is not valid at validation time"),),
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
            Said(tool=SIGSTORE, text="bundle must contain an inclusion promise or signed timestamp(s)"),
            Said(tool=SIGSTORE, text="not enough sources of verified time"),
            Said(tool=SIGSTORE, text="no Timestamp Authorities have been provided to validate this bundle"),
            Said(tool=COSIGN, text="failed to verify timestamps: threshold not met"),
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
            Said(tool=SIGSTORE, text="failed to build timestamp certificate chain"),
            Said(tool=SIGSTORE, text="failed to verify SCT on signing certificate"),
            Said(tool=COSIGN, text="failed to verify leaf certificate"),
            Said(tool=COSIGN, text="failed to verify signed certificate timestamp"),
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
            Said(tool=COSIGN, text="invalid or missing digest in claim", rest=r":?(?P<digest>sha256:[0-9a-f]{64})?"),
            Said(tool=COSIGN, text="provided artifact digest does not match any digest in statement"),
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
        said=(Said(tool=SIGSTORE, text="Conflicting inputs:"),),
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
            Said(tool=COSIGN, text="image tag not found"),
            Said(tool=COSIGN, text="MANIFEST_UNKNOWN"),
            Said(tool=COSIGN, text="UNAUTHORIZED: authentication required"),
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
            Said(tool=COSIGN, text="--certificate-identity or --certificate-identity-regexp is required"),
            Said(tool=SIGSTORE, text="the following arguments are required: --cert-identity"),
        ),
        meaning=("Without a signer's name any signature by anybody would do; nothing was verified.",),
        next="Copy the whole command from the release's page, with both of its lines about the certificate.",
    ),
    Trouble(
        slug="no-network",
        title="The root of trust cannot be had",
        said=(
            Said(tool=SIGSTORE, text="Failed to refresh TUF metadata"),
            Said(tool=COSIGN_3, text="getting trusted root from TUF for new bundle verification"),
            Said(tool=COSIGN_2, text="Could not fetch trusted_root.json from the TUF repository"),
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
        said=(Said(tool=GH, text="To get started with GitHub CLI, please run"),),
        meaning=("The GitHub CLI wants an account even for what is public; nothing was downloaded.",),
        next="`gh auth login`; or download by plain URL, as the release's page shows.",
    ),
    Trouble(
        slug="gh-absent",
        title="The GitHub CLI finds no such release or file",
        said=(
            Said(tool=GH, text="release not found"),
            Said(tool=GH, text="no assets match the file pattern"),
            Said(tool=GH, text="Could not resolve to a Repository with the name"),
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
