"""[tool.tagseal]: what is accepted, and how everything that is wrong is said at once."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tagseal.config import ImageSettings, IndexSettings, PublisherSettings, Settings, SigstoreSettings, load, not_yet
from tagseal.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = """
    [tool.tagseal]
    repository = "octo/widget"
    project = "packages/widget"
    tag = "widget-{version}"
    workflow = "publish.yml"
    changelog = "docs/NEWS.rst"
    packages = ["wheelhouse/*"]
    build = ["uv", "build"]
    build-env = ["CC", "MATURIN_*"]
    assets = ["build/*.pyz"]
    templates = "release-templates"
    reproducible = "require"
    release = "adopt"
    public-log = true
    wait = 60
    kit = true
    dropped = ["*-cp39-*"]

    [tool.tagseal.sigstore]
    trust-config = "trust.json"
    audience = "our-sigstore"

    [tool.tagseal.image]
    name = "ghcr.io/octo/widget"
    build = ["docker", "buildx", "build", "--output", "type=oci,dest={archive}", "."]
    tags = ["{tag}"]
    signatures = ["simplesigning", "bundle"]

    [tool.tagseal.index]
    name = "pypi"
    publisher = { workflow = "release.yml", environment = "release" }
"""


def written(root: Path, text: str, name: str = "pyproject.toml") -> Path:
    root.joinpath(name).write_text(dedent(text), encoding="utf-8")
    return root


def problems(root: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(root)
    return caught.value.context


def test_nothing_configured_is_the_default(tmp_path: Path) -> None:
    """A project without any configuration gets the defaults."""
    assert load(tmp_path) == Settings()


def test_every_documented_key_is_read(tmp_path: Path) -> None:
    """Each key of the reference ends up in its attribute, with hyphens as underscores."""
    assert load(written(tmp_path, EVERYTHING)) == Settings(
        repository="octo/widget",
        project="packages/widget",
        tag="widget-{version}",
        workflow="publish.yml",
        changelog="docs/NEWS.rst",
        packages=("wheelhouse/*",),
        build=("uv", "build"),
        build_env=("CC", "MATURIN_*"),
        assets=("build/*.pyz",),
        templates="release-templates",
        reproducible="require",
        release="adopt",
        public_log=True,
        wait=60,
        kit=True,
        dropped=("*-cp39-*",),
        sigstore=SigstoreSettings(trust_config="trust.json", audience="our-sigstore"),
        image=ImageSettings(
            name="ghcr.io/octo/widget",
            build=("docker", "buildx", "build", "--output", "type=oci,dest={archive}", "."),
            tags=("{tag}",),
            signatures=("simplesigning", "bundle"),
        ),
        index=IndexSettings(name="pypi", publisher=PublisherSettings(workflow="release.yml", environment="release")),
    )


@pytest.mark.parametrize("text", ['wait = 7\nassets = ["a"]', '[tool.tagseal]\nwait = 7\nassets = ["a"]'])
def test_tagseal_toml_takes_the_keys_with_or_without_the_table(tmp_path: Path, text: str) -> None:
    """In tagseal.toml the keys stand at the top, or below the header that one copied from the reference."""
    written(tmp_path, "[project]\nname = 'widget'\n")
    assert load(written(tmp_path, text, "tagseal.toml")) == Settings(wait=7, assets=("a",))


def test_all_problems_are_reported_at_once_with_their_key_path(tmp_path: Path) -> None:
    """Unknown keys, wrong types and values without sense stand in one error, a line each."""
    text = """
        [tool.tagseal]
        projekt = "."
        wait = "long"
        packages = "wheelhouse/*"
        public-log = 1
        build_env = ["CC"]
        reproducible = "yes"
        tag = "release"
        repository = "https://github.com/octo/widget"
        workflow = ".github/workflows/release.yml"
        changelog = "/etc/passwd"
        assets = ["build/*", "../secret", ""]
        zzz = 1

        [tool.tagseal.sigstore]
        trust-config = "a/../../b"
        audience = "sigstore"

        [tool.tagseal.index]
        publisher = { environment = 1 }
    """
    at = "pyproject.toml: tool.tagseal."
    keys = (
        "repository, project, tag, workflow, changelog, packages, build, build-env, assets, templates, reproducible, "
        "smoke, release, public-log, wait, kit, dropped, sigstore, image, index"
    )
    assert sorted(problems(written(tmp_path, text))) == sorted(
        (
            f"{at}projekt: unknown key; did you mean project?",
            f"{at}wait: got 'long', expected a whole number",
            f"{at}packages: got 'wheelhouse/*', expected a list of strings",
            f"{at}public-log: got 1, expected true or false",
            f"{at}build_env: unknown key; did you mean build-env?",
            f"{at}reproducible: got 'yes', expected 'report', 'require' or 'off'",
            f"{at}tag: got 'release', expected {{version}} in it, exactly once",
            f"{at}repository: got 'https://github.com/octo/widget', expected OWNER/REPO",
            f"{at}workflow: got '.github/workflows/release.yml', expected a bare file name such as release.yml",
            f"{at}changelog: got '/etc/passwd', expected a relative path inside the repository",
            f"{at}assets.1: got '../secret', expected a relative path inside the repository",
            f"{at}assets.2: got '', expected a relative path inside the repository",
            f"{at}zzz: unknown key; known are {keys}",
            f"{at}sigstore.trust-config: got 'a/../../b', expected a relative path inside the repository",
            f"{at}sigstore.audience: got 'sigstore', expected an audience other than sigstore",
            f"{at}index.name: it is missing",
            f"{at}index.publisher.workflow: it is missing",
            f"{at}index.publisher.environment: got 1, expected a string",
        )
    )


@pytest.mark.parametrize("folder", [".", "./", "", ".own", "own/.hidden", "../own", "own/../..", "/own"])
def test_templates_have_a_folder_of_their_own(tmp_path: Path, folder: str) -> None:
    """The root holds more than templates, and so does what has a dot in front."""
    expected = "a folder of its own below the root, no part of it with a dot in front"
    (problem,) = problems(written(tmp_path, f'templates = "{folder}"\n', "tagseal.toml"))
    assert problem == f"tagseal.toml: templates: got '{folder}', expected {expected}"
    assert load(written(tmp_path, 'templates = "docs/own"\n', "tagseal.toml")).templates == "docs/own"


def test_a_table_where_a_value_belongs_is_said_so(tmp_path: Path) -> None:
    """Structure is checked as well: a table for a string, a string for a table, a number in a list."""
    text = """
        [tool.tagseal]
        index = "pypi"
        assets = [1]
        wait = 1.5
        changelog = 2026-01-01
        [tool.tagseal.tag]
        version = "v"
    """
    assert sorted(problems(written(tmp_path, text))) == [
        "pyproject.toml: tool.tagseal.assets.0: got 1, expected a string",
        "pyproject.toml: tool.tagseal.changelog: got 2026-01-01, expected no date or time",
        "pyproject.toml: tool.tagseal.index: got 'pypi', expected a table",
        "pyproject.toml: tool.tagseal.tag: got a table, expected a string",
        "pyproject.toml: tool.tagseal.wait: got 1.5, expected a whole number",
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "py pi"\nurl = "https://a.example/"', ".name: got 'py pi', expected letters, digits and . _ -"),
        ('name = "PyPI"', ".url: it is missing, expected the simple API of 'PyPI'; did you mean pypi?"),
        ('name = "own"', ".url: it is missing, expected the simple API of 'own'"),
        ('name = "pypi"\nurl = "https://a.example/"', ": got an address for pypi, expected none: it is known"),
        (
            'name = "own"\nurl = "http://a.example/"',
            ".url: got 'http://a.example/', expected https://HOST/PATH/, with a slash at its end",
        ),
        (
            'name = "own"\nurl = "https://a.example/simple"',
            ".url: got 'https://a.example/simple', expected https://HOST/PATH/, with a slash at its end",
        ),
        (
            'name = "own"\nurl = "https://me:secret@a.example/"',
            ".url: got 'https://me:secret@a.example/', expected https://HOST/PATH/, with a slash at its end",
        ),
        (
            'name = "own"\nurl = "https://a.example/"\npublisher = { workflow = "a.yml" }',
            ".publisher: got one for 'own', expected it for pypi or testpypi",
        ),
    ],
)
def test_a_wrong_index_is_told_by_what_is_wrong(tmp_path: Path, lines: str, said: str) -> None:
    """Whoever wrote it can copy what is right; a login is never part of an address."""
    (problem,) = problems(written(tmp_path, f"[tool.tagseal.index]\n{lines}\n"))
    assert problem == f"pyproject.toml: tool.tagseal.index{said}"


BARE = "ghcr.io/o/w, without scheme, tag or digest: the tags stand in `tags`"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "ghcr.io/Octo/W"', "name: got 'ghcr.io/Octo/W', expected small letters: ghcr.io/octo/w"),
        ('name = "octo/widget"', "name: got 'octo/widget', expected a registry in front, such as ghcr.io/octo/widget"),
        ('name = "ghcr.io/o/w:v1"', f"name: got 'ghcr.io/o/w:v1', expected {BARE}"),
        ('name = "https://ghcr.io/o/w"', f"name: got 'https://ghcr.io/o/w', expected {BARE}"),
        (
            'name = "$(id)"',
            "name: got '$(id)', expected REGISTRY/REPOSITORY, such as ghcr.io/owner/repo",
        ),
        (
            'name = "ghcr.io/a/b"\ntags = ["v 1"]',
            "tags.0: got 'v 1', expected letters, digits and . _ - beside {tag} and {version}",
        ),
    ],
)
def test_a_wrong_image_is_told_by_what_is_wrong(tmp_path: Path, lines: str, said: str) -> None:
    """Whoever wrote it can copy what is right."""
    (problem,) = problems(written(tmp_path, f"[tool.tagseal.image]\n{lines}\n"))
    assert problem == f"pyproject.toml: tool.tagseal.image.{said}"


def test_keys_that_do_not_go_together_are_problems(tmp_path: Path) -> None:
    """One of two ways to an image, and a build that says where it writes."""
    text = '[tool.tagseal.image]\nname = "ghcr.io/a/b"\nbuild = ["make"]\narchive = "image.tar"\n'
    at = "pyproject.toml: tool.tagseal.image"
    assert problems(written(tmp_path, text)) == (
        f"{at}: got build and archive, expected one of them",
        f"{at}.build: got no {{archive}} in it, expected it where the command names its output",
    )


@pytest.mark.parametrize("name", ["docker.io/octo/widget", "registry.example.org:5000/widget"])
def test_a_registry_that_is_not_supported_yet_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is built, and by name."""
    with pytest.raises(ConfigError) as caught:
        not_yet(load(written(tmp_path, f'[tool.tagseal.image]\nname = "{name}"\n')))
    assert caught.value.slug == "not-built-yet"


def test_what_comes_from_the_file_is_shown_without_control_characters(tmp_path: Path) -> None:
    """A key or value cannot rewrite the terminal that shows its problem."""
    text = '[tool.tagseal]\n"a\\u001b[2Jb" = 1\nrepository = "\\u202e"\n'
    assert all("\x1b" not in line and "\u202e" not in line for line in problems(written(tmp_path, text)))


def test_invalid_toml_names_the_line(tmp_path: Path) -> None:
    """A file that does not parse is a configuration error that says where."""
    (problem,) = problems(written(tmp_path, "[project]\nname = \n"))
    assert problem.startswith("pyproject.toml: ")
    assert "line 2" in problem


@pytest.mark.parametrize(
    ("pyproject", "own", "slug"),
    [
        ("[tool.tagseal]\nwait = 1\n", "wait = 2\n", "two-configurations"),
        ("[tool]\ntagseal = 1\n", None, "configuration-not-a-table"),
        ("\xff", None, "invalid-toml"),
    ],
)
def test_a_configuration_that_cannot_be_told_is_an_error(
    tmp_path: Path, pyproject: str, own: str | None, slug: str
) -> None:
    """Two places, no table, or no UTF-8: nothing is guessed."""
    (tmp_path / "pyproject.toml").write_text(pyproject, encoding="latin-1")
    if own is not None:
        written(tmp_path, own, "tagseal.toml")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.slug == slug


def test_keys_that_are_not_built_yet_are_refused_by_name(tmp_path: Path) -> None:
    """A key that this version understands and does not honour is never silently ignored."""
    with pytest.raises(ConfigError) as caught:
        not_yet(load(written(tmp_path, EVERYTHING)))
    assert caught.value.slug == "not-built-yet"
    assert "got sigstore in the configuration" in str(caught.value)
    not_yet(Settings(release="adopt"))
