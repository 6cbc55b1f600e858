"""The distribution-spec's own suites judge the played registry, and its clients use it: interop."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

import oci
from tagseal.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.interop

HOST = "registry.example.com"
NAME = "octo/widget"
REQUIRED = os.environ.get("TAGSEAL_INTEROP") == "required"


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path_factory.mktemp("loopback"), registries=[HOST]) as running:
        yield running


@pytest.fixture
def token(loopback: Loopback) -> str:
    return loopback.github.token(scopes={"packages": "write"}, repository=NAME)


def lacking(tool: str) -> None:
    """Skip, or fail where the real tools are required."""
    if REQUIRED:
        pytest.fail(f"interop needs {tool}")
    pytest.skip(f"{tool} is not here")


# The suites


def suite(variable: str) -> str:
    """Return the program that an environment variable names."""
    path = os.environ.get(variable, "")
    if not path or not Path(path).is_file():
        lacking(f"{variable}, the path of a conformance suite")
    return path


@pytest.fixture
def environment(loopback: Loopback, token: str, tmp_path: Path) -> dict[str, str]:
    return {
        **loopback.environment(),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OCI_USERNAME": "anybody",
        "OCI_PASSWORD": token,
    }


def counted(folder: Path) -> dict[str, dict[str, int]]:
    """Return how many tests of each part of the suite passed, were skipped and failed, from its JUnit report."""
    counts: dict[str, dict[str, int]] = {}
    for case in ET.parse(folder / "junit.xml").iter("testcase"):  # noqa: S314 - the suite wrote it
        named = re.search(
            r"Conformance Tests? ?(Pull|Push|Content Discovery|Content Management)?", case.get("name", "")
        )
        part = (named and named[1]) or "all"
        outcome = "failed" if case.find("failure") is not None or case.find("error") is not None else "passed"
        outcome = "skipped" if case.find("skipped") is not None else outcome
        counts.setdefault(part, {"passed": 0, "skipped": 0, "failed": 0})[outcome] += 1
    return counts


@pytest.mark.parametrize("host", [HOST, "ghcr.io"])
def test_the_suite_of_today_passes(host: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Every test of distribution 1.1 passes, none is skipped; as GHCR all that needs no referrers API."""
    options = {
        "OCI_REGISTRY": host,
        "OCI_TLS": "enabled",
        "OCI_REPO1": "octo/repo1",
        "OCI_REPO2": "octo/repo2",
        "OCI_RESULTS_DIR": str(tmp_path),
        "OCI_VERSION": "1.1",
        "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
        "OCI_API_BLOBS_DIGEST_HEADER": str(host != "ghcr.io").lower(),
        "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
        "OCI_API_REFERRER": str(host != "ghcr.io").lower(),
    }
    done = subprocess.run(
        [suite("TAGSEAL_CONFORMANCE")],
        env=environment | options,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = dict(re.findall(r"^  (\w+)\.+: +(\d+)$", done.stdout, re.MULTILINE))

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert (told["FAIL"], told["Error"]) == ("0", "0")
    assert int(told["Pass"]) > 800
    print(host, told)  # noqa: T201 - figures for the README


def test_the_four_workflows_pass(environment: dict[str, str], tmp_path: Path) -> None:
    """Pull, push, content discovery and content management, as registries have been judged since 1.0."""
    workflows = ("PULL", "PUSH", "CONTENT_DISCOVERY", "CONTENT_MANAGEMENT")
    options = {
        "OCI_ROOT_URL": f"https://{HOST}",
        "OCI_NAMESPACE": "octo/repo3",
        "OCI_CROSSMOUNT_NAMESPACE": "octo/repo4",
        "OCI_AUTOMATIC_CROSSMOUNT": "1",
        "OCI_REPORT_DIR": str(tmp_path),
        **{f"OCI_TEST_{workflow}": "1" for workflow in workflows},
    }
    done = subprocess.run(
        [suite("TAGSEAL_CONFORMANCE_WORKFLOWS")],
        env=environment | options,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    counts = counted(tmp_path)

    assert done.returncode == 0, done.stdout[-4000:]
    assert {part: count["failed"] for part, count in counts.items() if part != "all"} == {
        "Pull": 0,
        "Push": 0,
        "Content Discovery": 0,
        "Content Management": 0,
    }
    print(json.dumps(counts))  # noqa: T201 - figures for the README


# The clients


@pytest.fixture
def run(loopback: Loopback, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a real client in the loopback and gives what it printed."""
    environment = {
        **loopback.environment(),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }

    def call(*argv: str, status: int = 0) -> str:
        if shutil.which(argv[0]) is None:
            lacking(argv[0])
        done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return (done.stdout + done.stderr * bool(status)).strip()

    return call


@pytest.fixture
def images() -> tuple[oci.Image, ...]:
    """Give two platforms with several layers each, one of them larger than a chunk."""
    large = bytes(9 << 20)
    return tuple(
        oci.image(b"one", large, f"{platform}".encode(), architecture=platform) for platform in ("amd64", "arm64")
    )


def test_crane_pushes_copies_lists_and_deletes(
    run: Callable[..., str], loopback: Loopback, token: str, images: tuple[oci.Image, ...], tmp_path: Path
) -> None:
    """Real crane logs in, pushes an index, reads it by digest, mounts its blobs elsewhere, tags, lists and deletes."""
    oci.layout(tmp_path / "layout", *images)
    whole = (tmp_path / "layout" / "index.json").read_bytes()  # what --index pushes: the index of the whole layout
    digest = oci.sha256(whole)
    run("crane", "auth", "login", "ghcr.io", "-u", "anybody", "-p", token)
    pushed = run("crane", "push", "--index", "layout", f"ghcr.io/{NAME}:v1")
    before = len(loopback.transcript.entries)
    run("crane", "copy", f"ghcr.io/{NAME}:v1", "ghcr.io/octo/copy:v1")
    sent = {(entry.method, entry.query.partition("=")[0]) for entry in loopback.transcript.entries[before:]}
    run("crane", "tag", f"ghcr.io/{NAME}:v1", "latest")

    assert pushed == f"ghcr.io/{NAME}@{digest}"
    assert run("crane", "digest", f"ghcr.io/{NAME}:latest") == digest
    assert run("crane", "ls", f"ghcr.io/{NAME}").split() == ["latest", "v1"]
    assert run("crane", "manifest", f"ghcr.io/{NAME}@{digest}") == whole.decode()
    assert ("POST", "from") in sent
    assert ("PATCH", "_state") not in sent
    run("crane", "pull", "--format", "oci", f"ghcr.io/{NAME}:v1", "back")
    for content in (part for image in images for part in (*image.blobs, image.manifest)):
        assert (tmp_path / "back" / "blobs" / oci.sha256(content).replace(":", "/")).read_bytes() == content
    run("crane", "delete", f"ghcr.io/{NAME}:latest")
    assert loopback.registry.tags(NAME) == {"v1": digest}


def test_skopeo_copies_there_and_back(
    run: Callable[..., str], loopback: Loopback, token: str, images: tuple[oci.Image, ...], tmp_path: Path
) -> None:
    """Real skopeo pushes every platform, inspects and pulls as a stranger, the digests stay the same, and deletes."""
    digest = oci.layout(tmp_path / "layout", *images)
    name = "docker://ghcr.io/octo/skopeo:v1"
    copy = ("skopeo", "copy", "--insecure-policy", "--all", "--preserve-digests")
    run(*copy, "--dest-creds", f"anybody:{token}", "oci:layout:latest", name)
    run(*copy, name, "oci:back:latest")

    assert loopback.registry.tags("octo/skopeo") == {"v1": digest}
    assert json.loads(run("skopeo", "inspect", "--raw", name)) == json.loads(oci.index(*images))
    for image in images:
        for content in (*image.blobs, image.manifest):
            path = tmp_path / "back" / "blobs" / oci.sha256(content).replace(":", "/")
            assert path.read_bytes() == content
    run("skopeo", "delete", "--creds", f"anybody:{token}", name)
    assert loopback.registry.manifest("octo/skopeo", digest) is None


def test_the_clients_tell_what_the_registry_said(run: Callable[..., str], loopback: Loopback, tmp_path: Path) -> None:
    """Without packages: write crane and skopeo end with GHCR's words; a private package is none to a stranger."""
    oci.layout(tmp_path / "layout", oci.image(b"layer"))
    reader = loopback.github.token(scopes={"packages": "read"}, repository=NAME)
    writer = loopback.github.token(scopes={"packages": "write"}, repository=NAME)
    target = "ghcr.io/octo/hidden"
    run("crane", "auth", "login", "ghcr.io", "-u", "anybody", "-p", reader)
    denied = run("crane", "push", "--index", "layout", target, status=1)
    copy = ("skopeo", "copy", "--insecure-policy", "--all")
    refused = run(*copy, "--dest-creds", f"x:{reader}", "oci:layout:latest", f"docker://{target}", status=1)
    loopback.registry.rules.fresh_private = True
    run(*copy, "--dest-creds", f"x:{writer}", "oci:layout:latest", f"docker://{target}")
    (tmp_path / "docker" / "config.json").unlink()

    assert "installation not allowed to Create organization package" in denied
    assert "denied" in refused.lower() or "403" in refused
    assert "authentication required" in run("crane", "digest", target, status=1)
    assert "unauthorized" in run("skopeo", "inspect", f"docker://{target}", status=1).lower()
