"""GitHub's own Markdown, for tests: cmark-gfm with the extensions that github.com has, sanitised as there."""

from __future__ import annotations

from cmarkgfm import markdown_to_html_with_extensions  # type: ignore[import-untyped]
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]

from tagseal.notes import page

_OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_HARDBREAKS
_EXTENSIONS = ["table", "autolink", "tagfilter", "strikethrough", "tasklist"]


def html(markdown: str) -> str:
    """Return what github.com shows: release notes break lines where their author did."""
    return page.sanitise(markdown_to_html_with_extensions(markdown, _OPTIONS, _EXTENSIONS))
