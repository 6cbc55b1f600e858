"""The troubles that a stranger is likely to meet, as the guide shows them."""

from __future__ import annotations

from tagseal.verification.diagnosis.trouble import (
    AGAIN,
    COSIGN,
    COSIGN_2,
    SHA256SUM,
    SIGSTORE,
    TELL,
    UPDATE,
    Said,
    Trouble,
)

# The commonest first.
COMMON: tuple[Trouble, ...] = (
    # The signature is genuine, and somebody else's.
    Trouble(
        slug="identity-mismatch",
        title="The identity does not match",
        said=(
            Said(
                tool=SIGSTORE,
                text="Certificate's SANs do not match",
                rest=r"(?P<wanted>[^;]{1,2000});actualSANs:\{(?P<got>[^}]{0,4000})\}",
            ),
            Said(
                tool=COSIGN,
                text="no matching CertificateIdentity found, last error: expected SAN value",
                rest=r'"(?P<wanted>[^"]{0,2000})",got"(?P<got>[^"]{0,2000})"',
            ),
            Said(
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
            Said(tool=SIGSTORE, text="Bundle message digest mismatch"),
            Said(tool=SIGSTORE, text="Signature is invalid for input"),
            Said(tool=SIGSTORE, text="error processing entry: verifying signature: invalid signature"),
            Said(tool=COSIGN, text="invalid signature when validating ASN.1 encoded signature"),
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
            Said(tool=SIGSTORE, text="Missing verification materials for"),
            Said(tool=COSIGN, text=".sigstore.json: no such file or directory"),
            Said(tool=COSIGN, text="provide a key with --key or --sk, a certificate to verify against with"),
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
            Said(tool=SIGSTORE, text="invalid file_or_digest value:"),
            Said(tool=COSIGN, text="error during command execution: open"),
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
            Said(tool=COSIGN, text="not enough verified log entries from transparency log"),
            Said(tool=SIGSTORE, text="expected exactly one log entry in bundle"),
            Said(tool=SIGSTORE, text="entry must contain inclusion proof, with checkpoint"),
            Said(tool=SIGSTORE, text="No matching log entry for"),
            Said(tool=COSIGN, text="signature not found in transparency log"),
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
            Said(tool=COSIGN, text="no signatures found"),
            Said(tool=COSIGN_2, text="no valid bundles exist in registry"),
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
            Said(tool=SHA256SUM, text="computed checksum did NOT match"),
            Said(tool=SHA256SUM, text="computed checksums did NOT match"),
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
            Said(tool=SHA256SUM, text="listed file could not be read"),
            Said(tool=SHA256SUM, text="listed files could not be read"),
        ),
        meaning=("`SHA256SUMS` lists a file that you have not downloaded; nothing is wrong with those that say OK.",),
        next="`sha256sum --check --ignore-missing SHA256SUMS` checks those that are there.",
        common=True,
    ),
)
