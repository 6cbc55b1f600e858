"""What is wrong with a workflow that releases, in the order in which it does harm.

Every rule only reads. Where a rule guesses, for nobody can know what a script does, its words say "seems".

A workflow that runs no verb of ours made none of our promises. There, only what loses or leaks a release by itself, or
by a stranger's doing, is an error: that it never begins, is cut short, hides its failure, goes by a name that nobody
documented, or hands its identity or its secrets to others. Whatever else a rule finds there is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.workflow.finding import Finding
from tagseal.workflow.identity import runs_verbs
from tagseal.workflow.rules import ProjectFacts, published, rights, start, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.workflow.document import Workflow
    from tagseal.workflow.finding import Level
    from tagseal.workflow.rules import Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing to look for."""

    slug: str
    level: Level
    look: Callable[[Workflow, ProjectFacts], Iterator[Hit]]
    hint: str
    harms_anyone: bool = False
    """Whether it loses or leaks a release, also one that is made without our verbs."""

    def judge(self, found: Hit, *, ours: bool) -> Level:
        """Return how bad it is, in a workflow that runs our verbs or in another."""
        return (found.level or self.level) if ours or self.harms_anyone else "warning"


RULES = (
    # A signature for a branch verifies nowhere, and cannot be taken back out of the log.
    Rule(
        slug="branch-can-sign",
        level="error",
        look=start.branch_can_sign,
        hint="Let tags alone start it, or give the job `if: github.ref_type == 'tag'`.",
    ),
    # Whoever calls it gets its identity in the certificate.
    Rule(
        slug="callable-signs",
        level="error",
        harms_anyone=True,
        look=start.callable_signs,
        hint="Take `workflow_call` out; a workflow that signs is called by nobody.",
    ),
    # The event was made for labels, and is used for secrets.
    Rule(
        slug="pull-request-target",
        level="error",
        harms_anyone=True,
        look=start.pull_request_target,
        hint="Use `pull_request`, and release from another file.",
    ),
    # Else the release that is pushed never begins.
    Rule(
        slug="tag-not-matched",
        level="error",
        harms_anyone=True,
        look=start.tag_not_matched,
        hint="Write a filter that the project's tags pass, such as `tags: ['v*']`.",
    ),
    # A tag such as `nightly` is no release.
    Rule(
        slug="trigger-too-wide",
        level="warning",
        look=start.trigger_too_wide,
        hint="Write a filter for versions, such as `tags: ['v[0-9]*']` or `['[0-9]*']`.",
    ),
    # The certificate names the file: commands for another name fail for everybody.
    Rule(
        slug="identity-file",
        level="error",
        harms_anyone=True,
        look=start.identity_file,
        hint="Keep the documented file name, or correct what is documented and the index's trusted publisher.",
    ),
    # A right that every job has is one that a test has.
    Rule(
        slug="permissions-at-top",
        level="error",
        look=rights.permissions_at_top,
        hint="Write `permissions: {}` at the top, and each job's own in the job.",
    ),
    # The default is a setting that no file shows.
    Rule(
        slug="permissions-missing",
        level="warning",
        look=rights.permissions_missing,
        hint="Write `permissions: {}` at the top, and each job's own in the job.",
    ),
    # A dependency of the build could sign whatever it likes as this project.
    Rule(
        slug="identity-beside-code",
        level="error",
        look=rights.identity_beside_code,
        hint="Build and test in a job without `id-token`, and sign in another that only takes the files.",
    ),
    # A folder named like a module is part of the tag, and runs before anything has looked at it.
    Rule(
        slug="checkout-on-path",
        level="error",
        look=rights.checkout_on_path,
        hint="Write `python -P -m …`, or set PYTHONSAFEPATH: 1 for the job.",
    ),
    # A certificate names the file, not the job.
    Rule(
        slug="foreign-job-can-sign",
        level="error",
        look=rights.foreign_jobs,
        hint="Give `id-token: write` to the jobs that run `sign`, and with an index `publish`, by the lines that "
        "`tagseal init` writes; move a job that needs an identity for something else into a workflow of its own.",
    ),
    # A dependency of the build could send them away.
    Rule(
        slug="secrets-beside-code",
        level="error",
        harms_anyone=True,
        look=rights.secrets_beside_code,
        hint="Use the secret in a job that takes the built files, or a trusted publisher instead of it.",
    ),
    # What the last job left there is in the next release.
    Rule(
        slug="self-hosted",
        level="error",
        look=rights.self_hosted,
        hint="Release on a hosted runner, which is new for each job.",
    ),
    # Any later step can read the token there, and an artifact can carry it away.
    Rule(
        slug="credentials-kept",
        level="warning",
        look=rights.credentials_kept,
        hint="Write `with: { persist-credentials: false }`.",
    ),
    # A version from tags would be another one.
    Rule(
        slug="shallow-checkout",
        level="warning",
        look=rights.shallow,
        hint="Write `with: { fetch-depth: 0 }`.",
    ),
    # Runs for other refs can fill a cache.
    Rule(
        slug="cache-beside-identity",
        level="error",
        look=rights.cached,
        hint="Release without caches.",
    ),
    # A tag of an action can be moved to anything.
    Rule(
        slug="unpinned-action",
        level="error",
        look=steps.unpinned,
        hint="Write the commit, 40 hexadecimal digits, with the version in a comment.",
    ),
    # Its text becomes shell: whoever names a branch writes commands.
    Rule(
        slug="pasted-expression",
        level="error",
        harms_anyone=True,
        look=steps.pasted,
        hint='Hand it over in `env`, and write "$NAME" in the script.',
    ),
    # An artifact's name is no proof of what is in it.
    Rule(
        slug="artifact-unchecked",
        level="warning",
        look=steps.unchecked,
        hint="Take it by `artifact-ids`, or check digests that the building job gave as an output.",
    ),
    # A release that cannot be run again stays half out.
    Rule(
        slug="artifact-kept",
        level="warning",
        look=steps.kept_artifact,
        hint="Write `with: { overwrite: true }`.",
    ),
    # Half of the files are out, and nobody knows which.
    Rule(
        slug="cancels-publication",
        level="error",
        harms_anyone=True,
        look=rights.cancels,
        hint="Write `cancel-in-progress: false`.",
    ),
    # A release without its package is shown as one.
    Rule(
        slug="continues-after-publication",
        level="error",
        harms_anyone=True,
        look=rights.continues,
        hint="Take `continue-on-error` out, and make the step one that can be run again.",
    ),
    # Who pulls in between gets what nobody has signed.
    Rule(
        slug="tagged-before-signed",
        level="error",
        look=published.tagged_before_signed,
        hint="Push by digest, sign the digest, and give it its tag last.",
    ),
    # Somebody with write access to the registry moves the tag in between.
    Rule(
        slug="image-by-tag",
        level="error",
        look=published.image_by_tag,
        hint="Write the digest: IMAGE@sha256:….",
    ),
    # A source archive is built, and run, by more people than look at it.
    Rule(
        slug="notes-check-some",
        level="warning",
        look=published.notes_check_some,
        hint="Give a command for every file of the release.",
    ),
)


def lint(workflow: Workflow, known: ProjectFacts | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with a workflow, problems of the file first, then by rule and place."""
    given, ours = known or ProjectFacts(), runs_verbs(workflow)
    found = (
        Finding(
            slug=rule.slug,
            level=rule.judge(hit, ours=ours),
            file=workflow.path,
            line=hit.line,
            column=hit.column,
            what=hit.what,
            hint=rule.hint,
        )
        for rule in RULES
        for hit in rule.look(workflow, given)
    )
    return (*workflow.problems, *dict.fromkeys(found))
