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
from tagseal.loopback.index import PlayedIndex, RegisteredPublisher
from tagseal.loopback.sigstore.tuf import TUF
from tagseal.rehearsal import environment
from tagseal.verification.index import attestation, statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.loopback.actions import Run

PUBLISHER = RegisteredPublisher(project="widget", owner="octo", repository="widget", workflow="release.yml")
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
    def index(self) -> PlayedIndex:
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

    def attest(self, path: Path, run: Run = RUN, sha256: str = "", subject: str = "") -> Path:
        """Attest a package as a job of this run."""
        config = ClientTrustConfig.from_json((self.loopback.folder / "trust.json").read_text())
        token = IdentityToken(self.loopback.issuer.mint(run, "sigstore"))
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.loopback.environment().items():
                patch.setenv(name, value)
            with SigningContext.from_trust_config(config).signer(token) as signer:
                bundle = signer.sign_dsse(statement(subject or path.name, digest))
        file = path.with_name(f"{path.name}.publish.attestation")
        file.write_bytes(attestation(bundle.to_json().encode()))
        return file

    def publish(self, *, code: str = "", run: Run = RUN) -> subprocess.CompletedProcess[str]:
        """Send both packages with their attestations, as a job of this run."""
        files = packages.write(self.folder / "dist", code=code)
        attested = [self.attest(file) for file in files]
        argv = [*TWINE, "--attestations", *map(str, files), *map(str, attested)]
        return self.run(*argv, environ=self.environ(run))

    def ask(self, url: str, **headers: str) -> requests.Response:
        return self.asked("GET", url, headers=headers)

    def asked(self, method: str, url: str, **more: object) -> requests.Response:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.loopback.environment().items():
                patch.setenv(name, value)
            patch.setenv("NETRC", os.devnull)
            return requests.request(method, url, timeout=10, **more)  # type: ignore[arg-type]


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
    assert [file.name for file in files] == [WHEEL, SDIST]
    assert [len(file.attestations) for file in files] == [1, 1]
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
        answers = [requests.post(url, json={"token": token}, timeout=10) for token in tokens]
    assert [answer.status_code for answer in answers] == [200, 422, 422]
    codes = [answer.json()["errors"][0]["code"] for answer in answers[1:]]
    assert codes == ["invalid-reuse-token", "invalid-token"]


def _other_file(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], sha256="0" * 64)


def _other_name(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], subject=WHEEL.replace("py3", "py2.py3"))


def _other_workflow(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], run=replace(RUN, workflow=".github/workflows/other.yml"))


def _other_repository(job: Job, files: tuple[Path, Path]) -> None:
    job.attest(files[0], run=replace(RUN, repository="octo/gadget"))


def _damaged(_: Job, files: tuple[Path, Path]) -> None:
    file = files[0].with_name(f"{files[0].name}.publish.attestation")
    document = json.loads(file.read_text())
    document["envelope"]["signature"] = document["envelope"]["signature"][::-1].replace("=", "A")
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("spoil", [_other_file, _other_name, _other_workflow, _other_repository, _damaged])
def test_an_attestation_of_something_else_is_refused(job: Job, spoil: object) -> None:
    """Of another file, by another workflow or repository, or damaged: nothing is kept, and the name stays free."""
    files = packages.write(job.folder / "dist")
    attested = [job.attest(file) for file in files]
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
    files = {file.name: file.sha256 for file in job.index.files("widget")}
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
    assert [file.name for file in other.files("widget")] == [WHEEL]
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


def test_only_the_cache_of_an_offline_client_can_be_seeded(job: Job) -> None:
    """On-line, sigstore begins with the root of trust that it carries, whatever lies in its folders."""
    assert job.publish().returncode == 0
    (job.folder / "provenance").write_bytes(
        job.ask(f"{job.index.site}integrity/widget/1.2.3/{WHEEL}/provenance").content
    )
    environ = job.environ(None)
    for name, root in ((".local/share", "root.json"), (".cache", "trusted_root.json")):
        folder = job.folder / "home" / name / "sigstore-python" / "tuf" / quote(TUF, safe="")
        folder.mkdir(parents=True)
        shutil.copy(job.loopback.folder / root, folder)
    verb = (
        sys.executable,
        "-m",
        "pypi_attestations",
        "verify",
        "pypi",
        "--repository",
        "https://github.com/octo/widget",
    )
    argv = (*verb, "--provenance-file", "provenance", f"dist/{WHEEL}")
    online = job.run(*argv, environ=environ)
    assert online.returncode == 1
    assert "Failed to refresh TUF metadata" in online.stderr
    assert job.run(*argv[:5], "--offline", *argv[5:], environ=environ).returncode == 0


# Whoever sends the form without twine, which would not send all of these


WHOLE = {
    ":action": "file_upload",
    "protocol_version": "1",
    "metadata_version": "2.1",
    "name": "widget",
    "version": "1.2.3",
    "filetype": "bdist_wheel",
}


def minted(job: Job, run: Run = RUN) -> requests.Response:
    """Exchange an identity token of this run."""
    body = {"token": job.loopback.issuer.mint(run, "pypi")}
    return job.asked("POST", f"{job.index.site}_/oidc/mint-token", json=body)


def posted(
    job: Job, form: Mapping[str, str], name: str = WHEEL, content: bytes = b"", token: str = ""
) -> requests.Response:
    """Send a form with one file; by default the whole wheel, with a token of the publisher."""
    return job.asked(
        "POST",
        utils.DEFAULT_REPOSITORY,
        data={**WHOLE, **form},
        files={"content": (name, content or packages.wheel(packages.metadata()))},
        auth=("__token__", token or minted(job).json()["token"]),
    )


def said(answer: requests.Response) -> str:
    """Return the status line, having seen that the body says the same."""
    assert answer.reason in answer.text
    return f"{answer.status_code} {answer.reason}"


FORMS: Mapping[str, tuple[Mapping[str, str], str, bytes, str]] = {
    "another protocol": ({"protocol_version": "2"}, WHEEL, b"", "Unknown protocol version."),
    "another SHA-256": ({"sha256_digest": "0" * 64}, WHEEL, b"", "The digest supplied does not match"),
    "another BLAKE2": ({"blake2_256_digest": "0" * 64}, WHEEL, b"", "The digest supplied does not match"),
    "no name": ({"name": ""}, WHEEL, b"", "'name' is a required field"),
    "no version": ({"version": "one"}, WHEEL, b"", "'one' is invalid for 'version'"),
    "metadata of the future": ({"metadata_version": "9.0"}, WHEEL, b"", "'9.0' is not a valid metadata version"),
    "a local version": ({"version": "1.2.3+x"}, WHEEL, b"", "The use of local versions in '1.2.3+x' is not allowed."),
    "a long summary": ({"summary": "x" * 513}, WHEEL, b"", "'summary' field must be 512 characters or less."),
    "a dependency by address": (
        {"requires_dist": "gadget @ https://example.org/gadget.zip"},
        WHEEL,
        b"",
        "Can't have direct dependency: gadget",
    ),
    "another kind": ({"filetype": "bdist_egg"}, WHEEL, b"", "Use a known file type."),
    "the kind of another file": ({"filetype": "sdist"}, WHEEL, b"", "Invalid file extension"),
    "a folder": ({}, f"../{WHEEL}", b"", "Cannot upload a file with '/' or '\\' in the name."),
    "a wheel that is none": ({}, WHEEL, b"wheel", "Invalid distribution file."),
    "an sdist that is none": ({"filetype": "sdist"}, SDIST, b"sdist", "Invalid distribution file."),
    "a wheel without metadata": (
        {},
        WHEEL,
        packages.wheel("", name="gadget"),
        f"Wheel '{WHEEL}' does not contain the required METADATA file: widget-1.2.3.dist-info/METADATA",
    ),
    "a wheel of another project": ({}, WHEEL.replace("widget", "gadget"), b"", "Start filename for 'widget' with"),
    "a wheel's name that is not normalised": (
        {},
        WHEEL.replace("widget", "Widget"),
        b"",
        "should contain the normalized project name 'widget', not 'Widget'.",
    ),
    "an sdist's name that is not normalised": (
        {"filetype": "sdist"},
        "Widget-1.2.3.tar.gz",
        packages.sdist(packages.metadata()),
        f"Filename 'Widget-1.2.3.tar.gz' is invalid, should be '{SDIST}'.",
    ),
    "another project": (
        {"name": "gadget"},
        WHEEL,
        b"",
        "Non-user identities cannot create new projects.",
    ),
}


@pytest.mark.parametrize("what", FORMS)
def test_a_form_that_an_index_refuses(job: Job, what: str) -> None:
    """Status line and body say why; nothing is kept, and no name is used."""
    form, name, content, words = FORMS[what]
    line = said(posted(job, form, name, content))
    assert line.startswith("400 ")
    assert words in line
    assert job.index.files("widget") == job.index.files("gadget") == ()
    assert posted(job, {}).status_code == 200


@pytest.mark.parametrize("login", ["", "Bearer x", "Basic %%%", "Basic eA", "Basic /////w==", "Basic X190b2tlbl9fOng="])
def test_a_login_that_is_none(job: Job, login: str) -> None:
    """However it is spelled, it is refused, and no failure."""
    headers = {"Authorization": login} if login else {}
    answer = job.asked("POST", utils.DEFAULT_REPOSITORY, data=WHOLE, headers=headers)
    assert said(answer).startswith("403 Invalid or non-existent authentication information.")


def test_a_project_of_somebody_else_is_theirs(job: Job) -> None:
    """A publisher's token is for its own projects, which its exchange makes, without a file yet."""
    job.index.add_project("gadget")
    line = said(posted(job, {"name": "gadget"}))
    assert line == "403 Invalid API Token: OIDC scoped token is not valid for project 'gadget'"
    assert job.ask(f"{job.index.simple}widget/").status_code == 200
    assert job.ask(f"{job.index.site}pypi/widget/json").status_code == 404


def test_bytes_have_one_name(job: Job) -> None:
    """The same wheel under the tag of another interpreter is no second file."""
    assert posted(job, {}).status_code == 200
    line = said(posted(job, {}, WHEEL.replace("py3", "py2.py3")))
    assert line.startswith("400 File already exists ('widget-1.2.3-py2.py3-none-any.whl', with blake2_256 hash '")


def test_an_old_version_takes_no_more_files(job: Job) -> None:
    """The very same file is still no mistake."""
    assert posted(job, {}).status_code == 200
    job.index.rules.open = -1
    line = said(posted(job, {"filetype": "sdist"}, SDIST, packages.sdist(packages.metadata())))
    assert "Uploading new files to releases older than" in line
    assert posted(job, {}).status_code == 200


def _attestation(job: Job) -> object:
    (file, _) = packages.write(job.folder / "dist")
    return json.loads(job.attest(file).read_text())


LISTS: Mapping[str, tuple[int, str, str]] = {
    "none": (0, "", "Malformed attestations: an empty attestation set is not permitted"),
    "two of one type": (2, "", "Multiple attestations for the same file with the same predicate type"),
    "three": (3, "", "A maximum of 2 attestations per file are supported"),
    "no list": (0, "{}", "Malformed attestations: "),
    "no JSON": (0, "[", "Malformed attestations: "),
    "no attestation": (0, "[1]", "Malformed attestations: "),
}


@pytest.mark.parametrize("what", LISTS)
def test_attestations_are_a_list_of_different_ones(job: Job, what: str) -> None:
    """At most one of each type, and at least one."""
    number, text, words = LISTS[what]
    listed = text or json.dumps([_attestation(job)] * number)
    line = said(posted(job, {"attestations": listed}))
    assert line.startswith("400 Invalid attestations supplied during upload: ")
    assert words in line
    assert job.index.files("widget") == ()


def test_a_person_attests_nothing(job: Job) -> None:
    """Who does not publish by an identity has none that an attestation could be held against."""
    line = said(posted(job, {"attestations": "[]"}, token=job.index.token("widget")))
    assert line.endswith("Attestations are only supported when using Trusted Publishing")


def test_an_index_may_take_no_attestations(job: Job) -> None:
    """They are passed over in silence: what arrived is not what was sent."""
    job.index.rules.attestations = False
    assert job.publish().returncode == 0
    assert [file.attestations for file in job.index.files("widget")] == [(), ()]
    assert job.ask(f"{job.index.site}integrity/widget/1.2.3/{WHEEL}/provenance").status_code == 403
    job.index.rules.attestations = True
    assert job.ask(f"{job.index.site}integrity/widget/1.2.3/{WHEEL}/provenance").status_code == 404


NO_MATCH = "Publisher with matching claims was not found"
FILE = ".github/workflows/release.yml"
CLAIMS: Mapping[str, tuple[RegisteredPublisher, Run, str]] = {
    "the owner's name in other letters": (replace(PUBLISHER, owner="Octo"), RUN, ""),
    "the owner's number": (replace(PUBLISHER, owner_id=2), RUN, ""),
    "an account that took a name that was given up": (replace(PUBLISHER, owner_id=3), RUN, NO_MATCH),
    "the workflow's file in other letters": (replace(PUBLISHER, workflow="Release.yml"), RUN, NO_MATCH),
    "any environment": (PUBLISHER, replace(RUN, environment="release"), ""),
    "an environment in other letters": (
        replace(PUBLISHER, environment="Release"),
        replace(RUN, environment="release"),
        "",
    ),
    "no environment": (replace(PUBLISHER, environment="release"), RUN, NO_MATCH),
    "a workflow of another repository": (
        PUBLISHER,
        replace(RUN, job_workflow=f"octo/tools/{FILE}@refs/heads/main"),
        NO_MATCH,
    ),
    "a workflow at another ref": (
        PUBLISHER,
        replace(RUN, job_workflow=f"octo/widget/{FILE}@refs/heads/main"),
        "The job_workflow_ref claim does not match",
    ),
    "a workflow at the run's commit": (PUBLISHER, replace(RUN, job_workflow=f"octo/widget/{FILE}@{RUN.sha}"), ""),
    "a pull request's target": (
        PUBLISHER,
        replace(RUN, event="pull_request_target"),
        "Publishing from a workflow invoked via 'pull_request_target' is not supported.",
    ),
}


@pytest.mark.parametrize("what", CLAIMS)
def test_who_is_a_publisher(job: Job, what: str) -> None:
    """By what the token claims; the answer to anybody else says why."""
    publisher, run, words = CLAIMS[what]
    job.index.publishers[:] = [publisher]
    answer = minted(job, run)
    if not words:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["code"] == "invalid-publisher"
    assert words in error["description"]


def test_the_publisher_that_names_the_environment_comes_first(job: Job) -> None:
    """It is the one whose projects the token is for."""
    job.index.register(RegisteredPublisher(project="gadget", owner="octo", repository="widget", environment="release"))
    token = minted(job, replace(RUN, environment="release")).json()["token"]
    assert said(posted(job, {}, token=token)).startswith("400 Non-user identities")
    assert posted(job, {}).status_code == 200


def test_a_refused_identity_can_be_exchanged_later(job: Job) -> None:
    """It is used up by an exchange that succeeds, and by no other."""
    job.index.publishers.clear()
    body = {"token": job.loopback.issuer.mint(RUN, "pypi")}
    url = f"{job.index.site}_/oidc/mint-token"
    assert job.asked("POST", url, json=body).json()["errors"][0]["code"] == "invalid-publisher"
    job.index.register(PUBLISHER)
    assert [job.asked("POST", url, json=body).status_code for _ in range(2)] == [200, 422]


def test_the_latest_version_is_one_that_people_should_use(job: Job) -> None:
    """Neither yanked nor a pre-release, where there is another."""
    for version in ("1.2.3", "1.3", "2.0rc1"):
        content = packages.wheel(packages.metadata(version=version), version=version)
        assert posted(job, {"version": version}, WHEEL.replace("1.2.3", version), content).status_code == 200
    url = f"{job.index.site}pypi/widget/json"
    assert job.ask(url).json()["info"]["version"] == "1.3"
    job.index.yank("widget", "1.3")
    assert job.ask(url).json()["info"]["version"] == "1.2.3"


def test_bytes_are_found_under_their_own_name_alone(job: Job) -> None:
    """An address is a digest and a name, and both are the file's."""
    assert job.publish().returncode == 0
    wheel, sdist = job.index.files("widget")
    root = f"{job.index.site}packages/"
    assert job.ask(f"{root}{wheel.sha256}/{WHEEL}").content == job.index.content(WHEEL)
    assert job.ask(f"{root}{sdist.sha256}/{WHEEL}").status_code == 404
