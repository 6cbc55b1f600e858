"""`tagseal policy`: what is printed for a cluster says the identity that signs, and nothing wider."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import widget
from tagseal.cli import main
from tagseal.errors import ConfigError, Refused, UsageError
from tagseal.machine.git import Git
from tagseal.names import TAG
from tagseal.project.policy import TAGS, Evaluator, expression, pods, policies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system

GOLDEN = Path(__file__).parents[1] / "golden" / "policies"
IMAGE = "ghcr.io/octo/widget"
WORKFLOW = "https://github.com/octo/widget/.github/workflows/release.yml"
DIGEST = "sha256:" + "ab" * 32
EVALUATORS: tuple[Evaluator, ...] = ("kyverno", "policy-controller")
FORMS: dict[str, Callable[[Path], str]] = {
    "kyverno-every-tag": lambda root: policies(root, "kyverno", tag=None, enforce=False),
    "kyverno-one-tag": lambda root: policies(root, "kyverno", tag="v1.2.3", enforce=True),
    "policy-controller-every-tag": lambda root: policies(root, "policy-controller", tag=None, enforce=False),
    "policy-controller-one-tag": lambda root: policies(root, "policy-controller", tag="v1.2.3", enforce=True),
    "pods": lambda root: pods(root, digest=DIGEST),
}


def project(root: Path, image: str = IMAGE, settings: str = "", *, origin: bool = True) -> Path:
    """Make a project that releases an image."""
    own = f'{settings}\n[image]\nname = "{image}"\n' if image else settings
    git = widget.commit(root, widget.files() | {"tagseal.toml": own})
    if origin:
        git.command("remote", "add", "origin", "git@github.com:octo/widget.git")
    return root


def documents(text: str) -> dict[str, Any]:
    """Return what a cluster reads, by kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def values(node: object, key: str) -> Iterator[Any]:
    """Yield what stands under this key, at any depth."""
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == key)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from values(child, key)


@pytest.mark.parametrize("name", FORMS)
def test_what_is_printed(tmp_path: Path, name: str) -> None:
    """Each form, to the letter."""
    printed = FORMS[name](project(tmp_path))
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_one_tag_is_its_exact_identity(tmp_path: Path, evaluator: Evaluator) -> None:
    """The subject is the certificate's, without a pattern, and the issuer stands beside it."""
    printed = list(yaml.safe_load_all(policies(project(tmp_path), evaluator, tag="v1.2.3", enforce=False)))
    assert set(values(printed, "subject")) == {f"{WORKFLOW}@refs/tags/v1.2.3"}
    assert set(values(printed, "issuer")) == {"https://token.actions.githubusercontent.com"}
    assert list(values(printed, "subjectRegExp")) == []


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_every_tag_is_one_expression(tmp_path: Path, evaluator: Evaluator) -> None:
    """Only the tag is open, and the text says what that gives up."""
    text = policies(project(tmp_path), evaluator, tag=None, enforce=False)
    printed = list(yaml.safe_load_all(text))
    assert set(values(printed, "subjectRegExp")) == {expression("octo/widget", ".github/workflows/release.yml")}
    assert list(values(printed, "subject")) == []
    assert "What that gives up" in text


def test_the_expression_admits_tags_of_this_workflow_alone() -> None:
    """A dot is a dot, and nothing before, behind or between is free."""
    found = re.compile(expression("octo/wid.get", ".github/workflows/release.yml"), re.ASCII)
    subject = "https://github.com/octo/wid.get/.github/workflows/release.yml@refs/tags/"
    assert all(found.search(f"{subject}{tag}") for tag in ("v1.2.3", "1", "widget/v1.0+a_b-c"))
    others = (
        subject,
        f"{subject}v1 ",
        f"{subject}/v1",
        f"{subject}a//b",
        f"{subject}v1@refs/tags/v2",
        f"{subject.replace('tags', 'heads')}v1",
        f"{subject.replace('wid.get', 'widxget')}v1",
        f"{subject.replace('.yml', 'xyml')}v1",
        f"https://evil.example/?{subject}v1",
        f"{subject}v1\n{subject}",
    )
    assert [other for other in others if found.search(other)] == []


@given(st.text("aZ0./+-_@ é", max_size=8))
def test_the_expression_takes_the_tags_that_are_safe(tag: str) -> None:
    """Without a lookahead, which Go has not, it takes what our own rule takes."""
    assert bool(re.fullmatch(TAGS, tag, re.ASCII)) == bool(TAG.fullmatch(tag))


@pytest.mark.parametrize(
    ("enforce", "modes"), [(False, ["Audit", "Audit", "warn"]), (True, ["Enforce", "Deny", "enforce"])]
)
def test_nothing_is_refused_unless_asked(tmp_path: Path, modes: list[str], *, enforce: bool) -> None:
    """The default mode reports, and the other refuses, in the words of each kind."""
    root = project(tmp_path)
    kinds = documents(policies(root, "kyverno", tag=None, enforce=enforce))
    (action,) = values(kinds["ClusterPolicy"], "failureAction")
    (actions,) = values(kinds["ImageValidatingPolicy"], "validationActions")
    (mode,) = values(documents(policies(root, "policy-controller", tag=None, enforce=enforce)), "mode")
    assert [action, *actions, mode] == modes


@pytest.mark.parametrize(
    ("image", "patterns", "globs"),
    [
        (IMAGE, [IMAGE, f"{IMAGE}:*", f"{IMAGE}@*"], [f"{IMAGE}:*", f"{IMAGE}@*"]),
        (
            "docker.io/octo/widget",
            [
                f"{name}{rest}"
                for name in ("docker.io/octo/widget", "index.docker.io/octo/widget", "octo/widget")
                for rest in ("", ":*", "@*")
            ],
            ["index.docker.io/octo/widget:*", "index.docker.io/octo/widget@*"],
        ),
    ],
)
def test_the_image_is_matched_however_it_is_written(
    tmp_path: Path, image: str, patterns: list[str], globs: list[str]
) -> None:
    """By tag, by digest and by neither; a name that goes on is another image; Docker Hub's has several spellings."""
    root = project(tmp_path, image)
    kyverno = documents(policies(root, "kyverno", tag=None, enforce=False))
    assert list(values(kyverno["ClusterPolicy"], "imageReferences")) == [patterns]
    assert list(values(kyverno["ImageValidatingPolicy"], "glob")) == patterns
    assert list(values(documents(policies(root, "policy-controller", tag=None, enforce=False)), "glob")) == globs


def test_two_images_have_two_names(tmp_path: Path) -> None:
    """Names that would become the same word are told apart, for one policy would replace the other."""
    names = set()
    for number, image in enumerate(
        ("ghcr.io/a/b-c", "ghcr.io/a-b/c", "ghcr.io/a/b.c", "quay.io/a/b-c", f"ghcr.io/{'a/' * 60}b")
    ):
        printed = yaml.safe_load_all(
            policies(project(tmp_path / str(number), image), "kyverno", tag=None, enforce=False)
        )
        names |= {document["metadata"]["name"] for document in printed}
    assert len(names) == 5
    assert all(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", name) and len(name) <= 63 for name in names)


def test_the_form_of_the_signatures_is_read_or_refused(tmp_path: Path) -> None:
    """Kyverno is told of bundles; the policy-controller would deny every image that is signed in bundles only."""
    root = project(tmp_path, "")
    (root / "tagseal.toml").write_text(f'[image]\nname = "{IMAGE}"\nsignatures = ["bundle"]\n')
    kyverno = documents(policies(root, "kyverno", tag=None, enforce=False))
    assert list(values(kyverno["ClusterPolicy"], "type")) == ["SigstoreBundle"]
    with pytest.raises(ConfigError) as caught:
        policies(root, "policy-controller", tag=None, enforce=False)
    assert caught.value.slug == "policy-form-not-read"


def test_pods_take_a_digest_or_show_its_place(tmp_path: Path) -> None:
    """One pod has the image's digest, the other one that no signature is for."""
    root = project(tmp_path)
    given, placeholder = (
        [pod["spec"]["containers"][0]["image"] for pod in yaml.safe_load_all(pods(root, digest=digest))]
        for digest in (DIGEST, None)
    )
    assert given == [f"{IMAGE}@{DIGEST}", f"{IMAGE}@sha256:{'0' * 64}"]
    assert placeholder[0] == f"{IMAGE}@DIGEST"


@pytest.mark.parametrize(
    ("settings", "image", "origin", "slug"),
    [
        ("", "", True, "policy-without-image"),
        ("", IMAGE, False, "policy-without-repository"),
        (
            '[sigstore]\ntrust-config = "trust.json"\naudience = "ours"\n',
            IMAGE,
            True,
            "policy-private-sigstore",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, settings: str, image: str, slug: str, *, origin: bool) -> None:
    """Without an image, a repository or the public instance there is no policy, not a wider one."""
    root = project(tmp_path, image, settings, origin=origin)
    for form in FORMS.values():
        with pytest.raises(UsageError) as caught:
            form(root)
        assert caught.value.slug == slug


@pytest.mark.parametrize("tag", ["v1*", "v?", "v1\nsubject: x", 'v1"', "v1 #"])
def test_an_unsafe_tag_is_refused(tmp_path: Path, tag: str) -> None:
    """Kyverno reads * and ? in a subject as wildcards, and YAML reads line ends: no such tag gets there."""
    with pytest.raises(Refused) as caught:
        policies(project(tmp_path), "kyverno", tag=tag, enforce=False)
    assert caught.value.slug == "unsafe-tag"


@pytest.mark.parametrize("digest", ["", "ab" * 32, "sha256:" + "AB" * 32, f"{DIGEST}\n", "sha512:" + "ab" * 64])
def test_a_digest_is_a_digest(tmp_path: Path, digest: str) -> None:
    """Anything but the algorithm and 64 digits is refused."""
    with pytest.raises(UsageError) as caught:
        pods(project(tmp_path), digest=digest)
    assert caught.value.slug == "bad-digest"


def test_a_projects_own_template_is_sandboxed(tmp_path: Path) -> None:
    """It overrides ours, and reaches nothing but the values."""
    root = project(tmp_path, settings='templates = "own"\n')
    own = root / "own" / "policies" / "pods.yaml.j2"
    own.parent.mkdir(parents=True)
    own.write_text("# {{ image }}\n")
    Git.own(root, os.environ).command("add", "own")
    assert pods(root, digest=None) == f"# {IMAGE}\n"
    own.write_text("{{ image.__class__.__mro__ }}")
    with pytest.raises(ConfigError) as caught:
        pods(root, digest=None)
    assert caught.value.slug == "template-error"


def test_the_command_prints_yaml(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output is the policy and nothing else, every tag unless one is named, audit unless asked."""
    root = project(tmp_path)
    monkeypatch.chdir(root)
    cases: dict[tuple[str, ...], Callable[[], str]] = {
        ("kyverno",): lambda: policies(root, "kyverno", tag=None, enforce=False),
        ("kyverno", "--every-tag"): lambda: policies(root, "kyverno", tag=None, enforce=False),
        ("policy-controller", "--tag", "v1", "--mode", "enforce"): lambda: policies(
            root, "policy-controller", tag="v1", enforce=True
        ),
        ("kyverno", "--pods", "--digest", DIGEST): lambda: pods(root, digest=DIGEST),
    }
    for arguments, expected in cases.items():
        assert main(["policy", *arguments]) == 0
        assert capsys.readouterr().out == expected()
    assert main(["policy", "kyverno", "--tag", "v1", "--every-tag"]) == 2
    assert capsys.readouterr().err.startswith("error: got a command line that does not parse: ")
