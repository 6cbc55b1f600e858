"""build: packages from the tag's files in a child that sees little, or collected; all described by their bytes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import widget
from refusals import refused
from tagseal.config import IndexSettings
from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.machine import backend
from tagseal.machine.wheels import check_collected
from tagseal.records import Kind
from tagseal.steps.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from job import Job

WATCHING = widget.BACKEND + dedent("""
    import json, subprocess

    _plain_sdist = build_sdist

    def build_sdist(folder, config_settings=None):
        seen = {
            "environ": dict(os.environ),
            "files": sorted(os.listdir(".")),
            "home": sorted(path.name for path in pathlib.Path(os.environ["HOME"]).rglob("*")),
            "visible": sorted(set(os.listdir(os.environ["HOME"])) - {".cache"}),
            "described": subprocess.check_output(["git", "describe", "--tags", "--dirty"], text=True),
        }
        pathlib.Path(SEEN).write_text(json.dumps(seen))
        return _plain_sdist(folder, config_settings)
""")
FAILING = "import sys\nprint('\\n'.join(f'line {n}' for n in range(99)))\nsys.exit('the compiler is gone')\n"


def test_wheel_sdist_and_assets_are_built_placed_and_described(tmp_path: Path) -> None:
    """The record holds exactly the files of the work folder, by size and digest; git still sees a clean tree."""
    git = widget.commit(tmp_path, {**widget.files(), ".gitignore": "dist/\nout/\n"}, "v1.2.3")
    widget.write(tmp_path, {"out/widget.pyz": "zip"})
    tag, plan, services = widget.release(git, assets=("out/*.pyz",))
    built = build(tag, plan, services=services)
    assert built.commit == git.head()
    assert not built.collected
    assert [(artifact.kind, artifact.name) for artifact in built.artifacts] == [
        (Kind.wheel, widget.WHEEL),
        (Kind.sdist, widget.SDIST),
        (Kind.asset, "widget.pyz"),
    ]
    for one in built.artifacts:
        content = services.work.file(one).read_bytes()
        assert (one.size, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert sorted(path.name for path in services.work.path.iterdir()) == ["assets", "logs", "packages"]
    assert git.status() == ((), ())


def test_the_build_sees_the_tags_files_and_little_of_the_environment(tmp_path: Path) -> None:
    """Untracked and changed files, tokens and HOME stay outside; the tag and SOURCE_DATE_EPOCH are there.

    HOME is empty but for what the front end caches: without a pip of its own it calls virtualenv, which keeps wheels.
    """
    seen = tmp_path / "seen.json"
    root = tmp_path / "root"
    git = widget.commit(root, {**widget.files(), "backend.py": WATCHING.replace("SEEN", repr(str(seen)))}, "v1.2.3")
    widget.write(root, {"untracked.py": "", "widget.py": "changed"})
    names = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "TWINE_PASSWORD", "NETRC", "SSH_AUTH_SOCK", "CI")
    own = tmp_path / "own"
    widget.write(own, {".pypirc": "canary", ".cache/canary": ""})
    environ = dict.fromkeys(names, "canary") | {"CC": "cc", "MATURIN_X": "x", "PIP_DEFAULT_TIMEOUT": "7"}
    environ["HOME"] = str(own)
    tag, plan, services = widget.release(git, environ=environ, build_env=("CC", "MATURIN_*", "GITHUB_*", "*_TOKEN"))
    build(tag, plan, services=services)
    found = json.loads(seen.read_text())
    assert "canary" not in found["environ"].values()
    expected = {"CC": "cc", "MATURIN_X": "x", "PIP_DEFAULT_TIMEOUT": "7", "SOURCE_DATE_EPOCH": str(plan.epoch)}
    assert expected.items() <= found["environ"].items()
    assert found["environ"]["HOME"] != str(own)
    assert (found["visible"], found["described"]) == ([], "v1.2.3\n")
    assert "canary" not in found["home"]
    assert "untracked.py" not in found["files"]
    with tarfile.open(services.work.packages / widget.SDIST) as sdist:
        assert sdist.getmember("widget-1.2.3/widget.py").size == len(widget.files()["widget.py"])


def test_inside_the_loopback_the_build_goes_to_the_persons_own_network(tmp_path: Path) -> None:
    """There the usual names lead to the door, so the person's own settings take their place, and only those."""
    own = {"HTTPS_PROXY": "http://own.example", "PIP_INDEX_URL": "https://own.example", "EVIL": "canary"}
    environ = {
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "SSL_CERT_FILE": "door.pem",
        "PATH": "/bin",
        backend.BUILD_NETWORK: json.dumps(own),
    }
    inside = backend.child_environ(environ, ("*",), home=tmp_path / "a", loopback=True)
    assert {name: inside.get(name) for name in (*own, "SSL_CERT_FILE", backend.BUILD_NETWORK)} == {
        "HTTPS_PROXY": "http://own.example",
        "PIP_INDEX_URL": "https://own.example",
        "EVIL": None,
        "SSL_CERT_FILE": None,
        backend.BUILD_NETWORK: None,
    }
    outside = backend.child_environ(environ, ("*",), home=tmp_path / "b")
    assert (outside["HTTPS_PROXY"], outside["SSL_CERT_FILE"]) == ("http://127.0.0.1:1", "door.pem")
    assert backend.BUILD_NETWORK not in outside


def test_a_python_of_the_runners_finds_its_library(tmp_path: Path) -> None:
    """Where actions/setup-python unpacks to another folder, a build's Python does not start without this."""
    child = backend.child_environ({"LD_LIBRARY_PATH": "/tools/lib"}, home=tmp_path / "home")
    assert child["LD_LIBRARY_PATH"] == "/tools/lib"


def test_the_persons_own_files_are_found_where_a_temporary_home_would_hide_them(tmp_path: Path) -> None:
    """Configuration and caches of pip and uv keep their place; a variable beats the default, and nothing is made up."""
    widget.write(tmp_path, {".config/pip/pip.conf": "", ".cache/uv/x": "", ".cache/pip/x": ""})
    assert backend.network_settings({"HOME": str(tmp_path), "PIP_CACHE_DIR": "/own", "GITHUB_TOKEN": "canary"}) == {
        "PIP_CONFIG_FILE": str(tmp_path / ".config/pip/pip.conf"),
        "UV_CACHE_DIR": str(tmp_path / ".cache/uv"),
        "PIP_CACHE_DIR": "/own",
    }


def test_a_failing_build_shows_its_last_lines_and_where_the_log_is(tmp_path: Path) -> None:
    """The last twenty lines stand in the error, everything in the log; what an earlier run built stays."""
    git = widget.project(tmp_path, "v1.2.3")
    tag, plan, services = widget.release(git)
    first = build(tag, plan, services=services)
    tag, plan, services = widget.release(widget.commit(tmp_path, {"backend.py": FAILING}))
    error = refused(build, tag, plan, services=services)
    log = services.work.path / "logs" / "build.log"
    assert (type(error), error.slug) == (UsageError, "build-failed")
    assert any("the compiler is gone" in line for line in error.context)
    assert error.context[-1] == f"whole log: {log}"
    assert len(error.context) == 21
    assert "line 0\n" in log.read_text()
    assert all(services.work.file(artifact).is_file() for artifact in first.artifacts)


def test_files_that_git_lfs_keeps_elsewhere_are_not_packed_as_pointers(tmp_path: Path) -> None:
    """A clone has pointers in their place, and a package of pointers looks whole: refused, with the way out."""
    git = widget.commit(
        tmp_path, {**widget.files(), ".gitattributes": "*.bin filter=lfs\n", "a b.bin": "oid"}, "v1.2.3"
    )
    tag, plan, services = widget.release(git)
    error = refused(build, tag, plan, services=services)
    assert (type(error), error.slug, error.context) == (Refused, "large-files", ("'a b.bin'",))


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    """Nothing of an earlier or interrupted run stays among the files."""
    git = widget.project(tmp_path, "v1.2.3")
    tag, plan, services = widget.release(git)
    widget.write(services.work.path, {".staging/packages/half": "", "packages/old.whl": "", "assets/old": ""})
    built = build(tag, plan, services=services)
    assert sorted(path.name for path in services.work.packages.iterdir()) == sorted(
        artifact.name for artifact in built.artifacts
    )
    assert list(services.work.assets.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "project"),
    [(("--outdir", backend.OUT), "."), ((), "."), ((), "packages/widget")],
    ids=["{out}", "dist", "dist of a project below"],
)
def test_another_front_end_builds(tmp_path: Path, arguments: tuple[str, ...], project: str) -> None:
    """A configured argv runs in the project's folder; its packages come from {out} or from dist."""
    content = {f"{project}/{name}": text for name, text in widget.files().items()}
    git = widget.commit(tmp_path, content, "v1.2.3")
    argv = (sys.executable, "-m", "build", *arguments)
    tag, plan, services = widget.release(git, build=argv, project=project)
    assert [artifact.name for artifact in build(tag, plan, services=services).artifacts] == [widget.WHEEL, widget.SDIST]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        (widget.SDIST, "duplicate-file-name"),
        ("SHA256SUMS", "reserved-file-name"),
        (f"{widget.SDIST}.sigstore.json", "reserved-file-name"),
        ("a b", "unsafe-file-name"),
        ("folder/file", "pattern-without-file"),
    ],
)
@pytest.mark.usefixtures("forge")
def test_an_asset_that_no_release_can_hold_is_refused(tmp_path: Path, name: str, slug: str) -> None:
    """A name that a package has, one that signing gives, one that is not safe, or no file: each is an error."""
    git = widget.project(tmp_path, "v1.2.3")
    widget.write(tmp_path, {f"wheelhouse/{widget.SDIST}": "x", f"out/{name}": "x"})
    tag, plan, services = widget.release(git, packages=("wheelhouse/*",), assets=("out/*",))
    assert refused(build, tag, plan, services=services).slug == slug


MANYLINUX = "widget-1.2.3-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WINDOWS = "widget-1.2.3-cp312-cp312-win_amd64.whl"
LINUX = "widget-1.2.3-cp312-cp312-linux_x86_64.whl"


@pytest.mark.usefixtures("forge")
def test_packages_of_earlier_jobs_are_collected_and_no_project_code_runs(tmp_path: Path) -> None:
    """With `packages` nothing is built: the files are taken, and the record says so."""
    git = widget.project(tmp_path, "v1.2.3", backend="raise SystemExit('ran')")
    widget.write(tmp_path, {f"wheelhouse/{name}": "x" for name in (widget.SDIST, MANYLINUX, WINDOWS)})
    tag, plan, services = widget.release(git, packages=("wheelhouse/*",))
    built = build(tag, plan, services=services)
    digest = hashlib.sha256(b"x").hexdigest()
    assert {(artifact.name, artifact.sha256) for artifact in built.artifacts} == {
        (name, digest) for name in (widget.SDIST, MANYLINUX, WINDOWS)
    }
    assert (built.collected, built.dropped) == (True, ())


def test_a_wheel_that_the_previous_release_had_is_lost_only_on_purpose(job: Job, tmp_path: Path) -> None:
    """The previous release is the highest published one below this version, in the project's way of tagging."""
    old, older, newer, other = (f"widget-{one}-cp39-cp39-win_amd64.whl" for one in ("1.2.2", "1.2.1", "1.3.0", "9"))
    widget.write(tmp_path, {f"out/{name}": "x" for name in (old, older, newer, other)})
    widget.write(job.git.root, {f"dist/{name}": "x" for name in (widget.SDIST, MANYLINUX)})
    for name in ("v1.2.1", "v1.2.2"):
        job.git.command("tag", name)
    # Made in another order than their versions: backports, a moving tag and a draft are not the previous release.
    job.release("v1.2.2", tmp_path / "out" / old)
    job.release("v1.3.0", tmp_path / "out" / newer)
    job.release("v1.2.1", tmp_path / "out" / older)
    job.release("v1", tmp_path / "out" / other)
    job.release("v1.2.2.post1", tmp_path / "out" / other, draft=True)
    tag, plan, services = widget.release(job.git, packages=("dist/*.*",))
    error = refused(build, tag, plan, services=services)
    assert (type(error), error.slug, error.context) == (Refused, "wheels-lost", (old,))
    tag, plan, services = widget.release(job.git, packages=("dist/*.*",), dropped=("*-cp39-win_*",))
    assert build(tag, plan, services=services).dropped == (old,)


@pytest.mark.parametrize(
    ("names", "slug"),
    [
        ([WINDOWS], "collected-sdists"),
        ([widget.SDIST, "widget-1.2.4-py3-none-any.whl"], "collected-versions"),
        ([widget.SDIST, "gadget-1.2.3-py3-none-any.whl"], "collected-versions"),
        ([widget.SDIST, "gadget-1.2.3.tar.gz"], "collected-versions"),
        ([widget.SDIST, "Wid_get.whl"], "not-a-package-name"),
        ([widget.SDIST, "notes.txt"], "not-a-package-name"),
        ([widget.SDIST, LINUX], "wheel-not-portable"),
    ],
)
def test_a_collection_that_is_no_release_is_refused(names: list[str], slug: str) -> None:
    """One sdist, one project, one version, packages only, and wheels that the index takes."""
    with pytest.raises(TagsealError) as caught:
        check_collected(names, previous=(), dropped=(), index=True)
    assert caught.value.slug == slug


@pytest.mark.usefixtures("forge")
def test_a_wheel_for_one_linux_is_refused_only_where_an_index_is_configured(tmp_path: Path) -> None:
    """Attached to a release alone, linux_* wheels are the maintainer's business."""
    git = widget.project(tmp_path, "v1.2.3")
    widget.write(tmp_path, {f"wheelhouse/{name}": "x" for name in (widget.SDIST, LINUX)})
    tag, plan, services = widget.release(git, packages=("wheelhouse/*",))
    assert len(build(tag, plan, services=services).artifacts) == 2
    tag, plan, services = widget.release(git, packages=("wheelhouse/*",), index=IndexSettings(name="pypi"))
    assert refused(build, tag, plan, services=services).slug == "wheel-not-portable"


@pytest.mark.parametrize(
    ("previous", "dropped", "lost"),
    [
        ([MANYLINUX.replace("1.2.3", "1.2.2")], [], ()),
        (["widget-1.2.2-cp312-cp312-manylinux2014_x86_64.whl"], [], ()),
        (["odd.whl"], [], ()),
        (["widget-1.2.2-cp312-cp312-win_amd64.whl"], ["*-win_*"], ("widget-1.2.2-cp312-cp312-win_amd64.whl",)),
        (["widget-1.2.2-cp312-cp312-win_amd64.whl"], ["*-cp39-*"], None),
        (["widget-1.2.2-cp312-cp312-win_amd64.whl"], [], None),
    ],
)
def test_a_platform_is_lost_only_on_purpose(
    previous: list[str], dropped: list[str], lost: tuple[str, ...] | None
) -> None:
    """A wheel of the previous release has a successor for each of its platforms, or a line that lets it go."""
    names = [widget.SDIST, MANYLINUX]
    if lost is not None:
        assert check_collected(names, previous=previous, dropped=dropped, index=True) == lost
        return
    with pytest.raises(Refused) as caught:
        check_collected(names, previous=previous, dropped=dropped, index=True)
    assert (caught.value.slug, caught.value.context) == ("wheels-lost", tuple(previous))


def test_dynamic_metadata_comes_from_the_back_end_in_a_child(tmp_path: Path) -> None:
    """Name and version are asked of the back end; where it fails, its words are shown."""
    git = widget.project(tmp_path / "root")
    environ = backend.child_environ(os.environ, home=tmp_path / "home")
    assert backend.metadata(git.root, environ) == backend.Metadata(name="widget", version="1.2.3")
    widget.write(git.root, {"backend.py": FAILING})
    with pytest.raises(UsageError) as caught:
        backend.metadata(git.root, environ)
    assert caught.value.slug == "build-failed"
    assert any("the compiler is gone" in line for line in caught.value.context)
