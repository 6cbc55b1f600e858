"""A report that passes everything to another one: the base of those that add something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tagseal.report.plain import WHAT, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Record


class PassingReport(Report):
    """Pass everything to another report, which decides what is shown."""

    def __init__(self, inner: Report) -> None:
        """Let ``inner`` speak."""
        self._inner = inner

    def begin(self, verb: str) -> None:
        """Pass it on."""
        self._inner.begin(verb)

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Pass it on."""
        self._inner.finish(verb, record, seconds)

    def remark(self, text: str) -> None:
        """Pass it on."""
        self._inner.remark(text)

    def say(self, text: str) -> None:
        """Pass it on."""
        self._inner.say(text)

    def waiting(self, reason: str, seconds: float) -> None:
        """Pass it on."""
        self._inner.waiting(reason, seconds)

    def pause(self, reason: str, seconds: float) -> None:
        """Pass it on."""
        self._inner.pause(reason, seconds)

    def line(self, text: str) -> None:
        """Pass it on."""
        self._inner.line(text)

    def page(self, text: str) -> None:
        """Pass it on."""
        self._inner.page(text)

    def row(self, what: str, good: bool | None, text: str, *, width: int = WHAT) -> None:  # noqa: FBT001 - read from a table
        """Pass it on."""
        self._inner.row(what, good, text, width=width)

    def detail(self, text: str, *, width: int = WHAT) -> None:
        """Pass it on."""
        self._inner.detail(text, width=width)

    def finding(self, level: Literal["warning", "error"], slug: str, text: str, place: Mapping[str, object]) -> None:
        """Pass it on."""
        self._inner.finding(level, slug, text, place)

    def fail(self, error: TagsealError) -> None:
        """Pass it on."""
        self._inner.fail(error)

    def close(self, document: object = None) -> None:
        """Pass it on."""
        self._inner.close(document)
