"""A kept guide: written whole, found to have drifted, written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import guides
from tagseal.cli import main
from tagseal.errors import Refused, TagsealError, VerificationFailed
from tagseal.project.guide import check, page, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return guides.checkout(tmp_path, guides.IMAGE)


@pytest.mark.parametrize("tag", [None, "v1.2.3", "v9.9.9"])
def test_a_page_is_compared_with_what_wrote_it(root: Path, tag: str | None) -> None:
    """Its last line says for which tag it was written, if for any: nobody repeats that."""
    write(root, tag, root / "docs" / "verify.md")
    check(root, None, root / "docs" / "verify.md")
    assert (root / "docs" / "verify.md").read_text() == page(root, tag)


def test_line_ends_and_blank_lines_at_the_end_are_no_drift(root: Path) -> None:
    """A checkout on another system writes them otherwise."""
    (root / "verify.md").write_bytes(page(root, None).replace("\n", "\r\n").encode() + b"\r\n")
    check(root, None, root / "verify.md")


@pytest.mark.parametrize(
    ("settings", "workflow"),
    [
        (guides.IMAGE.replace("octo", "acme"), guides.ON_TAGS),
        ("", guides.ON_TAGS),
        (guides.IMAGE, guides.ON_TAGS.replace("on: {", "on: {workflow_dispatch: , ")),
        (f'repository = "acme/widget"\n{guides.IMAGE}', guides.ON_TAGS),
    ],
)
def test_a_page_drifts_when_the_project_changes(root: Path, settings: str, workflow: str) -> None:
    """Another image, none, another trigger, another repository."""
    write(root, None, root / "verify.md")
    (root / "tagseal.toml").write_text(settings)
    (root / ".github/workflows/release.yml").write_text(workflow)
    with pytest.raises(VerificationFailed) as caught:
        check(root, None, root / "verify.md")
    assert caught.value.slug == "guide-drifted"


def test_the_difference_is_bounded_and_printable(root: Path) -> None:
    """Whoever changed the page cannot rewrite the terminal of whoever checks it."""
    hostile = "".join(f"line {number} \x1b[2J\u202e{'x' * 500}\n" for number in range(100))
    (root / "verify.md").write_text(hostile + page(root, "v1.2.3"))
    with pytest.raises(VerificationFailed) as caught:
        check(root, None, root / "verify.md")
    assert len(caught.value.context) == 21
    assert all(len(line) < 300 and line.isprintable() for line in caught.value.context)
    assert caught.value.context[:2] == ("--- as it is", "+++ as rendered")


def test_the_hint_writes_the_page_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it stands, for the tag that the page is for."""
    monkeypatch.chdir(root)
    write(root, "v1.2.3", root / "my guide.md")
    (root / "my guide.md").write_text((root / "my guide.md").read_text().replace("octo", "acme"))
    with pytest.raises(VerificationFailed) as caught:
        check(root, None, (root / "my guide.md").relative_to(root))
    assert "`tagseal guide --tag v1.2.3 --out 'my guide.md'`" in caught.value.hint
    assert main(["guide", "--tag", "v1.2.3", "--out", "my guide.md"]) == 0
    check(root, None, root / "my guide.md")


def test_a_tag_on_the_command_line_decides(root: Path) -> None:
    """A page for another release than the wanted one has drifted."""
    write(root, "v1.2.3", root / "verify.md")
    check(root, "v1.2.3", root / "verify.md")
    with pytest.raises(VerificationFailed):
        check(root, "v1.2.4", root / "verify.md")


def test_a_tag_in_the_page_is_data(root: Path) -> None:
    """It is held like any other tag."""
    (root / "verify.md").write_text("# Verify\n\n<!-- Written by: tagseal guide --tag $(id) -->\n")
    with pytest.raises(Refused) as caught:
        check(root, None, root / "verify.md")
    assert caught.value.slug == "unsafe-tag"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_page_that_cannot_be_read_is_no_drift(root: Path, content: bytes | None) -> None:
    """It is the caller's to mend: exit 2."""
    if content is not None:
        (root / "verify.md").write_bytes(content)
    with pytest.raises(TagsealError) as caught:
        check(root, None, root / "verify.md")
    assert (caught.value.slug, caught.value.exit_code) == ("guide-not-found", 2)


def test_the_command_line(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, written, checked; 1 for a page that has drifted, 2 for what makes no sense."""
    monkeypatch.chdir(root)
    assert main(["guide"]) == 0
    assert capsys.readouterr().out == page(root, None)
    assert main(["guide", "--out", "verify.md"]) == 0
    assert main(["guide", "--check", "verify.md"]) == 0
    assert capsys.readouterr().out == "written: verify.md\nverify.md is what the project renders now\n"
    (root / "verify.md").write_text("# Verify\n")
    assert main(["guide", "--check", "verify.md"]) == 1
    assert "+# Verifying signed artifacts" in capsys.readouterr().err
    assert main(["guide", "--check", "absent.md"]) == 2
    assert main(["guide", "--check", "verify.md", "--out", "verify.md"]) == 2
