"""The assembled loopback is enough for a job: one environment, and real tools work in it unmodified."""

from __future__ import annotations

import os
import subprocess
import sys
from operator import attrgetter
from typing import TYPE_CHECKING

from played import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.actions import environment
from tagseal.loopback.faults import Fault
from tagseal.loopback.service import Service

if TYPE_CHECKING:
    from pathlib import Path


def sign(loopback: Loopback, folder: Path) -> subprocess.CompletedProcess[str]:
    """Sign a file with the real sigstore, in a job with an identity token and nothing of the person's."""
    granted = loopback.tokens.grant(RUN)
    job = environment(RUN, token="", oidc_url=loopback.oidc_url, oidc_token=granted, workspace=folder, temp=folder)
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], **loopback.environment(), **job}
    (folder / "widget.whl").write_bytes(b"a wheel")
    trust = environ["TAGSEAL_TRUST_CONFIG"]
    command = [sys.executable, "-m", "sigstore", "--trust-config", trust, "sign", "widget.whl"]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_one_environment_is_enough_to_sign(tmp_path: Path) -> None:
    """The token endpoint, Fulcio and Rekor are asked in that order, and all of it stands in the transcript."""
    with Loopback(folder=tmp_path / "loopback") as loopback:
        done = sign(loopback, tmp_path)
        asked = [(entry.host.partition(":")[0], entry.status) for entry in loopback.transcript.entries]

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "widget.whl.sigstore.json").is_file()
    assert asked == [
        ("127.0.0.1", 200),
        ("fulcio.sigstore.dev", 200),
        ("timestamp.sigstore.dev", 201),
        ("rekor.sigstore.dev", 201),
    ]


def test_a_fault_hits_the_real_client(tmp_path: Path) -> None:
    """Rekor answers 503 once: sigstore fails, and the transcript names the fault."""
    fault = Fault(name="server-error", host="rekor.sigstore.dev")
    with Loopback(folder=tmp_path / "loopback", faults=[fault]) as loopback:
        done = sign(loopback, tmp_path)
        last = loopback.transcript.entries[-1]

    assert done.returncode != 0
    assert (last.host, last.status, last.note) == ("rekor.sigstore.dev", 503, "server-error")


def test_every_route_leads_to_something_that_answers(tmp_path: Path) -> None:
    """A route names a method of its service in a string, which no type checker reads."""
    further = ("https://packages.example/simple/", "https://packages.example/upload/")
    with Loopback(folder=tmp_path, index=further) as it:
        played = [
            it.tokens,
            it.tuf,
            it.sigstore.fulcio,
            it.sigstore.rekor,
            it.sigstore.tiles,
            it.sigstore.timestamps,
            it.registry,
            it.registry.state.storage,
            *it.github.hosts.values(),
            *it.indexes.values(),
        ]
    services = [one for one in played if isinstance(one, Service)]
    assert len(services) == len(played)
    endpoints = [(service, rule.endpoint) for service in services for rule in service.routes.iter_rules()]
    answering = [attrgetter(name)(service) if isinstance(name, str) else name for service, name in endpoints]
    assert len(answering) == 77
    assert [one for one in answering if not callable(one)] == []
