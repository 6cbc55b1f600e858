"""The rendered page: the golden one, names, templates of the project, and their errors.

``TAGSEAL_GOLDEN=write pytest tests/unit/test_notes_render.py`` writes the golden page anew; look at the difference.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import Refused, TagsealError, VerificationFailed
from tagseal.machine.indexes import known_indexes
from tagseal.notes import child, guide, page, templates
from tagseal.notes import commands as instructions
from tagseal.notes.commands import words
from tagseal.notes.guide import GuideSubject
from tagseal.notes.page import LIMIT
from tagseal.notes.render import Page, render
from tagseal.notes.templates import packaged_folder
from tagseal.records import Artifact, Identity, Kind
from tagseal.workflow.signing import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagseal.records import Command, Plan

GOLDEN = Path(__file__).parents[1] / "golden" / "notes.md"
MACROS = "verify/commands.md.j2"
PROSE = {f"verify/{part}.md.j2" for part in ("meaning", "output", "segments", "starts", "table")}
TEMPLATES = sorted({f"verify/{path.name}" for path in packaged_folder().glob("verify/*.j2")} - {MACROS})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill a project's own templates in this process: that a child does it is held in test_notes_templates."""
    monkeypatch.setattr(templates, "ask", child.attempt)


@pytest.fixture
def rendered(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> Callable[..., Page]:
    def with_changes(
        override: dict[str, str] | None = None,
        files: tuple[Artifact, ...] = artifacts,
        above: str = "",
        **changes: object,
    ) -> Page:
        return render(tag="v1.2.3", plan=plan(**changes), artifacts=files, override=override, above=above)

    return with_changes


def own(**files: str) -> dict[str, str]:
    """Return a project's own templates."""
    return {f"{name.replace('__', '/')}.md.j2": text for name, text in files.items()}


def test_the_page_is_the_golden_one(rendered: Callable[..., Page]) -> None:
    """Whoever changes a template sees what it does to the page."""
    text = rendered().text
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


KIT = Artifact(kind=Kind.kit, name="widget-1.2.3-verify.zip", size=1, sha256="d" * 64)
ASSETS = tuple(Artifact(kind=Kind.asset, name=f"widget.{end}", size=1, sha256="e" * 64) for end in ("1", "pdf"))
EVERYTHING = ("index", "image", "kit", "assets")
COMBINATIONS = [words for number in range(len(EVERYTHING) + 1) for words in itertools.combinations(EVERYTHING, number)]
"""What a release has besides packages and their hashes: each combination."""


@pytest.fixture
def combined(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...], image: Artifact
) -> Callable[[Sequence[str]], Page]:
    """Return a function that gives the page of a release with these things; its index is not the one of pip."""
    more: dict[str, tuple[tuple[Artifact, ...], dict[str, object]]] = {
        "index": ((), {"index": known_indexes()["testpypi"]}),
        "image": ((image,), {"image_tags": ("v1.2.3",), "image_forms": ("simplesigning",)}),
        "kit": ((KIT,), {"kit": KIT.name}),
        "assets": (ASSETS, {}),
    }

    def combine(has: Sequence[str]) -> Page:
        files = tuple(file for one in has for file in more[one][0])
        changes = {name: value for one in has for name, value in more[one][1].items()}
        return rendered(files=(*artifacts, *files), **changes)

    return combine


@pytest.mark.parametrize("has", COMBINATIONS, ids=lambda has: "+".join(has) or "packages")
def test_a_reader_sees_twenty_lines_and_the_rest_is_folded(
    combined: Callable[[Sequence[str]], Page], has: tuple[str, ...]
) -> None:
    """A heading, a sentence, or a line of a command; 25 with an image. Folded and all, it is 150 lines of Markdown."""
    text = combined(has).text
    ours = text[text.index("## Install this version" if "index" in has else "## Verify") :]
    seen = [line for line in ours.partition("</summary>")[0].splitlines() if line and not line.startswith("```")]
    assert len(seen) <= (25 if "image" in has else 20), seen
    assert len(ours.splitlines()) <= 150
    assert ours.endswith("\n</details>\n")


@pytest.mark.parametrize("has", COMBINATIONS, ids=lambda has: "+".join(has) or "packages")
def test_a_reader_sees_how_to_install_and_the_commands_of_the_guide(
    combined: Callable[[Sequence[str]], Page], has: tuple[str, ...]
) -> None:
    """Installation where there is an index, download and verification of the packages, one further way, the image."""
    tools = [command.text.split()[:2] for command in shown_commands(combined(has).text)]
    assert tools == [
        *([["pip", "install"]] if "index" in has else []),
        ["pip", "install"],
        ["gh", "release"],
        ["sigstore", "verify"],
        ["cosign", "verify-blob"],
        *([["cosign", "verify"]] if "image" in has else []),
    ]


@pytest.mark.parametrize("has", COMBINATIONS, ids=lambda has: "+".join(has) or "packages")
def test_each_command_of_the_guide_is_in_the_notes_word_for_word(
    combined: Callable[[Sequence[str]], Page],
    has: tuple[str, ...],
    plan: Callable[..., Plan],
    artifacts: tuple[Artifact, ...],
    image: Artifact,
) -> None:
    """The guide promises that the notes have its exact commands; those of the packages stand unfolded, in its order."""
    subject = GuideSubject(
        project="widget",
        tag="v1.2.3",
        version="1.2.3",
        example=("v1.2.3", "1.2.3"),
        identity=plan().identity,
        artifacts=(*artifacts, *((image,) if "image" in has else ())),
        image_tag="v1.2.3",
        image_forms=("simplesigning",),
        index=known_indexes()["testpypi"] if "index" in has else None,
        starts=Triggers(tags=True),
        links={},
    )
    by_guide = [simple for command in guide.render(subject, None).commands for simple in words(command.text)]
    page = combined(has)
    by_notes = [simple for command in page.commands for simple in words(command.text)]
    assert [simple for simple in by_guide if simple not in by_notes] == []
    unfolded = [simple for command in shown_commands(page.text) for simple in words(command.text)]
    of_packages = [simple for simple in by_guide if simple[:2] != ("pip", "download")]
    of_packages = [simple for simple in of_packages if simple[0] in {"pip", "gh", "sigstore"}]
    assert sorted(of_packages) == sorted(simple for simple in unfolded if simple in of_packages)
    for tool in ("gh", "sigstore"):
        assert [one for one in unfolded if one[0] == tool] == [one for one in by_guide if one[0] == tool]


def shown_commands(text: str) -> tuple[Command, ...]:
    """Return the commands that stand above the fold."""
    return instructions.commands(text.partition("<details>")[0])


def test_the_page_has_few_blocks_however_many_files(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...]
) -> None:
    """Fifty wheels make longer commands, never more of them, and fit into what GitHub takes."""
    wheels = tuple(
        Artifact(kind=Kind.wheel, name=f"widget-1.2.3-cp3{n}-cp3{n}-manylinux_2_28_x86_64.whl", size=1, sha256="0" * 64)
        for n in range(10, 60)
    )
    many = rendered(files=(*wheels, artifacts[2]))
    assert len(many.commands) <= len(rendered().commands)
    assert len(many.text) < LIMIT
    assert all(wheel.name in page.html(many.text) for wheel in wheels)


@pytest.mark.parametrize("length", [20, 60])
def test_hundreds_of_files_fit_into_what_github_takes(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...], length: int
) -> None:
    """Cosign verifies the list of hashes then, which every file is held against; sigstore verifies each file."""
    assets = tuple(
        Artifact(kind=Kind.asset, name=f"{n:03}{'a' * (length - 7)}.bin", size=10**6, sha256="0" * 64)
        for n in range(250)
    )
    many = rendered(files=(*artifacts, *assets))
    assert len(many.text) < LIMIT
    assert len(many.commands) <= len(rendered().commands)
    by_tool = {command.text.split()[0]: command.text for command in many.commands}
    assert by_tool["cosign"].count("cosign verify-blob") == 1
    assert "SHA256SUMS" in by_tool["cosign"]
    assert all(one.name in by_tool["sigstore"] for one in (*artifacts[1:], *assets))


@pytest.mark.parametrize(("count", "listed"), [(100, True), (101, False)])
def test_more_hashes_than_anyone_reads_are_left_to_the_list(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...], *, count: int, listed: bool
) -> None:
    """Up to a hundred files the page has a row for each."""
    assets = tuple(
        Artifact(kind=Kind.asset, name=f"{number}.bin", size=1, sha256="0" * 64)
        for number in range(count - len(artifacts))
    )
    text = rendered(files=(*artifacts, *assets)).text
    assert text.count(f"| `{'0' * 64}` |") == (len(assets) if listed else 0)
    assert ("`SHA256SUMS` lists the SHA-256 of each." in text) is not listed


def test_a_release_of_one_file_has_no_command_for_others(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...]
) -> None:
    """Nothing is left to verify; the hash list is the one file that cannot be left out."""
    with pytest.raises(VerificationFailed) as refusal:
        rendered(files=artifacts[:1])
    assert refusal.value.context == (f"{artifacts[0].name}: no check of its hash",)
    assert "Each file has its bundle" not in rendered(files=artifacts[2:]).text


def test_the_tag_and_version_are_everywhere(rendered: Callable[..., Page]) -> None:
    """No placeholder is left for a reader to fill in."""
    text = rendered(section="").text
    assert re.findall(r"<(?!details|/details|summary|/summary|file>)[^>]*>|\{\{|\{%", text) == []
    assert "Version 1.2.3 was built from commit `4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e`" in text
    assert text.count("v1.2.3") > text.count("1.2.3-py3") > 3


def test_every_word_of_a_command_is_quoted_where_it_needs_to_be(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]
) -> None:
    """A local version's plus sign is no reason; a tag with a slash is one segment of a plain URL."""
    identity = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/lib/v1")
    file = dataclasses.replace(artifacts[0], name="widget-1+x-py3-none-any.whl")
    found = render(tag="lib/v1", plan=plan(identity=identity), artifacts=(file, artifacts[2]), override=None)
    text = "\n".join(command.text for command in found.commands)
    assert "releases/download/lib%2Fv1/widget-1+x-py3-none-any.whl" in text
    assert "gh release download lib/v1 " in text


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        *(
            (name, "unsafe-file-name")
            for name in ("a b.whl", "a\n.whl", "a`id`.whl", "$(id).whl", "-a.whl", "../a.whl")
        ),
        *((name, "unsafe-file-name") for name in ("a'.whl", "ä.whl", "a.", "", "<b>.whl", "[x](y).whl", "a" * 260)),
    ],
)
def test_a_file_name_that_could_break_out_is_refused(
    name: str, slug: str, rendered: Callable[..., Page], artifacts: tuple[Artifact, ...]
) -> None:
    """Nothing is quoted away that should not exist."""
    with pytest.raises(Refused) as refusal:
        rendered(files=(*artifacts, dataclasses.replace(artifacts[0], name=name)))
    assert refusal.value.slug == slug


@pytest.mark.parametrize(
    ("identity", "slug"),
    [
        ({"workflow": ".github/workflows/`id`.yml"}, "unsafe-workflow-name"),
        ({"workflow": ".github/workflows/../x.yml"}, "unsafe-workflow-name"),
        ({"workflow": "release.yml"}, "unsafe-workflow-name"),
        ({"repository": "octo/wid get"}, "unsafe-repository"),
        ({"repository": "octo`id`/widget"}, "unsafe-repository"),
    ],
)
def test_an_identity_that_could_break_out_is_refused(
    identity: dict[str, str], slug: str, rendered: Callable[..., Page], plan: Callable[..., Plan]
) -> None:
    """The repository and the workflow are names from outside too."""
    with pytest.raises(Refused) as refusal:
        rendered(identity=dataclasses.replace(plan().identity, **identity))
    assert refusal.value.slug == slug


def test_a_tag_that_could_break_out_is_refused(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """Guard refuses it first; a renderer that anybody may call does so again."""
    with pytest.raises(Refused) as refusal:
        render(tag="v1$(id)", plan=plan(), artifacts=artifacts, override=None)
    assert refusal.value.slug == "unsafe-tag"


def test_notes_that_are_too_long_lose_the_end_of_the_section(rendered: Callable[..., Page]) -> None:
    """GitHub takes 125,000 characters: the section is cut at a heading, a link leads to the rest, the commands stay."""
    items = "".join(f"- Change {number}: {'words ' * 60}[it][].\n" for number in range(250))
    section = f"### Added\n\n{items}\n### Fixed\n\n{items}\n### Removed\n\n{items}\n[it]: <https://example.org>\n"
    found = rendered(section=section)
    assert len(found.text) <= LIMIT
    assert found.commands == rendered().commands
    above = found.text.partition("## Verify")[0].splitlines()
    assert above[-6:] == [
        f"- Change 249: {'words ' * 60}[it][].",
        "",
        "[it]: <https://example.org>",
        "",
        "*This is a part. The whole: [CHANGELOG.md](https://github.com/octo/widget/blob/v1.2.3/CHANGELOG.md).*",
        "",
    ]
    assert [line for line in above if line.startswith("###")] == ["### Added"]


def test_a_section_without_headings_is_cut_at_a_block(rendered: Callable[..., Page]) -> None:
    """At an item of a list, and never within an element that is open."""
    items = "".join(f"- Change {number}: {'words ' * 60}.\n" for number in range(400))
    assert rendered(section=items).text.partition("*This is a part.")[0].endswith("words .\n\n")
    folded = f"Before.\n\n<details>\n\n{items}\n</details>\n"
    assert rendered(section=folded).text.startswith("Before.\n\n*This is a part.")
    assert rendered(section="x" * LIMIT).text.startswith("*This is a part.")


def test_instructions_are_never_cut(rendered: Callable[..., Page]) -> None:
    """Where they alone are too long, or below what somebody else wrote, the notes are refused."""
    with pytest.raises(Refused) as refusal:
        rendered(above="x" * LIMIT)
    assert refusal.value.slug == "notes-too-long"


def test_a_project_overrides_file_by_file(rendered: Callable[..., Page]) -> None:
    """One file of its own, the others as packaged; the commands still come from the verify section."""
    overridden = own(
        verify__meaning="What it means: {{ tag }}.\n", notes="# {{ project }}\n\n{{ section }}\n\n{{ verify }}"
    )
    found = rendered(override=overridden)
    assert found.text.startswith("# widget\n\n### Added\n")
    assert "What it means: v1.2.3." in found.text
    assert found.commands == rendered().commands


@pytest.mark.parametrize(
    ("files", "slug", "what"),
    [
        ({"notes": "{{ verify }}\nand more"}, "notes-without-instructions", None),
        ({"notes": "{{ section }}"}, "notes-without-instructions", None),
        ({"notes": "<details>\n\n{{ verify }}"}, "notes-open-html", None),
        ({"notes": "<form>\n\n{{ verify }}"}, "notes-read-differently", r"line 1 of the notes has a tag .*"),
        ({"notes": "a\n\n[^1]: b\n\n{{ verify }}"}, "notes-read-differently", r"line 3 of the notes has .*"),
        ({"notes": "{% if %}"}, "template-error", r"notes\.md\.j2:1: 'Expected an expression.*'"),
        ({"verify__meaning": "a\n{{ nothing }}"}, "template-error", r"meaning\.md\.j2:2: ''nothing' is undefined'"),
        ({"verify__table": "\n\n{{ 1 / 0 }}"}, "template-error", r"table\.md\.j2:3: 'division by zero'"),
        ({"verify__table": "{% include 'no.j2' %}"}, "template-error", r"no\.j2:0: 'no\.j2'"),
        ({"verify__table": "{% include '../x' %}"}, "template-error", None),
        ({"verify__table": "{{ ''.__class__.__mro__ }}"}, "template-error", r"table.*unsafe.*"),
        ({"verify__table": "{{ files.clear() }}"}, "template-error", r"table.*unsafe.*"),
        ({"verify__cosign": ""}, "instructions-incomplete", None),
        ({"verify__cosign": "```bash draft\ncosign version\n```"}, "notes-unknown-fence", None),
        ({"verify__cosign": "```bash\ncosign version\n```"}, "command-not-understood", None),
        ({"verify__commands": ""}, "template-error", r".*'install'.*"),
    ],
)
def test_a_template_that_breaks_the_page_is_refused(
    files: dict[str, str], slug: str, what: str | None, rendered: Callable[..., Page]
) -> None:
    """With its file and line where Jinja knows them; templates run sandboxed, for the job holds a token."""
    with pytest.raises(TagsealError) as refusal:
        rendered(override=own(**files))
    assert refusal.value.slug == slug
    assert what is None or re.fullmatch(what, refusal.value.what)


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_packaged_template_can_be_emptied(
    template: str,
    rendered: Callable[..., Page],
    artifacts: tuple[Artifact, ...],
    image: Artifact,
) -> None:
    """Of the parts with commands; the others are prose."""
    index = known_indexes()["pypi"]
    subjects = {"files": (*artifacts, image), "image_tags": ("v1.2.3",), "index": index}
    if template in PROSE:
        assert rendered(override={template: ""}, **subjects).commands == rendered(**subjects).commands
        return
    with pytest.raises(VerificationFailed) as refusal:
        rendered(override={template: ""}, **subjects)
    assert refusal.value.slug == "instructions-incomplete"


def test_a_link_definition_that_redirects_the_instructions_is_refused() -> None:
    """The packaged templates define no reference links; a project's own may."""
    verify = "## Verify\n\nGet [cosign].\n\n[cosign]: https://docs.sigstore.dev\n"
    page.check("- [x]\n\n", verify)
    with pytest.raises(Refused) as refusal:
        page.check("- new\n\n[Cosign]: https://evil.example\n\n", verify)
    assert refusal.value.slug == "notes-hidden-instructions"
    assert refusal.value.what.startswith("line 3 of the notes")


def test_a_refusal_names_the_line() -> None:
    """Counted from 1 on the page, with the line itself."""
    with pytest.raises(Refused) as html:
        page.check("one\n\n<div>bold\n\n", "## Verify\n")
    with pytest.raises(Refused) as fence:
        page.check("one\n\n```\ntwo\n\n", "## Verify\n")
    assert html.value.what.startswith("line 3 of the notes leaves <div> open")
    assert html.value.context == ("'<div>bold'",)
    assert fence.value.what.startswith("line 3 of the notes reaches into")
    assert fence.value.context == ("'```'",)


def test_the_html_is_sanitised_as_github_does() -> None:
    """No script, style, handler or foreign scheme; tables, strikethrough, folds and line breaks stay."""
    shown = page.html(
        "a <script>x</script><b onclick='x' style='x'>b</b> ~~s~~\nn [j](javascript:x)\n\n"
        "|a|\n|-:|\n|c|\n\n<details>\n\n</details>\n"
    )
    assert shown == (
        "<p>a <b>b</b> <s>s</s><br>\nn [j](javascript:x)</p>\n"
        '<table>\n<thead>\n<tr>\n<th align="right">a</th>\n</tr>\n</thead>\n'
        '<tbody>\n<tr>\n<td align="right">c</td>\n</tr>\n</tbody>\n</table>\n<details>\n</details>\n'
    )
