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
from rehearsing import PATH, VARIED, project, rehearse, workflow

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


def sent(ended: Ended, name: str, entries: int) -> None:
    """Hold that both packages are at the index, with so many entries in the log, and that no token of it is left.

    Neither in the transcript nor in a log of a job: it is good for minutes, and nobody's to read.
    """
    assert ended.code == 0, ended.errors
    records = ended.document["records"]
    assert records["publish"]["acts"][0] == f"2 packages sent to {name}"
    by = {record["by"].split()[0] for record in records["witness"]["commands"]}
    assert {"pip", "pypi-attestations", "curl"} <= by
    assert f"2 file names at {name}, {entries} log entries naming example/widget" in ended.errors
    assert f"the publisher that {name} trusts (example/widget, release.yml, environment any)" in ended.errors
    files = [f"https://{one['host']}{one['path']}" for one in asked(ended) if one["method"] == "POST"]
    assert files.count({"pypi": utils.DEFAULT_REPOSITORY, "testpypi": utils.TEST_REPOSITORY}[name]) == 2
    texts = [path.read_text(errors="replace") for path in ended.out.rglob("*") if path.is_file()]
    assert any("mint-token" in text for text in texts)
    assert not any(re.search(r"pypi-[A-Za-z0-9_-]{40}", text) for text in texts)


def test_both_packages_end_at_pypi(kitted: Ended) -> None:
    """Sent by twine, downloaded by pip, their attestations verified; the last lines say what is for ever."""
    sent(kitted, "pypi", 6)


@VARIED
def test_both_packages_end_at_testpypi(tmp_path: Path) -> None:
    """The same at the other index that twine knows."""
    git = project(tmp_path / "widget", configured("testpypi"))
    sent(rehearse(git.root, "--json", out=tmp_path / "out"), "testpypi", 5)


@VARIED
def test_a_publisher_that_differs_is_found_before_anything_is_signed(tmp_path: Path) -> None:
    """No certificate was asked for, no log entry made; the field is named."""
    publisher = '{ workflow = "release.yml", environment = "other" }'
    git = project(tmp_path / "widget", configured(publisher=publisher), {FILE: workflow(image=False)})
    ended = rehearse(git.root, out=tmp_path / "out")
    assert (ended.code, ended.slug) == (3, "publisher-disagrees")
    assert "environment: got '" in ended.output
    assert not [one for one in asked(ended) if "sigstore" in str(one["host"]) and one["method"] == "POST"]


@VARIED
@pytest.mark.parametrize("place", ["", 'publish-url = "https://packages.example/upload/"\n'], ids=["pypirc", "url"])
def test_another_index_gets_both_packages(tmp_path: Path, place: str) -> None:
    """With a login as its users have one; what strangers do there names its address."""
    git = project(tmp_path / "widget", f"{COMPANY}{place}")
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    assert ended.document["records"]["publish"]["acts"][0] == "2 packages sent to company"
    assert "--index-url https://packages.example/simple/" in (ended.out / "notes.md").read_text()
    assert "the login at company" in ended.errors


@VARIED
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
    assert "5 file names at pypi, 11 log entries" in ended.errors


@VARIED
def test_accidents_at_the_index_are_survived(tmp_path: Path) -> None:
    """The rehearsal ends well, and says what hit; each alone is survived in tests/steps/test_index.py."""
    git = project(tmp_path / "widget", configured())
    faults = ("index-lags", "drop-after", "bad-gateway", "server-error")
    ended = rehearse(git.root, *(word for fault in faults for word in ("--fault", fault)), out=tmp_path / "out")
    assert ended.code == 0, ended.output
    assert [fault for fault in faults if f"fault:   {fault} hit " not in ended.output] == []


@VARIED
def test_a_played_workflow_publishes_by_its_identity(tmp_path: Path) -> None:
    """The job that publishes uses `id-token: write`."""
    text = workflow(image=False, index=True)
    git = project(tmp_path / "widget", configured(), {FILE: text})
    ended = rehearse(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    assert ended.code == 0, ended.output
    assert "publish: contents: write, id-token: write\n" in ended.output


@VARIED
def test_a_played_workflow_without_its_identity_is_told_the_line(tmp_path: Path) -> None:
    """The job that publishes lacks `id-token: write`, and nothing goes to the index."""
    lines = workflow(image=False, index=True).splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if "id-token: write" in line)
    git = project(tmp_path / "widget", configured(), {FILE: "".join(lines[:last] + lines[last + 1 :])})
    ended = rehearse(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    assert (ended.code, ended.slug) == (3, "publisher-without-identity")
    assert "the job `publish` lacks `id-token: write`: add the line `id-token: write`" in ended.output
