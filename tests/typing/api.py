"""The public names as others' code uses them: ``nox -s lint`` lets mypy and pyright read it against the built wheel.

Nothing here runs. Every name of ``tagseal`` and ``tagseal.verification`` appears; ``tests/test_typing.py`` checks that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 - what others write is read here
from pathlib import Path
from typing import assert_type

import tagseal
from tagseal import sessions
from tagseal.verification import Cause, Check, Expected, Facts, Result, Subject, Trust, named, publisher, verify_files


def verify(folder: Path) -> tuple[Result, ...]:
    """Verify a downloaded release."""
    expected = assert_type(publisher("octo/widget", "v1.2.3", workflow="release.yml", commit=None), Expected)
    trust = assert_type(Trust.of_file(folder / "trusted_root.json"), Trust)
    assert_type(verify_files(str(folder), expected, trust), tuple[Result, ...])
    return verify_files([folder / "a.whl", "b.tar.gz"], expected, trust, whole=True)


def explain(result: Result) -> str:
    """Return what failed, and what to do."""
    assert_type(result.ok, bool)
    assert_type(result.check, Check | None)
    assert_type(result.facts, Facts | None)
    assert_type(result.subject, Subject | None)
    assert_type(result.bundle, Path | None)
    cause = assert_type(result.cause, Cause | None)
    return "" if cause is None else f"{cause.what} {cause.next}"


def expect_person() -> Expected:
    """Expect a signature of a person."""
    return assert_type(named("somebody@octo.invalid", "https://issuer.invalid"), Expected)


def handle(act: Callable[[], None]) -> int:
    """Turn each kind of error into a number."""
    try:
        act()
    except tagseal.VerificationFailed:
        return 1
    except (tagseal.UsageError, tagseal.ConfigError):
        return 2
    except tagseal.Refused as error:
        assert_type(error.slug, str)
        return 3
    except tagseal.ServiceError as error:
        assert_type(error.hint, str)
        return 4
    except tagseal.TagsealError as error:
        assert_type(error.what, str)
        return 70
    return 0


def read_records(
    tag: tagseal.Tag, plan: tagseal.Plan, build: tagseal.Build, checks: tagseal.Checks, seal: tagseal.Seal
) -> Sequence[str]:
    """Return what the first records say."""
    identity: tagseal.Identity = tag.identity
    artifacts: tuple[tagseal.Artifact, ...] = seal.artifacts
    bundles: tuple[tagseal.Bundle, ...] = seal.bundles
    verdicts: tuple[tagseal.Verdict, ...] = checks.verdicts
    names = [artifact.name for artifact in (*build.artifacts, *artifacts)]
    return [plan.version, identity.repository, *names, *(bundle.name for bundle in bundles), *map(str, verdicts)]


def read_later_records(
    draft: tagseal.Draft, proof: tagseal.Proof, publication: tagseal.Publication, testimony: tagseal.Testimony
) -> list[object]:
    """Return the records of a release that is out."""
    verdicts: tuple[tagseal.Verdict, ...] = proof.commands
    return [draft, publication, testimony, *verdicts]


def show(command: tagseal.Command) -> str:
    """Return the text of a command of the notes."""
    return assert_type(command.text, str)


def register() -> None:
    """Give a noxfile the verbs."""
    sessions.register()
