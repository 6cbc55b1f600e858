"""The runner: who a job is, what its environment says, and the endpoint that gives it identity tokens.

Sources: "OpenID Connect reference" and "Variables reference" in GitHub's documentation.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.exceptions import HTTPException, Unauthorized
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service, answer
from tagseal.loopback.signatures import key_id
from tagseal.records import GITHUB, ISSUER

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug import Request, Response

API = "https://api.github.com"
TOKEN_LIFETIME = 300
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow: everything that its tokens, its environment and its certificates say."""

    repository: str
    """OWNER/REPO."""
    repository_id: int
    owner_id: int
    workflow: str
    """Path in the repository: ``.github/workflows/release.yml``."""
    ref: str
    """Full ref: ``refs/tags/v1.2.3``."""
    sha: str
    """The commit: 40 hexadecimal digits."""
    event: str = "push"
    visibility: str = "public"
    """``public``, ``internal`` or ``private``."""
    environment: str = ""
    """The deployment environment that the job names, or an empty string."""
    run_id: int = 1
    actor: str = "octocat"
    actor_id: int = 583231
    name: str = ""
    """What the workflow calls itself; empty where it has no name."""
    job: str = ""
    """The job's id."""
    job_workflow: str = ""
    """``OWNER/REPO/PATH@REF`` of the reusable workflow that the job is in; empty in the workflow's own jobs."""

    @property
    def owner(self) -> str:
        """The account that owns the repository."""
        return self.repository.partition("/")[0]

    @property
    def ref_type(self) -> str:
        """Return ``tag`` or ``branch``."""
        return "tag" if self.ref.startswith("refs/tags/") else "branch"

    @property
    def ref_name(self) -> str:
        """The ref without its first two parts: ``v1.2.3``, ``main``, ``7/merge``."""
        return self.ref.split("/", 2)[-1]

    @property
    def workflow_ref(self) -> str:
        """``OWNER/REPO/PATH@REF`` of the workflow that was started."""
        return f"{self.repository}/{self.workflow}@{self.ref}"

    @property
    def subject(self) -> str:
        """The token's subject; an environment takes the ref's place in it."""
        if self.environment:
            return f"repo:{self.repository}:environment:{self.environment.replace(':', '%3A')}"
        if self.event == "pull_request":
            return f"repo:{self.repository}:pull_request"
        return f"repo:{self.repository}:ref:{self.ref}"


def claims(run: Run, *, age: int = 0, lifetime: int = TOKEN_LIFETIME) -> dict[str, object]:
    """Return what a token of this run claims, all but the audience; age and lifetime in seconds."""
    now = int(time.time()) - age
    job_workflow = run.job_workflow or run.workflow_ref
    said = {
        "iss": ISSUER,
        "sub": run.subject,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "ref": run.ref,
        "ref_type": run.ref_type,
        "ref_protected": "false",
        "sha": run.sha,
        "repository": run.repository,
        "repository_id": str(run.repository_id),
        "repository_owner": run.owner,
        "repository_owner_id": str(run.owner_id),
        "repository_visibility": run.visibility,
        "workflow": run.name or run.workflow,
        "workflow_ref": run.workflow_ref,
        "workflow_sha": run.sha,
        "job_workflow_ref": job_workflow,
        "job_workflow_sha": _commit(job_workflow) if run.job_workflow else run.sha,
        "event_name": run.event,
        "run_id": str(run.run_id),
        "run_number": "1",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        "actor": run.actor,
        "actor_id": str(run.actor_id),
        "head_ref": "",
        "base_ref": "",
    }
    return {**said, "environment": run.environment} if run.environment else said


def _commit(job_workflow: str) -> str:
    """Return a commit for another repository's workflow: made up, and the same each time."""
    return hashlib.sha256(job_workflow.encode()).hexdigest()[:40]


class Issuer:
    """The identity provider behind ``token.actions.githubusercontent.com``; its key lives in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: rsa.RSAPrivateKey | None = None

    def mint(self, run: Run, audience: str, *, age: int = 0, lifetime: int = TOKEN_LIFETIME) -> str:
        """Return a signed token (RS256) for a job of this run, as it is ``age`` seconds after it was minted."""
        said = {**claims(run, age=age, lifetime=lifetime), "aud": audience}
        key = self._key()
        return jwt.encode(said, key, algorithm="RS256", headers={"kid": key_id(key.public_key()).hex()})

    def verify(self, token: str, audience: str) -> dict[str, Any]:
        """Return the claims of a token that this issuer signed for this audience and that is valid now.

        Raises:
            jwt.InvalidTokenError: It is not such a token.
        """
        return jwt.decode(
            token,
            self._key().public_key(),
            algorithms=["RS256"],
            audience=audience,
            issuer=ISSUER,
            options={"require": ["aud", "exp", "iat", "iss", "nbf", "sub"]},
        )

    def _key(self) -> rsa.RSAPrivateKey:
        """Return the key, made when it is first needed: making it is most of what starting a loopback takes."""
        with self._lock:
            self._made = self._made or rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._made


class TokenEndpoint(Service):
    """Gives a job its identity token: ``GET /oidc/token?api-version=2.0&audience=…`` with the job's request token."""

    path = "/oidc/token?api-version=2.0"
    """What follows the server's address in ``ACTIONS_ID_TOKEN_REQUEST_URL``; clients append ``&audience=…``."""

    routes = Map([Rule("/oidc/token", endpoint="_token", methods=["GET"])])

    def __init__(self, issuer: Issuer, *, lifetime: int = TOKEN_LIFETIME) -> None:
        """Prepare; a token lives ``lifetime`` seconds."""
        self._issuer = issuer
        self._lifetime = lifetime
        self._runs: dict[str, Run] = {}
        self._asked: set[str] = set()

    def grant(self, run: Run) -> str:
        """Return a request token for one job of this run: what ``id-token: write`` gives."""
        request_token = secrets.token_urlsafe(32)
        self._runs[request_token] = run
        return request_token

    def has_asked(self, request_token: str) -> bool:
        """Tell whether the job with this request token has asked for an identity."""
        return request_token in self._asked

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as the real endpoint words it."""
        return answer({"message": error.description, "typeKey": error.name}, error.code or 500)

    def _token(self, request: Request) -> Response:
        scheme, _, request_token = request.headers.get("Authorization", "").partition(" ")
        run = self._runs.get(request_token) if scheme.lower() == "bearer" else None
        if run is None:
            raise Unauthorized("The request token is missing or unknown")
        self._asked.add(request_token)
        audience = request.args.get("audience", f"{GITHUB}/{run.owner}")
        token = self._issuer.mint(run, audience, lifetime=self._lifetime)
        return answer({"count": len(token), "value": token})


def environment(  # noqa: PLR0913 - a job's facts, each by its name
    run: Run, *, token: str, oidc_url: str | None, oidc_token: str | None, workspace: Path, temp: Path
) -> dict[str, str]:
    """Return the variables that a job of this run finds, and create the empty files that they name.

    ``token`` is the job's GitHub token. Without ``oidc_url`` and ``oidc_token`` the job has no ``id-token`` permission.
    """
    variables = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": run.actor,
        "GITHUB_ACTOR_ID": str(run.actor_id),
        "GITHUB_API_URL": API,
        "GITHUB_EVENT_NAME": run.event,
        "GITHUB_GRAPHQL_URL": f"{API}/graphql",
        "GITHUB_JOB": run.job,
        "GITHUB_REF": run.ref,
        "GITHUB_REF_NAME": run.ref_name,
        "GITHUB_REF_TYPE": run.ref_type,
        "GITHUB_REPOSITORY": run.repository,
        "GITHUB_REPOSITORY_ID": str(run.repository_id),
        "GITHUB_REPOSITORY_OWNER": run.owner,
        "GITHUB_REPOSITORY_OWNER_ID": str(run.owner_id),
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": str(run.run_id),
        "GITHUB_RUN_NUMBER": "1",
        "GITHUB_SERVER_URL": GITHUB,
        "GITHUB_SHA": run.sha,
        "GITHUB_TOKEN": token,
        "GITHUB_TRIGGERING_ACTOR": run.actor,
        "GITHUB_WORKFLOW": run.name or run.workflow,
        "GITHUB_WORKFLOW_REF": run.workflow_ref,
        "GITHUB_WORKFLOW_SHA": run.sha,
        "GITHUB_WORKSPACE": str(workspace),
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(temp),
    }
    if oidc_url and oidc_token:
        variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = oidc_url
        variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = oidc_token
    return variables | _files(temp)


def _files(temp: Path) -> dict[str, str]:
    """Create the files that workflow commands are written to, one set a job."""
    files = {name: temp / name.lower() for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_bytes(b"")
    return {name: str(file) for name, file in files.items()}
