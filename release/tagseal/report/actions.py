"""A job's log in GitHub Actions: plain lines, and an annotation for an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.names import printable
from tagseal.report.plain import Plain

if TYPE_CHECKING:
    from tagseal.errors import TagsealError


class Actions(Plain):
    """Plain lines; ``::error`` makes the runner show an error on the run's page."""

    def failed(self, error: TagsealError) -> None:
        """Print the error, and annotate the run."""
        super().failed(error)
        text = "\n".join([error.what, *error.context, error.hint])
        self.line(f"::error title=tagseal {error.slug}::{_data(text)}")


def _data(text: str) -> str:
    """Escape a workflow command's data ("Workflow commands" in GitHub's documentation)."""
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
