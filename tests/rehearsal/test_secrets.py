"""A hostile back end, and a person with secrets everywhere: what it finds, what is left, and what runs on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import widget
from canaries import Canaries, everything
from processes import Watch, running
from rehearsing import COMMAND, WORKFLOW, workflow

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the intruder looks through /proc")

INTRUDER = Path(__file__).parents[1] / "assets/intruder/intruder.py"
NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "PIP_INDEX_URL": "https://index.example.invalid/simple"}
MINTED = re.compile(rb"gh[a-z]_[A-Za-z0-9]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}|[?&]sig=[0-9a-f]{64}")
PACKAGES = ("widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz")


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One rehearsal of a hostile project, after its end."""

    canaries: Canaries
    code: int
    root: int
    told: bytes
    """Both streams."""
    left: dict[str, bytes]
    """Everything below ``--out``, archives opened."""
    lair: Path
    temporary: Path
    """TMPDIR of the rehearsal."""
    changed: tuple[str, str]
    """A digest of the person's checkout, before and after."""
    tokens: dict[str, set[str]]
    survivors: set[int]

    @property
    def loot(self) -> dict[str, Any]:
        """What the intruder packed into the wheel."""
        found: dict[str, Any] = json.loads(self.left[f"assets/{PACKAGES[0]}!widget.py"])
        return found

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The transcript."""
        return [json.loads(line) for line in self.left["./transcript.jsonl"].splitlines()]

    @property
    def minted(self) -> dict[bytes, str]:
        """Every token and password that a job was given, in all spellings that a log could have."""
        return {value.encode(): name for name, values in self.tokens.items() for value in values}


@pytest.fixture(scope="session")
def rehearsed(once: Callable[[str, Callable[[Path], Rehearsed]], Rehearsed]) -> Rehearsed:
    """Rehearse the hostile project once."""
    return once("intruder", rehearse_hostile)


def rehearse_hostile(folder: Path) -> Rehearsed:
    """Rehearse it as a child, with secrets planted wherever a person has some."""
    canaries = Canaries()
    home, lair, temporary = (folder / name for name in ("home", "lair", "tmp"))
    for place in (home, lair, temporary):
        place.mkdir()
    canaries.fill(home)
    traps(home / "template/hooks", lair)
    checkout = hostile(folder / "widget", lair, canaries)
    before = digest(checkout)
    environ = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}},
        **canaries.environ(home),
        **NETWORK,
        "TMPDIR": str(temporary),
    }
    argv = [*COMMAND, "rehearse", "--allow-not-yet", "--out", str(folder / "out")]
    child = subprocess.Popen(argv, cwd=checkout, env=environ, umask=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (lair / "root").write_text(str(child.pid))
    with Watch(child.pid) as watch:
        told, _ = child.communicate(timeout=900)
    return Rehearsed(
        canaries=canaries,
        code=child.returncode,
        root=child.pid,
        told=told,
        left=everything(folder / "out"),
        lair=lair,
        temporary=temporary,
        changed=(before, digest(checkout)),
        tokens=watch.tokens,
        survivors=running(watch.seen),
    )


def hostile(root: Path, lair: Path, canaries: Canaries) -> Path:
    """Make the project, and its checkout as actions/checkout leaves it and as people make it worse."""
    pyproject = widget.files()["pyproject.toml"].replace('build-backend = "backend"', 'build-backend = "intruder"')
    widget.commit(
        root,
        {
            **widget.files(),
            "pyproject.toml": pyproject + '\n[tool.tagseal]\nbuild-env = ["*"]\n',
            "intruder.py": INTRUDER.read_text(),
            "lair.json": json.dumps(str(lair)),
            ".gitattributes": "*.py filter=person\n",
            ".gitignore": "secrets.txt\n",
            "CHANGELOG.md": "# Changelog\n\n## 1.2.3\n\n- A widget that turns.\n",
            WORKFLOW: workflow(image=False, repository="octo/widget"),
        },
    )
    widget.write(
        root,
        {
            ".env": f"TOKEN={canaries.word('untracked file')}\n",
            "secrets.txt": f"{canaries.word('ignored file')}\n",
            "widget.py": "TURNS = 2\n",
        },
    )
    traps(root / ".git/hooks", lair)
    with (root / ".git/config").open("a") as config:
        config.write(
            f'[remote "origin"]\nurl = https://octo:{canaries.word("origin")}@github.com/octo/widget.git\n'
            f'[http "https://github.com/"]\nextraheader = AUTHORIZATION: basic {canaries.word("extraheader")}\n'
            f"[core]\nfsmonitor = {root}/.git/hooks/fsmonitor\nsshCommand = {root}/.git/hooks/ssh\n"
            f"[gpg]\nprogram = {root}/.git/hooks/gpg\n[commit]\ngpgSign = true\n[tag]\ngpgSign = true\n"
            f"[log]\nshowSignature = true\n[uploadpack]\npackObjectsHook = {root}/.git/hooks/pack\n"
        )
    return root


def traps(folder: Path, lair: Path) -> None:
    """Write hooks, and programs for settings of git; each tells when it runs."""
    names = ("post-checkout", "pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change")
    for name in (*names, "fsmonitor", "ssh", "gpg", "filter", "pack"):
        widget.write(folder, {name: f"#!/bin/sh\necho $0 >> {lair}/ran\ncat\n"})
        (folder / name).chmod(0o755)


def digest(folder: Path) -> str:
    """Return a digest of every name, mode, time and byte below the folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.update(f"{path} {status.st_mode} {status.st_mtime_ns}\n".encode())
        if path.is_file() and not path.is_symlink():
            found.update(path.read_bytes())
    return found.hexdigest()


def test_the_rehearsal_succeeds_and_the_intruder_was_there(rehearsed: Rehearsed) -> None:
    """The rest means something: the wheel was published with what the intruder found, which is the tool's own tree."""
    assert rehearsed.code == 0, rehearsed.told.decode()
    loot = rehearsed.loot
    assert str(rehearsed.root) in loot["environs"]
    commands = [text.split("\0") for text in loot["commands"].values()]
    assert {"rehearse", "run"} <= {word for words in commands for word in words}
    assert any(name.endswith("/loopback/trust.json") for name in loot["rehearsal"])
    assert len(rehearsed.canaries.planted) > 40


def test_no_secret_of_the_person_is_passed_on_or_printed(rehearsed: Rehearsed) -> None:
    """In no spelling: not in the packages, though a thief built them, nor in anything else that is left or told."""
    found = {name: places for name, text in rehearsed.left.items() if (places := rehearsed.canaries.found(text))}
    assert found == {}
    assert rehearsed.canaries.found(rehearsed.told) == set()


def test_the_canaries_would_be_found(rehearsed: Rehearsed) -> None:
    """The search finds a secret in the spellings that hide one."""
    import base64  # noqa: PLC0415 - for this rule only
    from urllib.parse import quote  # noqa: PLC0415

    place, secret = "TWINE_PASSWORD", rehearsed.canaries.planted["TWINE_PASSWORD"]
    hidden = [
        *(base64.b64encode(f"{'x' * offset}{secret}:y".encode()).decode() for offset in range(4)),
        base64.urlsafe_b64encode(f"__token__:{secret}".encode()).decode(),
        *(quote(secret, safe=""), secret.encode().hex().upper(), secret[::-1], json.dumps({"a": secret})),
    ]
    assert [rehearsed.canaries.found(f"<{text}>".encode()) for text in hidden] == [{place}] * len(hidden)


def test_the_build_sees_its_own_jobs_token_and_no_other(rehearsed: Rehearsed) -> None:
    """Of all that was minted, the thief finds the build job's GitHub token and the door's password."""
    stolen = json.dumps(rehearsed.loot).encode()
    assert len(rehearsed.tokens["GITHUB_TOKEN"]) == 4
    assert len(rehearsed.tokens["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]) >= 1
    assert sorted(name for value, name in rehearsed.minted.items() if value in stolen) == ["GITHUB_TOKEN", "password"]
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" not in json.dumps(rehearsed.loot["environs"])


def test_what_the_build_can_steal_does_nothing_but_read(rehearsed: Rehearsed) -> None:
    """With the job's token and the door's password it reads; it writes nothing, and gets no identity token."""
    tried = rehearsed.loot["tried"]
    assert tried["read"] == 200
    assert set(tried["write"].values()) <= {401, 403, 404}
    assert len(tried["identity"]) >= 2
    assert 200 not in tried["identity"].values()


def test_the_door_opens_to_played_names_and_the_password_only(rehearsed: Rehearsed) -> None:
    """Without the password there is no way in; an unplayed name is refused, and the transcript says so."""
    tried = rehearsed.loot["tried"]
    assert "407" in tried["no password"]
    assert "403" in tried["unplayed"]
    refused = [entry["host"] for entry in rehearsed.entries if entry["refused"]]
    assert set(refused) == {"unplayed.example"}
    assert any(entry["status"] == 407 for entry in rehearsed.entries)


def test_no_credential_of_the_loopback_is_written_down(rehearsed: Rehearsed) -> None:
    """Neither transcript, notes, logs, release nor output holds a token, the password or a signed address."""
    written = {
        name: text
        for name, text in rehearsed.left.items()
        if not name.startswith(tuple(f"assets/{package}" for package in PACKAGES))
    }
    for text in (*written.values(), rehearsed.told):
        assert [name for value, name in rehearsed.minted.items() if value in text] == []
        assert MINTED.findall(text) == []
    assert any(MINTED.search(text) for name, text in rehearsed.left.items() if name not in written)


def test_the_build_keeps_the_persons_way_to_the_index(rehearsed: Rehearsed) -> None:
    """The build child's network settings are the person's; the door's are the job's alone."""
    own = rehearsed.loot["own"]
    assert {name: own.get(name) for name in NETWORK} == NETWORK
    assert {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TAGSEAL_TRUST_CONFIG", "GITHUB_TOKEN"} & set(own) == set()
    assert rehearsed.loot["home"] == []


def test_no_process_of_the_build_waits_for_the_next_job(rehearsed: Rehearsed) -> None:
    """A daemon with a session of its own was there, and ended with the build: it met no identity token."""
    names = {path.name.partition("-")[0] for path in rehearsed.lair.iterdir()}
    assert "waiting" in names
    assert {"caught", "survived"} & names == set()
    assert rehearsed.survivors == set()


def test_nothing_of_the_persons_git_runs(rehearsed: Rehearsed) -> None:
    """Neither hooks, templates, filters nor programs of the person's settings run, in the checkout or in a clone."""
    ran = rehearsed.lair / "ran"
    assert not ran.exists(), ran.read_text()
    configs = [text for name, text in rehearsed.loot["rehearsal"].items() if name.endswith(".git/config")]
    assert len(configs) >= 2
    assert all("url" not in text or "url = https://github.com/octo/widget.git" in text for text in configs)
    assert not any("extraheader" in text for text in configs)


def test_the_checkout_is_not_touched(rehearsed: Rehearsed) -> None:
    """No name, mode, time or byte changes, in the working tree or in ``.git``."""
    before, after = rehearsed.changed
    assert before == after


def test_other_users_see_nothing_of_the_run(rehearsed: Rehearsed) -> None:
    """Trust files, clones and logs lie in a folder for one user only, whatever the umask."""
    assert stat.S_IMODE(rehearsed.loot["mode"]) == 0o700


def test_a_success_leaves_no_temporary_file(rehearsed: Rehearsed) -> None:
    """TMPDIR is as empty as it was."""
    assert [path.name for path in rehearsed.temporary.iterdir()] == []


def test_a_job_with_an_identity_is_told_where_to_rehearse(rehearsed: Rehearsed) -> None:
    """The tool cannot clean the shell that started it, and says so before it cleans itself."""
    assert b"rehearse without `id-token: write`" in rehearsed.told.splitlines()[0]


def test_a_command_in_the_loopback_sees_nothing_of_the_person(tmp_path: Path) -> None:
    """``tagseal loopback -- COMMAND``: neither its own environment, nor its parent's, nor an open file has a secret."""
    canaries = Canaries()
    canaries.fill(tmp_path / "home")
    secret = canaries.word("open file")
    look = "cat /proc/$$/environ /proc/$PPID/environ; cat /dev/fd/9 /proc/$PPID/fd/9; find ~; cat ~/.netrc; env"
    (tmp_path / "secret").write_text(secret)
    person = {"PATH": os.environ["PATH"], **canaries.environ(tmp_path / "home"), "PIP_INDEX_URL": f"https://{secret}"}
    hand_down = ["sh", "-c", 'exec 9<"$1"; shift; exec "$@"', "sh", str(tmp_path / "secret")]
    finished = subprocess.run(
        [*hand_down, *COMMAND, "loopback", "--out", str(tmp_path / "out"), "--", "sh", "-c", look],
        env=person,
        capture_output=True,
        check=False,
    )
    told = finished.stdout + finished.stderr
    assert b"TAGSEAL_TRUST_CONFIG=" in told
    assert canaries.found(told) == set()
    assert canaries.found((tmp_path / "out/transcript.jsonl").read_bytes()) == set()
