"""Attacks on a printed command: it must accept the genuine files, and refuse each of these for the right reason.

An attack is data: what is changed in a folder of genuine files, or in the command's text, and the words that a tool
refuses it with. A command that fails for another reason (a typing mistake, no network) has refused nothing.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagseal.records import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tagseal.records import Identity

_CONTENT = {
    # sigstore-python 3 to 4; without a digest in the bundle the signature itself fails
    "sigstore": r"FAIL: .*(Bundle message digest mismatch|Signature is invalid for input)",
    # cosign 3 and 2 say the same of a changed file and of another file's bundle
    "cosign": r"invalid signature when validating ASN\.1 encoded signature|does not match .*digest",
    "sha256sum": r"{victim}: FAILED.*computed checksum did NOT match",
}
_IDENTITY = {
    "sigstore": r"FAIL: .*Certificate's SANs do not match",
    "cosign": r"no matching CertificateIdentity found"  # cosign 3
    r"|none of the expected identities matched what was in the certificate",  # cosign 2
}
SOURCE = {
    # sigstore-python; cosign where it reads a bundle (sigstore-go), and where it reads an image's older signatures
    "repository": r"FAIL: .*Certificate's GitHubWorkflowRepository does not match"
    r"|expected GithubWorkflowRepository to be|expected GitHub Workflow Repository not found in certificate",
    "commit": r"FAIL: .*Certificate's GitHubWorkflowSHA does not match"
    r"|expected GithubWorkflowSHA to be|expected GitHub Workflow SHA not found in certificate",
}
"""What a tool says of a certificate with another source than its command names, by what differs."""
# cosign 3 and 2 of no signature at all; cosign 2 where it looks for bundles
_UNSIGNED = r"no signatures found|no valid bundles exist in registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackedCommand:
    """A command of the notes that the genuine files have passed."""

    tool: str
    text: str
    files: tuple[str, ...]
    """The artifacts that it verifies or hashes, in its order."""
    repeats: bool = False
    """Whether an earlier command of the same tool names the same identity, word for word, and is attacked there."""
    names_commit: bool = False
    """Whether it names the source repository and the commit as well."""
    unsigned: tuple[str, str] = ("", "")
    """Of an image: its digest in the text, and that of something in the registry which nobody has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to deceive one command."""

    name: str
    text: str
    """The command, with the identity replaced where that is the attack."""
    reason: str
    """Regular expression: what the tool says when it refuses for the right reason."""
    flip: str = ""
    """The file in which one byte is changed."""
    swap: tuple[str, str] = ("", "")
    """The bundle that is replaced, and the one that takes its place."""

    def prepare(self, folder: Path) -> None:
        """Change the folder's files; hard links into it stay whole, for each changed file is made anew."""
        if self.flip:
            _flip(folder / self.flip)
        if any(self.swap):
            replaced, other = (folder / name for name in self.swap)
            replaced.unlink()
            shutil.copyfile(other, replaced)

    def refusal(self, code: int, words: str) -> str:
        """Return the words that refuse this attack for the right reason; empty where it was not refused so."""
        found = re.search(self.reason, " ".join(words.split()))
        return found[0] if code != 0 and found else ""


def attacks(target: AttackedCommand, identity: Identity, names: Sequence[str]) -> Iterator[Attack]:
    """Yield the attacks that apply to a command; its last file is the victim, which a hasty check would not reach.

    Args:
        target: The command.
        identity: Who signed: what its text must name.
        names: All signed artifacts, for the bundle of another one.
    """
    if any(target.unsigned):
        yield from _on_image(target, identity)
        return
    victim = target.files[-1]
    content = _CONTENT[target.tool].format(victim=re.escape(victim))
    yield Attack(name=f"flipped byte in {victim}", text=target.text, reason=content, flip=victim)
    if target.tool not in _IDENTITY:
        return
    other = next(name for name in names if name != victim)
    yield Attack(
        name=f"bundle of {other} for {victim}",
        text=target.text,
        reason=content,
        swap=(victim + BUNDLE, other + BUNDLE),
    )
    if not target.repeats:
        yield from _by_strangers(target, identity)


def _on_image(target: AttackedCommand, identity: Identity) -> Iterator[Attack]:
    """Yield the attacks on a command whose bytes are in a registry, where nothing is changed to try."""
    digest, other = target.unsigned
    text = target.text.replace(digest, other)
    yield Attack(name=f"unsigned manifest {other}", text=text, reason=_UNSIGNED)
    yield from _by_strangers(target, identity)


def _by_strangers(target: AttackedCommand, identity: Identity) -> Iterator[Attack]:
    known = strangers(identity)
    # A command that names the commit stands below one of the same tool that has met them all.
    for name, stranger in known[:1] if target.names_commit else known:
        text = target.text.replace(identity.uri, stranger.uri)
        yield Attack(name=f"{name}: {stranger.uri}", text=text, reason=_IDENTITY[target.tool])
    if target.names_commit:
        yield from _from_elsewhere(target, identity)


def _from_elsewhere(target: AttackedCommand, identity: Identity) -> Iterator[Attack]:
    """Yield the attacks where the signer's name is right: its workflow was lent, or its tag was moved."""
    for what, option, word, other in (
        ("repository", "repository", re.escape(identity.repository), _fork(identity)),
        ("commit", "sha", "[0-9a-f]+", "0" * 40),
    ):
        text = re.sub(rf"(?<={option} ){word}", other, target.text)
        yield Attack(name=f"signed for another {what}: {other}", text=text, reason=SOURCE[what])


def strangers(identity: Identity) -> tuple[tuple[str, Identity], ...]:
    """Return identities next to this one, of which none has signed: another tag, another repository, a branch."""
    return (
        ("another tag", replace(identity, ref=f"{identity.ref}.1")),
        ("another repository", replace(identity, repository=_fork(identity))),
        ("a branch", replace(identity, ref="refs/heads/main")),
    )


def _fork(identity: Identity) -> str:
    owner, _, repository = identity.repository.partition("/")
    return f"{owner}-fork/{repository}"


def _flip(path: Path) -> None:
    """Change the byte in the middle, in a new file of that name."""
    changed = path.with_name(f"{path.name}.flipped")
    shutil.copyfile(path, changed)
    with changed.open("r+b") as file:
        middle = changed.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)
        file.seek(middle)
        file.write(bytes([byte[0] ^ 1]))
    changed.replace(path)
