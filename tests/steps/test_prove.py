from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from stage import NAMES, WHEEL
from tagseal.errors import Busy, VerificationFailed
from tagseal.steps.prove import prove

if TYPE_CHECKING:
    from pathlib import Path

    from stage import Stage
    from tagseal.records import Draft, Proof, Seal
    from tagseal.steps import Services

ATTACKS = 5 + 5 + 5 + 5 + 1
"""On sigstore and cosign, on the forms of theirs that name the commit, and on the hashes."""
"""All five on the first command of sigstore, two on its second (its identity is the same words), cosign, hashes."""
"""Each of the two sigstore commands and cosign's meets five, the one that hashes meets one."""


def proven(released: Stage, seal: Seal, draft: Draft, services: Services | None = None) -> Proof:
    return prove(released.tag, released.plan, seal, draft, services=services or released.services())


def test_the_notes_commands_accept_the_draft_and_refuse_every_attack(released: Stage) -> None:
    """All commands of the draft phase ran, in order; every attack was refused, with the tool's reason."""
    services = released.services()
    seal = released.sign(services)
    draft = released.upload(seal, services)
    proof = proven(released, seal, draft, services)
    assert [command.name.split(" ")[0] for command in proof.commands] == [
        "gh",
        "sigstore",
        "cosign",
        "gh",
        "sigstore",
        "cosign",
        "sha256sum",
    ]
    assert all(command.ok and command.by for command in proof.commands)
    assert len(proof.attacks) == ATTACKS
    assert all(attack.ok and attack.detail for attack in proof.attacks)
    assert (proof.draft, proof.assets, proof.body_sha256) == (draft.id, draft.assets, draft.body_sha256)
    assert (proof.later, proof.shown) == (1, 1)


def test_a_draft_that_is_not_listed_yet_is_waited_for(released: Stage) -> None:
    """The notes' first command asks a listing for the draft: it is not run before that knows of it."""
    released.accept_everything()
    seal = released.sign()
    listed = released.repository.releases
    draft = released.upload(seal)
    released.repository.stale = [listed]
    with pytest.raises(VerificationFailed) as proved:
        proven(released, seal, draft)
    assert proved.value.slug == "attack-not-refused"  # the commands ran, with tools that accept everything
    released.repository.stale = [listed] * 9
    with pytest.raises(Busy) as caught:
        proven(released, seal, draft)
    assert caught.value.slug == "draft-not-listed"


def test_a_tool_that_accepts_everything_proves_nothing(released: Stage) -> None:
    """An attack that is let through stops the release; each is named, and the draft is left as it is."""
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    with pytest.raises(VerificationFailed) as caught:
        proven(released, seal, draft)
    assert caught.value.slug == "attack-not-refused"
    assert len(caught.value.context) == ATTACKS - 1
    assert draft.url in caught.value.hint
    assert released.repository.by_id[draft.id].draft


def test_a_tool_that_fails_for_another_reason_refuses_nothing(released: Stage) -> None:
    """A command that cannot even accept the genuine files is the error, with the tool's own words."""
    released.accept_everything()
    released.shim("sigstore", "echo no such option >&2; exit 2")
    seal = released.sign()
    with pytest.raises(VerificationFailed, match="sigstore verify identity") as caught:
        proven(released, seal, released.upload(seal))
    assert caught.value.slug == "notes-command-failed"
    assert any("no such option" in line for line in caught.value.context)


def test_notes_that_somebody_edited_are_refused(released: Stage) -> None:
    """The remote body must equal the page, rendered now; its text is never executed."""
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    canary = released.folder / "canary"
    release = released.repository.by_id[draft.id]
    release.body = release.body.replace("```bash\n", f"```bash\ntouch {canary}\n", 1)
    with pytest.raises(VerificationFailed, match="not what was sealed") as caught:
        proven(released, seal, draft)
    assert "the notes: not as rendered" in caught.value.context
    assert not canary.exists()


def test_an_asset_with_other_bytes_is_refused(released: Stage) -> None:
    """Bytes are hashed, whatever the server's listing says."""
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    asset = next(asset for asset in released.repository.by_id[draft.id].assets if asset.name == WHEEL)
    asset.path.write_bytes(b"evil".ljust(asset.size, b"!"))
    with pytest.raises(VerificationFailed, match=WHEEL):
        proven(released, seal, draft)


def test_a_changed_work_folder_is_refused(released: Stage) -> None:
    """Before anything is executed, every bundle is verified again."""
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    (released.work.packages / WHEEL).write_text("other bytes")
    with pytest.raises(VerificationFailed, match="do not verify"):
        proven(released, seal, draft)


def test_a_download_of_other_bytes_is_refused(released: Stage) -> None:
    """``gh`` checks neither size nor digest, so what the commands downloaded is hashed."""
    released.accept_everything()
    names = " ".join(f"{name} {name}.sigstore.json" for name in NAMES)
    released.shim("gh", f"for name in {names}; do echo evil > $name; done")
    released.shim("sha256sum", "exit 0")
    seal = released.sign()
    with pytest.raises(VerificationFailed, match="6 downloaded files") as caught:
        proven(released, seal, released.upload(seal))
    assert caught.value.slug == "downloads-differ"


def test_attacks_share_no_home(released: Stage, tmp_path: Path) -> None:
    """Attacks run side by side, and tools update their root of trust in HOME: each attack has a copy of its own."""
    released.accept_everything()
    log = tmp_path / "homes"
    seen = f'if [ -e "$HOME/trust" ]; then echo "$HOME" >> {log}; fi; touch "$HOME/trust"'
    released.shim("cosign", f'if [ "$1" = verify-blob ]; then {seen}; fi')
    seal = released.sign()
    draft = released.upload(seal)
    with pytest.raises(VerificationFailed):
        proven(released, seal, draft)
    homes = Counter(log.read_text().splitlines())
    commands = 2 - 1  # only the very first of the genuine commands found no trust
    assert sorted(homes.values()) == [commands, *[1] * 5, *[1] * 5]


def test_nothing_is_left_behind(released: Stage, tmp_path: Path) -> None:
    """Downloads, homes and attacked files go, also after a failure."""
    released.accept_everything()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    released.patch.setattr("tempfile.tempdir", str(temporary))
    seal = released.sign()
    draft = released.upload(seal)
    with pytest.raises(VerificationFailed):
        proven(released, seal, draft)
    assert list(temporary.iterdir()) == []
