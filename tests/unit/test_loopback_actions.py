"""The runner that the loopback plays: claims, tokens, the environment of a job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jwt
import pytest
from werkzeug.test import Client

from played import RUN
from tagseal.loopback.actions import Issuer, Run, TokenEndpoint, claims, environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def endpoint(issuer: Issuer) -> TokenEndpoint:
    return TokenEndpoint(issuer)


@pytest.mark.parametrize(
    ("run", "subject"),
    [
        pytest.param(RUN, "repo:octo/widget:ref:refs/tags/v1", id="a ref"),
        pytest.param(replace(RUN, environment="release"), "repo:octo/widget:environment:release", id="an environment"),
        pytest.param(replace(RUN, environment="a:b"), "repo:octo/widget:environment:a%3Ab", id="a colon in its name"),
        pytest.param(replace(RUN, event="pull_request"), "repo:octo/widget:pull_request", id="a pull request"),
    ],
)
def test_the_subject_has_githubs_forms(run: Run, subject: str) -> None:
    """An environment takes the ref's place in the subject, and its colons are escaped."""
    assert claims(run)["sub"] == subject


@pytest.mark.parametrize(
    ("ref", "kind", "name"),
    [
        ("refs/tags/v1", "tag", "v1"),
        ("refs/tags/api/v1", "tag", "api/v1"),
        ("refs/heads/main", "branch", "main"),
        ("refs/pull/7/merge", "branch", "7/merge"),
    ],
)
def test_a_ref_has_a_type_and_a_name(ref: str, kind: str, name: str) -> None:
    """Everything that is no tag is a branch to GitHub; the name keeps its slashes."""
    run = replace(RUN, ref=ref)
    assert (run.ref_type, run.ref_name) == (kind, name)


def test_every_claim_is_a_string_but_the_times() -> None:
    """GitHub sends identifiers as strings; Fulcio reads them as such."""
    numbers = {name for name, value in claims(RUN).items() if not isinstance(value, str)}
    assert numbers == {"exp", "iat", "nbf"}


def test_only_a_job_with_an_environment_claims_one() -> None:
    """The claim is absent elsewhere, not empty."""
    assert "environment" not in claims(RUN)
    assert claims(replace(RUN, environment="release"))["environment"] == "release"


def test_a_called_workflow_is_named_beside_its_caller() -> None:
    """In a reusable workflow the two references differ, and so do their commits."""
    called = "octo/shared/.github/workflows/build.yml@refs/tags/v9"
    said = claims(replace(RUN, job_workflow=called))
    assert (said["workflow_ref"], said["job_workflow_ref"]) == (RUN.workflow_ref, called)
    assert said["job_workflow_sha"] != said["workflow_sha"] == RUN.sha


def test_a_token_lives_five_minutes_and_is_unique(issuer: Issuer) -> None:
    """Each token has an identifier of its own and 300 seconds."""
    first, second = (issuer.verify(issuer.mint(RUN, "sigstore"), "sigstore") for _ in range(2))
    assert first["exp"] - first["iat"] == 300
    assert first["jti"] != second["jti"]


def test_a_token_for_another_audience_is_refused(issuer: Issuer) -> None:
    """A token that was minted for an index must not buy a certificate."""
    with pytest.raises(jwt.InvalidAudienceError):
        issuer.verify(issuer.mint(RUN, "pypi"), "sigstore")


def test_a_token_of_another_issuer_is_refused(issuer: Issuer) -> None:
    """The signature is checked, not only the claims."""
    with pytest.raises(jwt.InvalidSignatureError):
        issuer.verify(Issuer().mint(RUN, "sigstore"), "sigstore")


@pytest.mark.parametrize(("algorithm", "key"), [("none", ""), ("HS256", "a key of thirty-two bytes or more")])
def test_a_token_of_another_algorithm_is_refused(issuer: Issuer, algorithm: str, key: str) -> None:
    """Neither an unsigned token nor one with a symmetric key passes (RFC 8725 section 3.1)."""
    forged = jwt.encode({**claims(RUN), "aud": "sigstore"}, key, algorithm=algorithm)
    with pytest.raises(jwt.InvalidTokenError):
        issuer.verify(forged, "sigstore")


def test_an_expired_token_is_refused(issuer: Issuer) -> None:
    """A token is worth something for 300 seconds, not for 301."""
    assert issuer.verify(issuer.mint(RUN, "sigstore", age=290), "sigstore")
    with pytest.raises(jwt.ExpiredSignatureError):
        issuer.verify(issuer.mint(RUN, "sigstore", age=301), "sigstore")


def test_a_granted_job_gets_a_token_for_the_audience_it_names(issuer: Issuer, endpoint: TokenEndpoint) -> None:
    """The endpoint answers in GitHub's form, for the run that the request token belongs to."""
    granted = endpoint.grant(replace(RUN, environment="release"))
    answer = Client(endpoint).get(f"{endpoint.path}&audience=sigstore", headers={"Authorization": f"bearer {granted}"})
    assert answer.status_code == 200
    assert answer.json is not None
    said = issuer.verify(answer.json["value"], "sigstore")
    assert said["environment"] == "release"


def test_without_an_audience_the_owner_is_it(issuer: Issuer, endpoint: TokenEndpoint) -> None:
    """GitHub's default audience is the owner's page."""
    answer = Client(endpoint).get(endpoint.path, headers={"Authorization": f"bearer {endpoint.grant(RUN)}"})
    assert answer.json is not None
    assert issuer.verify(answer.json["value"], "https://github.com/octo")


@pytest.mark.parametrize("header", [None, "bearer wrong", "bearer ", "Basic {granted}", "{granted}"])
def test_without_its_request_token_a_job_gets_none(endpoint: TokenEndpoint, header: str | None) -> None:
    """Another, an empty, a missing or a differently presented request token is answered with 401."""
    granted = endpoint.grant(RUN)
    headers = {"Authorization": header.format(granted=granted)} if header else {}
    answer = Client(endpoint).get(f"{endpoint.path}&audience=sigstore", headers=headers)
    assert answer.status_code == 401
    assert "value" not in (answer.json or {})


def test_a_job_without_the_permission_finds_no_endpoint(tmp_path: Path) -> None:
    """Neither of the two variables is there without ``id-token: write``."""
    found = environment(RUN, token="t", oidc_url=None, oidc_token=None, workspace=tmp_path, temp=tmp_path)
    assert not [name for name in found if name.startswith("ACTIONS_ID_TOKEN")]


def test_the_files_that_a_job_writes_exist_and_are_empty(tmp_path: Path) -> None:
    """Outputs, summary and environment of an earlier job are not seen by the next."""
    (tmp_path / "github_output").write_text("left=over")
    found = environment(RUN, token="t", oidc_url="u", oidc_token="r", workspace=tmp_path, temp=tmp_path)
    files = [tmp_path / found[name] for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")]
    assert [file.read_bytes() for file in files] == [b"", b"", b""]


def test_environment_and_token_agree(tmp_path: Path) -> None:
    """What a job reads from its environment is what its token claims: guard compares the two."""
    found = environment(RUN, token="t", oidc_url="u", oidc_token="r", workspace=tmp_path, temp=tmp_path)
    said = claims(RUN)
    for name in ("ref", "ref_type", "repository", "repository_id", "run_id", "sha", "workflow_ref", "event_name"):
        assert found[f"GITHUB_{name.upper()}"] == said[name]
