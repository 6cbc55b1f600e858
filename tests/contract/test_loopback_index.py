"""The played index, as its real clients find it: twine, pip, uv, pypi-attestations."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import requests
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from twine import utils

import packages
from instance import RUN
from tagseal.loopback import Loopback, actions
from tagseal.loopback.index import Index, Publisher
from tagseal.loopback.tuf import TUF
from tagseal.rehearsal import environment
from tagseal.verification.attestations import attestation, statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.loopback.actions import Run

PUBLISHER = Publisher(project="widget", owner="octo", repository="widget", workflow="release.yml")
TWINE = (sys.executable, "-P", "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose")
HOST = {"pypi": utils.DEFAULT_REPOSITORY, "testpypi": utils.TEST_REPOSITORY}
WHEEL, SDIST = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz"
FURTHER = ("https://packages.example/simple/", "https://packages.example/upload/")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A folder, and who is in it."""

    folder: Path
    loopback: Loopback

    @property
    def index(self) -> Index:
        return self.loopback.index

    def environ(self, run: Run | None = RUN, **more: str) -> dict[str, str]:
        """Return a job's environment; without a run that of a stranger."""
        found = {
            **environment.machine(os.environ),
            **environment.private_home(self.folder),
            **self.loopback.environment(),
            "PIP_CONFIG_FILE": os.devnull,
            **more,
        }
        if run is None:
            return found
        oidc = {"oidc_url": self.loopback.oidc_url, "oidc_token": self.loopback.tokens.grant(run)}
        (self.folder / "temp").mkdir(exist_ok=True)
        return found | actions.environment(
            run,
            token="none",
            workspace=self.folder,
            temp=self.folder / "temp",
            **oidc,
        )

    def run(self, *argv: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=environ or self.environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def attest(self, path: Path, run: Run = RUN, sha256: str = "") -> Path:
        """Attest a package as a job of this run."""
        config = ClientTrustConfig.from_json((self.loopback.folder / "trust.json").read_text())
        token = IdentityToken(self.loopback.issuer.mint(run, "sigstore"))
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.loopback.environment().items():
                patch.setenv(name, value)
            with SigningContext.from_trust_config(config).signer(token) as signer:
                bundle = signer.sign_dsse(statement(path.name, digest))
        file = path.with_name(f"{path.name}.publish.attestation")
        file.write_bytes(attestation(bundle.to_json().encode()))
        return file

    def publish(self, *, code: str = "", run: Run = RUN) -> subprocess.CompletedProcess[str]:
        """Send both packages with their attestations, as a job of this run."""
        files = packages.write(self.folder / "dist", code=code)
        attested = [self.attest(one) for one in files]
        argv = [*TWINE, "--attestations", *map(str, files), *map(str, attested)]
        return self.run(*argv, environ=self.environ(run))

    def ask(self, url: str, **headers: str) -> requests.Response:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.loopback.environment().items():
                patch.setenv(name, value)
            return requests.get(url, headers=headers, timeout=10)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    (tmp_path / "job").mkdir()
    with Loopback(folder=tmp_path / "loopback", index=FURTHER) as loopback:
        loopback.index.register(PUBLISHER)
        yield Job(folder=tmp_path / "job", loopback=loopback)


def test_twine_publishes_with_attestations_and_without_a_secret(job: Job) -> None:
    """It exchanges the job's identity; the index keeps both files and what attests them."""
    done = job.publish()
    assert done.returncode == 0, done.stdout + done.stderr
    files = job.index.files("widget", "1.2.3")
    assert [one.name for one in files] == [WHEEL, SDIST]
    assert [len(one.attestations) for one in files] == [1, 1]
    for one in files:
        assert job.index.content(one.name) == (job.folder / "dist" / one.name).read_bytes()


def test_twine_sends_the_same_bytes_twice_and_never_others(job: Job) -> None:
    """The same is no mistake; another file of that name is refused in the status line, and so after a deletion."""
    assert job.publish().returncode == 0
    assert job.publish().returncode == 0
    other = job.publish(code="# another\n")
    assert other.returncode == 1
    assert "400 File already exists ('" in " ".join(other.stdout.split())
    job.index.delete("widget", WHEEL)
    again = job.publish()
    assert again.returncode == 1
    assert "This filename was previously used by a file that has since been deleted." in " ".join(again.stdout.split())


def test_pip_downloads_the_wheel(job: Job) -> None:
    """By name and version, from its own index, without building anything."""
    assert job.publish().returncode == 0
    done = job.run(
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", "got"),
        "widget==1.2.3",
        environ=job.environ(None),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (job.folder / "got" / WHEEL).read_bytes() == job.index.content(WHEEL)


def test_uv_installs_the_wheel(job: Job) -> None:
    """By the same API."""
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        pytest.skip("uv is not installed: pip install uv")
    assert job.publish().returncode == 0
    done = job.run(
        *(uv, "pip", "install", "--no-config", "--no-deps", "--python", sys.executable, "--target", "got"),
        "widget==1.2.3",
        environ=job.environ(None, UV_CACHE_DIR=str(job.folder / "cache")),
    )
    assert done.returncode == 0, done.stderr
    assert (job.folder / "got" / "widget.py").is_file()


@pytest.mark.parametrize("name", [WHEEL, SDIST])
def test_pypi_attestations_verifies_what_the_integrity_api_gives(job: Job, name: str) -> None:
    """With the loopback's root in its cache; another file, or repository, is refused."""
    assert job.publish().returncode == 0
    url = f"{job.index.site}integrity/widget/1.2.3/{name}/provenance"
    (job.folder / "provenance").write_bytes(job.ask(url).content)
    environ = job.environ(None)
    cache = job.folder / "home" / ".cache" / "sigstore-python" / "tuf" / quote(TUF, safe="")
    cache.mkdir(parents=True)
    shutil.copy(job.loopback.folder / "trusted_root.json", cache)

    def verified(repository: str) -> subprocess.CompletedProcess[str]:
        verb = (sys.executable, "-m", "pypi_attestations", "verify", "pypi", "--offline")
        return job.run(
            *verb, "--repository", repository, "--provenance-file", "provenance", f"dist/{name}", environ=environ
        )

    done = verified("https://github.com/octo/widget")
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (0, [f"OK: {name}"])
    assert verified("https://github.com/octo/gadget").returncode == 1
    with (job.folder / "dist" / name).open("ab") as file:
        file.write(b"x")
    assert "digest" in verified("https://github.com/octo/widget").stderr


REFUSED_PUBLISHERS = {
    "workflow": replace(RUN, workflow=".github/workflows/other.yml"),
    "repository": replace(RUN, repository="octo/gadget"),
    "environment": RUN,
}


@pytest.mark.parametrize("what", REFUSED_PUBLISHERS)
def test_another_workflow_is_no_publisher(job: Job, what: str) -> None:
    """Each of the registered fields counts; the answer says that there is no such publisher."""
    job.index.publishers[:] = [replace(PUBLISHER, environment="release")]
    assert job.publish(run=replace(RUN, environment="release")).returncode == 0
    done = job.publish(run=REFUSED_PUBLISHERS[what])
    assert done.returncode == 1
    assert "`invalid-publisher`: valid token, but no corresponding publisher" in " ".join(done.stdout.split())


def test_an_identity_token_is_exchanged_once(job: Job) -> None:
    """And only if it was made for this index."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in job.loopback.environment().items():
            patch.setenv(name, value)
        token = job.loopback.issuer.mint(RUN, "pypi")
        tokens = (token, token, job.loopback.issuer.mint(RUN, "testpypi"))
        url = f"{job.index.site}_/oidc/mint-token"
        answers = [requests.post(url, json={"token": one}, timeout=10) for one in tokens]
    assert [one.status_code for one in answers] == [200, 422, 422]
    codes = [one.json()["errors"][0]["code"] for one in answers[1:]]
    assert codes == ["invalid-reuse-token", "invalid-token"]


def _other_file(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], sha256="0" * 64)


def _other_workflow(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], run=replace(RUN, workflow=".github/workflows/other.yml"))


def _other_repository(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], run=replace(RUN, repository="octo/gadget"))


def _damaged(_: Job, files: tuple[Path, Path]) -> None:
    file = files[0].with_name(f"{files[0].name}.publish.attestation")
    document = json.loads(file.read_text())
    document["envelope"]["signature"] = document["envelope"]["signature"][::-1].replace("=", "A")
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("spoil", [_other_file, _other_workflow, _other_repository, _damaged])
def test_an_attestation_of_something_else_is_refused(job: Job, spoil: object) -> None:
    """Of another file, by another workflow or repository, or damaged: nothing is kept, and the name stays free."""
    files = packages.write(job.folder / "dist")
    attested = [job.attest(one) for one in files]
    spoil(job, files)  # type: ignore[operator]
    done = job.run(*TWINE, "--attestations", *map(str, files), *map(str, attested))
    assert done.returncode == 1
    assert "attestation" in done.stdout
    assert job.index.files("widget") == ()
    assert job.publish().returncode == 0


def sent(job: Job, path: Path, token: str = "") -> str:
    """Send one file with a person's token; return what twine said, on one line."""
    more = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token or job.index.token("widget")}
    done = job.run(*TWINE, str(path), environ=job.environ(None, **more))
    return f"{done.returncode} {' '.join((done.stdout + done.stderr).split())}"


def written(job: Job, name: str, content: bytes) -> Path:
    (job.folder / "dist").mkdir(exist_ok=True)
    path = job.folder / "dist" / name
    path.write_bytes(content)
    return path


def test_a_token_of_a_person_is_good_for_its_projects(job: Job) -> None:
    """A stranger's project, and a token that nobody made, are refused."""
    path = written(job, WHEEL, packages.wheel(packages.metadata()))
    assert "403 The user 'octocat' isn't allowed to upload to project 'widget'" in sent(job, path, job.index.token("x"))
    assert "403 Invalid or non-existent authentication information" in sent(job, path, "pypi-none")
    assert sent(job, path).startswith("0 ")


WRONG = {
    "a classifier that keeps a project private": (
        WHEEL,
        packages.wheel(packages.metadata("widget", "1.2.3", "Classifier: Private :: Do Not Upload")),
        "'Private :: Do Not Upload' is not a valid classifier.",
    ),
    "a platform of one distribution": (
        "widget-1.2.3-py3-none-linux_x86_64.whl",
        packages.wheel(packages.metadata(), tag="py3-none-linux_x86_64"),
        "has an unsupported platform tag 'linux_x86_64'",
    ),
    "a version in its name that its metadata has not": (
        "widget-1.2.4-py3-none-any.whl",
        packages.wheel(packages.metadata("widget", "1.2.3"), version="1.2.4"),
        "Version in filename should be '1.2.3' not '1.2.4'.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_an_index_refuses(job: Job, what: str) -> None:
    """The words are in the status line, where twine shows them."""
    name, content, words = WRONG[what]
    said = sent(job, written(job, name, content))
    assert said.startswith("1 ")
    assert words in said
    assert job.index.files("widget") == ()


def test_a_file_may_be_too_large(job: Job) -> None:
    """The limit is the index's."""
    job.index.rules.largest = 100
    said = sent(job, written(job, WHEEL, packages.wheel(packages.metadata())))
    assert "400 File too large. Limit for project 'widget' is 0 MB." in said


def test_both_apis_list_the_same_files(job: Job) -> None:
    """Name, digest, size; HTML for whom asks for nothing else, and whether a version is yanked."""
    assert job.publish().returncode == 0
    job.index.yank("widget", "1.2.3", "it squeaks")
    files = {one.name: one.sha256 for one in job.index.files("widget")}
    simple = job.ask(f"{job.index.simple}widget/", Accept="application/vnd.pypi.simple.v1+json").json()
    version = job.ask(f"{job.index.site}pypi/widget/1.2.3/json").json()
    assert {one["filename"]: one["hashes"]["sha256"] for one in simple["files"]} == files
    assert {one["filename"]: one["digests"]["sha256"] for one in version["urls"]} == files
    assert {one["yanked"] for one in simple["files"]} == {"it squeaks"}
    assert {one["yanked"] for one in version["urls"]} == {True}
    page = job.ask(f"{job.index.simple}widget/").text
    assert all(f"#sha256={digest}" in page for digest in files.values())
    assert page.count('data-yanked="it squeaks"') == 2
    assert page.count("data-provenance=") == 2


def test_names_are_normalised_by_a_redirect(job: Job) -> None:
    """As PEP 503 asks; what is not there is not found."""
    assert job.publish().returncode == 0
    assert job.ask(f"{job.index.simple}Widget/").url == f"{job.index.simple}widget/"
    assert job.ask(f"{job.index.site}pypi/Widget/1.2.3/json").json()["info"]["version"] == "1.2.3"
    missing = ("simple/gadget/", "pypi/widget/1.2.4/json", "pypi/gadget/json", "integrity/widget/1.2.3/x/provenance")
    assert [job.ask(f"{job.index.site}{one}").status_code for one in missing] == [404] * 4


def test_a_listing_may_lag(job: Job) -> None:
    """As a cache makes it: the file is there, and its name is used."""
    job.index.rules.lag = 2
    assert job.publish().returncode == 0
    url = f"{job.index.site}pypi/widget/1.2.3/json"
    assert [job.ask(url).status_code for _ in range(3)] == [404, 404, 200]


def test_another_index_takes_what_its_users_know(job: Job) -> None:
    """``.pypirc``, or the variables; it exchanges no identity."""
    other = job.loopback.indexes["other"]
    token = other.token("widget")
    path = written(job, WHEEL, packages.wheel(packages.metadata()))
    (job.folder / "home").mkdir(exist_ok=True)
    (job.folder / "home" / ".pypirc").write_text(
        "[distutils]\nindex-servers = company\n"
        f"[company]\nrepository = {FURTHER[1]}\nusername = __token__\npassword = {token}\n"
    )
    done = job.run(*TWINE, "--repository", "company", str(path))
    assert done.returncode == 0, done.stdout
    assert [one.name for one in other.files("widget")] == [WHEEL]
    listed = job.ask(f"{FURTHER[0]}widget/", Accept="application/vnd.pypi.simple.v1+json").json()["files"]
    assert [one["filename"] for one in listed] == [WHEEL]
    assert job.ask("https://packages.example/_/oidc/audience").status_code == 404


def test_the_two_that_twine_knows_are_two(job: Job) -> None:
    """What is at one is not at the other."""
    job.loopback.indexes["testpypi"].register(PUBLISHER)
    files = packages.write(job.folder / "dist")
    done = job.run(*TWINE, "--repository", "testpypi", *map(str, files))
    assert done.returncode == 0, done.stdout
    assert len(job.loopback.indexes["testpypi"].files("widget")) == 2
    assert job.index.files("widget") == ()
