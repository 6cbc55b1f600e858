"""Names are data from outside: safe as they stand, or refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagseal.errors import Refused
from tagseal.names import (
    folder,
    number_of,
    plain,
    printable,
    quote_path,
    quote_word,
    safe_file_name,
    safe_image,
    safe_repository,
    safe_tag,
    show,
)

SAFE_TAGS = ("v1.0.0", "1.0.0", "26.1.0", "1.0.0rc1", "pkg/v1.0", "v1.0.0+local", "release-1_2")
UNSAFE_TAGS = (
    "",
    "-v1.0.0",
    "v1.0.0$(id)",
    "v1.0.0 ",
    "v1 0",
    "v1.0.0'",
    'v1.0.0"',
    "v1.0.0`id`",
    "v1.0.0\n",
    "v1.0.0\x1b[31m",
    "v1.0.0;id",
    "v1..0",
    "v1.0.lock",
    "v1.0/",
    "v1//0",
    "v1/.0",
    "../v1",
    "v1.0.0\u202e",
    "\u05bd1.0.0",
    "v\u0661.0",
    "\u1d20\u0031.0",
    "v" * 201,
)


def test_a_number_has_its_noun() -> None:
    """One is one; everything else is many, and long numbers are grouped."""
    found = [number_of(number, "byte") for number in (0, 1, 2, 12_345)]
    assert found == ["0 bytes", "1 byte", "2 bytes", "12,345 bytes"]


@pytest.mark.parametrize("tag", SAFE_TAGS)
def test_a_safe_tag_stays_as_it_is(tag: str) -> None:
    """A tag of letters, digits and . _ + - / is returned unchanged."""
    assert safe_tag(tag) == tag


@pytest.mark.parametrize("tag", UNSAFE_TAGS)
def test_another_tag_is_refused(tag: str) -> None:
    """Anything that a shell, a URL or git might read otherwise is refused, with a message fit for a terminal."""
    with pytest.raises(Refused) as caught:
        safe_tag(tag)
    assert caught.value.slug == "unsafe-tag"
    assert all(printable(part) == part for part in (caught.value.what, *caught.value.context))


@pytest.mark.parametrize("name", ["a.whl", "widget-1.0+cu12.tar.gz", "SHA256SUMS", "0"])
def test_a_safe_file_name_stays_as_it_is(name: str) -> None:
    """A file name that GitHub keeps is returned unchanged."""
    assert safe_file_name(name) == name


@pytest.mark.parametrize("name", ["", ".hidden", "-rf", "a b", "a~b", "a/b", "ä.whl", "a.", "a\nb", "`id`", "a" * 256])
def test_another_file_name_is_refused(name: str) -> None:
    """A file name that GitHub would rewrite, or a shell expand, is refused."""
    with pytest.raises(Refused) as caught:
        safe_file_name(name)
    assert caught.value.slug == "unsafe-file-name"


@pytest.mark.parametrize("name", ["octo/widget", "octo_corp/widget", "octo-/widget", "o--o/.github", "octo/w_1-x."])
def test_github_has_these_repositories(name: str) -> None:
    """Accounts that a company manages end in its short name; old ones may end in a hyphen."""
    assert safe_repository(name) == name


@pytest.mark.parametrize(
    "name", ["octo", "octo/", "/widget", "octo/widget.git", "octo/..", "a b/c", "octo/wid/get", "-o/w"]
)
def test_a_repository_is_owner_and_name(name: str) -> None:
    """Whatever is not OWNER/REPO is refused."""
    with pytest.raises(Refused) as caught:
        safe_repository(name)
    assert caught.value.slug == "unsafe-repository"


@given(st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,8}(/[a-z0-9]{1,4})?", fullmatch=True), st.data())
def test_folders_are_injective(first: str, data: st.DataObject) -> None:
    """Two tags never share a work folder, and a folder's name has no separator."""
    second = data.draw(st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,8}(/[a-z0-9]{1,4})?", fullmatch=True))
    try:
        one, other = folder(first), folder(second)
    except Refused:
        return
    assert "/" not in one
    assert (one == other) == (first == second)


@given(st.text())
def test_what_is_printed_cannot_steer_a_terminal(text: str) -> None:
    """No control or bidirectional character is left, and what is printed once stays as it is."""
    clean = printable(text)
    assert {unicodedata.category(character) for character in clean} & {"Cc", "Cf", "Zl", "Zp", "Cs"} == set()
    assert printable(clean) == clean


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_what_steers_nothing_is_printed_as_it_is(text: str) -> None:
    """Letters, digits, signs and spaces stay."""
    assert printable(text) == text


@pytest.mark.parametrize(
    "letter",
    [
        *("\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u034f", "\u00ad", "\u17b4", "\u180e", "\u200b", "\u2064"),
        *("\u206f", "\ufe00", "\ufe0f", "\ufeff", "\ufff8", "\U0001bca0", "\U0001d159", "\U0001d173", "\U000e0001"),
        *("\U000e0100", "\U000e0fff", "\U00016fe4", "\U00013441"),
    ],
    ids=ascii,
)
def test_a_letter_that_nobody_can_see_is_shown_as_its_code(letter: str) -> None:
    """Fillers, joiners, selectors, tags and blanks would let two names look alike."""
    assert printable(f"OK{letter}") == f"OK\\u{ord(letter):04x}"
    assert printable(letter, keep=letter) == letter
    assert not plain(f"widget-1.2.3{letter}.tar.gz")


@pytest.mark.parametrize("letter", ["é", "ß", "字", "א", "ع", "🎉", "\u0301", "\u00a0", "…"], ids=ascii)
def test_a_letter_that_is_seen_is_shown(letter: str) -> None:
    """Letters and accents of every script, emoji and spaces stay."""
    assert printable(letter) == letter


def test_shown_is_bounded() -> None:
    """Text from outside is quoted and cut."""
    assert show("a" * 200) == f"'{'a' * 120}…'"


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_quoted_is_one_word(word: str) -> None:
    """A shell reads a quoted word as exactly that word."""
    import shlex  # noqa: PLC0415

    assert shlex.split(quote_word(word)) == [word]


@pytest.mark.parametrize("name", ["ghcr.io/octo/widget", "registry.example.org:5000/a", "quay.io/a/b_c/d--e.f"])
def test_an_image_is_a_host_and_a_repository(name: str) -> None:
    """A registry's host and a repository in small letters are taken apart, and say the name together."""
    assert "/".join(safe_image(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "widget", "octo/widget", "localhost/widget", "ghcr.io", "ghcr.io/", "ghcr.io/Octo/widget", "GHCR.io/o/w"),
        *("ghcr.io/o/w:v1", "ghcr.io/o/w@sha256:ab", "https://ghcr.io/o/w", "ghcr.io/o//w", "ghcr.io/../w"),
        *("ghcr.io/o/w\n", "ghcr.io/o/w ", "ghcr.io/$(id)", "ghcr.io/-o", "ghcr.io/o/w/", f"ghcr.io/{'a' * 250}"),
    ],
)
def test_another_image_name_is_refused(name: str) -> None:
    """A name without a host, in capitals, with a tag, or that a shell might read otherwise, is refused."""
    with pytest.raises(Refused) as caught:
        safe_image(name)
    assert caught.value.slug == "unsafe-image-name"


def test_a_strangers_name_fits_into_a_path() -> None:
    """File systems count bytes, and a file that is being written has a longer name than its own."""
    assert plain("a" * 240)
    assert not plain("a" * 241)
    assert not plain("é" * 121)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("src/widget/new.py", "src/widget/new.py"),
        ("src/it's new.py", "'src/it'\"'\"'s new.py'"),
        ("-f", "./-f"),
        (":(exclude)x.py", "'./:(exclude)x.py'"),
        ("a\nb'\\.py", r"$'a\u000ab\'\\.py'"),
        ("a\u202egnp.py", r"$'a\u202egnp.py'"),
    ],
)
def test_a_path_is_quoted_for_a_shell_and_for_git(path: str, words: str) -> None:
    """No name is read as an option or a pattern, and one that nobody can see is written out."""
    assert quote_path(path) == words
