"""Every error that a user can meet.

::

    TagsealError                   who must act                                exit
    ├── VerificationFailed         nobody may use this: it did not verify         1
    ├── UsageError                 the caller: argv, the project, a tool          2
    │   └── ConfigError            the author of the configuration                2
    ├── Refused                    the maintainer: a rule forbids this run        3
    └── ServiceError               nobody yet: run the same command again         4
        └── Busy                   nobody: it may answer later, and was waited for  4

An error carries what happened (both sides: "got …, expected …"), its context, a hint that names the next
command, and a slug: a stable name that is an anchor in ``.github/ERRORS.md``. Interrupts (130) and bugs (70)
are not errors of ours; ``tagseal.cli`` turns them into exit codes.
"""

from __future__ import annotations

from typing import ClassVar


class TagsealError(Exception):
    """The root: catch this to catch whatever the tool says on purpose.

    Attributes:
        what: One sentence, plain text: what was got and what was expected.
        context: Further lines, from the outermost fact inwards.
        hint: What to do next, with the command where there is one.
        slug: Stable name of this error, lower case with hyphens.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, hint: str, slug: str, context: tuple[str, ...] = ()) -> None:
        """Keep the four parts; ``str()`` gives the first."""
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.slug = slug
        self.context = context


class VerificationFailed(TagsealError):  # noqa: N818 - the verdict is the name (design, section 5)
    """An artifact, a bundle or an instruction did not verify."""

    exit_code = 1


class UsageError(TagsealError):
    """The command line, the project or a missing tool has to be mended first."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration is wrong; all problems are in ``context``, one a line, each with its key path."""


class Refused(TagsealError):  # noqa: N818 - the guard refuses (design, section 5)
    """The guard, or a rule of behaviour, forbids this run."""

    exit_code = 3


class ServiceError(TagsealError):
    """A service failed past the retry budget; the same command resumes.

    The hint names with ``{rerun}``, or at the beginning of a sentence ``{Rerun}``, what is to be run again: the same
    command, until somebody who knows more says what resumes (:meth:`name_rerun`).
    """

    exit_code = 4

    def __init__(self, what: str, *, hint: str, slug: str, context: tuple[str, ...] = ()) -> None:
        """Keep the four parts; the hint may name the re-run."""
        super().__init__(what, hint=hint, slug=slug, context=context)
        self._hint = hint
        self.name_rerun("run the same command again")

    def name_rerun(self, rerun: str) -> bool:
        """Let the hint say this, in the imperative, of what resumes; tell whether it speaks of that at all."""
        self.hint = self._hint.replace("{rerun}", rerun).replace("{Rerun}", f"{rerun[:1].upper()}{rerun[1:]}")
        return self.hint != self._hint


class Busy(ServiceError):  # noqa: N818 - the service is busy
    """A service did not answer, or asked for a pause: worth another try after a while (``services.retry``).

    Attributes:
        after: Seconds after which the service wants to be asked again; None where it did not say.
    """

    def __init__(
        self, what: str, *, hint: str, slug: str, context: tuple[str, ...] = (), after: float | None = None
    ) -> None:
        """Keep the parts."""
        super().__init__(what, hint=hint, slug=slug, context=context)
        self.after = after
