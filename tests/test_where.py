"""The table that leads from a sentence to its module and its test."""

from __future__ import annotations

import re

from source import ROOT, SOURCE

ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in (ROOT / ".github" / "docs" / "where.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`" in line
]
PAGES = ("README.md", "templates/guide.md.j2")


def read(name: str) -> str:
    """Return a page in one line: sentences go on over the end of a line."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_every_sentence_stands_in_the_readme_or_in_the_guide() -> None:
    """A sentence that was rewritten is rewritten here as well."""
    pages = [read(name) for name in PAGES]
    assert [sentence for sentence, *_ in ROWS if not any(sentence in page for page in pages)] == []


def test_every_module_and_every_test_is_there() -> None:
    """A path that leads nowhere would send a reader astray."""
    modules = [module.strip("`") for _, module, _ in ROWS]
    assert [module for module in modules if not (SOURCE / "tagseal" / module).is_file()] == []
    absent = []
    for *_, place in ROWS:
        file, _, name = place.strip("`").partition("::")
        path = ROOT / "tests" / file
        if not path.is_file() or not re.search(
            rf"^(def |class )?{name or 'def test_'}", path.read_text(), re.MULTILINE
        ):
            absent.append(place)
    assert absent == []


def test_there_are_thirty() -> None:
    """Enough that a newcomer learns the house by them."""
    assert len(ROWS) == 30
