"""A rehearsal that goes to a package index: the shipped command, twine, pip and pypi-attestations themselves."""

from __future__ import annotations

import json
import platform
import re
import sys
from typing import TYPE_CHECKING

import pytest
from twine import utils

import packages
from rehearsing import PATH, project, rehearse, workflow

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsing import Ended

FILE = ".github/workflows/release.yml"
COMPANY = '\n[tool.tagseal.index]\nname = "company"\nurl = "https://packages.example/simple/"\n'


def configured(name: str = "pypi", publisher: str = "") -> str:
    said = f"publisher = {publisher}\n" if publisher else ""
    return f'\n[tool.tagseal.index]\nname = "{name}"\n{said}'


def asked(ended: Ended) -> list[dict[str, object]]:
    lines = (ended.out / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["pypi", "testpypi"])
def test_both_packages_end_at_the_index(tmp_path: Path, name: str) -> None:
    """Sent by twine, downloaded by pip, their attestations verified; the last lines say what is for ever."""
    git = project(tmp_path / "widget", configured(name))
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    records = ended.document["records"]
    assert records["publish"]["acts"][0] == f"2 packages sent to {name}"
    by = {record["by"].split()[0] for record in records["witness"]["commands"]}
    assert {"pip", "pypi-attestations", "curl"} <= by
    assert f"2 names at {name}, 5 log entries naming example/widget" in ended.errors
    assert f"the publisher that {name} trusts (example/widget, release.yml, environment any)" in ended.errors
    sent = [f"https://{one['host']}{one['path']}" for one in asked(ended) if one["method"] == "POST"]
    assert sent.count({"pypi": utils.DEFAULT_REPOSITORY, "testpypi": utils.TEST_REPOSITORY}[name]) == 2


def test_no_token_of_the_index_is_left(tmp_path: Path) -> None:
    """Neither in the transcript nor in a log: it is good for minutes, and is nobody's to read."""
    git = project(tmp_path / "widget", configured())
    ended = rehearse(git.root, out=tmp_path / "out")
    texts = [path.read_text(errors="replace") for path in ended.out.rglob("*") if path.is_file()]
    assert any("mint-token" in text for text in texts)
    assert not any(re.search(r"pypi-[A-Za-z0-9_-]{40}", text) for text in texts)


@pytest.mark.parametrize("field", ["workflow", "environment"])
def test_a_publisher_that_differs_is_found_before_anything_is_signed(tmp_path: Path, field: str) -> None:
    """No certificate was asked for, no log entry made; the field is named."""
    registered = {"workflow": "release.yml", "environment": "release", field: "other.yml"}
    publisher = ", ".join(f'{key} = "{value}"' for key, value in registered.items())
    git = project(tmp_path / "widget", configured(publisher=f"{{ {publisher} }}"), {FILE: workflow(image=False)})
    ended = rehearse(git.root, out=tmp_path / "out")
    assert (ended.code, ended.slug) == (3, "publisher-disagrees")
    assert f"{field}: got '" in ended.output
    assert not [one for one in asked(ended) if "sigstore" in str(one["host"]) and one["method"] == "POST"]


@pytest.mark.parametrize("place", ["", 'publish-url = "https://packages.example/upload/"\n'], ids=["pypirc", "url"])
def test_another_index_gets_both_packages(tmp_path: Path, place: str) -> None:
    """With a login as its users have one; what strangers do there names its address."""
    git = project(tmp_path / "widget", f"{COMPANY}{place}")
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    assert ended.document["records"]["publish"]["acts"][0] == "2 packages sent to company"
    assert "--index-url https://packages.example/simple/" in (ended.out / "notes.md").read_text()
    assert "the login at company" in ended.errors


def test_a_set_of_wheels_goes_there_and_pip_takes_the_one_that_fits(tmp_path: Path) -> None:
    """As earlier jobs built it, for several platforms."""
    if sys.platform != "linux":
        pytest.skip("the wheel that fits is one for Linux")
    git = project(tmp_path / "widget", f'\n[tool.tagseal]\npackages = ["wheelhouse/*"]\n{configured()}')
    wheelhouse = git.root / "wheelhouse"
    packages.write(wheelhouse)[0].unlink()
    platforms = (f"manylinux_2_17_{platform.machine()}", "win_amd64", "macosx_11_0_arm64", "musllinux_1_2_riscv64")
    tags = [f"py3-none-{one}" for one in platforms]
    for tag in tags:
        content = packages.wheel(packages.metadata(), tag=tag)
        (wheelhouse / f"widget-1.2.3-{tag}.whl").write_bytes(content)
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    assert ended.document["records"]["publish"]["acts"][0] == "5 packages sent to pypi"
    assert "5 names at pypi, 11 log entries" in ended.errors


FAULTS = ["index-lags", "drop-after", "bad-gateway", "server-error"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_accident_at_the_index_is_survived(tmp_path: Path, fault: str) -> None:
    """The rehearsal ends well, and says what hit."""
    git = project(tmp_path / "widget", configured())
    ended = rehearse(git.root, "--fault", fault, out=tmp_path / "out")
    assert ended.code == 0, ended.output
    assert fault in ended.output


def test_a_played_workflow_publishes_by_its_identity(tmp_path: Path) -> None:
    """The job that publishes uses `id-token: write`; without it the line to add is named."""
    text = workflow(image=False, index=True)
    git = project(tmp_path / "widget", configured(), {FILE: text})
    ended = rehearse(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    assert ended.code == 0, ended.output
    assert "publish: contents: write, id-token: write\n" in ended.output
    lines = text.splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if "id-token: write" in line)
    without = project(tmp_path / "without" / "widget", configured(), {FILE: "".join(lines[:last] + lines[last + 1 :])})
    ended = rehearse(without.root, "--workflow", out=tmp_path / "out-2", environ={"PATH": PATH})
    assert (ended.code, ended.slug) == (3, "publisher-without-identity")
    assert "the job `publish` lacks `id-token: write`: add the line `id-token: write`" in ended.output
