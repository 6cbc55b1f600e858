"""Image builds: the command that runs, what it sees, and what is said when it fails."""

from __future__ import annotations

import json
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import images
from tagseal.errors import UsageError
from tagseal.services.images import build as image_build
from tagseal.services.images import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.system

DOCKER = """
    import json, os, pathlib, shutil, sys

    HERE = pathlib.Path(__file__).parent
    ENVIRON = {name: os.environ.get(name) for name in ("SOURCE_DATE_EPOCH", "COLOUR", "HOME")}
    with (HERE / "calls").open("a") as calls:
        print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "environ": ENVIRON}), file=calls)
    match sys.argv[1:]:
        case ["buildx", "inspect", name]:
            sys.exit(0 if (HERE / f"builder-{name}").exists() else 'ERROR: no builder "tagseal" found')
        case ["buildx", "create", "--name", name, "--driver", "docker-container"]:
            if (HERE / "no-daemon").exists():
                sys.exit("ERROR: Cannot connect to the Docker daemon")
            (HERE / f"builder-{name}").touch()
        case [*_, "--builder", name, "--output", output, "."] if (HERE / f"builder-{name}").exists():
            shutil.copy(HERE / "image.tar", output.removeprefix("type=oci,dest="))
        case _:
            sys.exit("unknown command")
"""


class Docker:
    """A docker program that keeps builders, and a folder to build in."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.project = folder / "project"
        self.archive = folder / "made.tar"
        self.log = folder / "build.log"
        self.bin.mkdir()
        self.project.mkdir()
        self.program("docker", DOCKER)
        images.archive(images.layout(folder / "layout"), self.bin / "image.tar")

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!{sys.executable}\n{dedent(text)}")
        path.chmod(0o755)

    def build(self, *argv: str) -> None:
        environ = {"PATH": str(self.bin), "COLOUR": "blue"}
        image_build.build(argv, self.archive, folder=self.project, environ=environ, epoch=1_700_000_000, log=self.log)

    def calls(self) -> list[Any]:
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path)


def test_buildx_builds_when_nothing_is_configured(docker: Docker, tmp_path: Path) -> None:
    """The builder is made once, and the default command writes an archive that is an image."""
    docker.build()
    argv = ["buildx", "build", "--builder", "tagseal", "--output", f"type=oci,dest={docker.archive}", "."]
    inspect, create = ["buildx", "inspect", "tagseal"], ["buildx", "create", "--name", "tagseal", "--driver"]
    assert [call["argv"] for call in docker.calls()] == [inspect, [*create, "docker-container"], argv]
    assert layout.take(docker.archive, tmp_path / "image").platforms == ("linux/amd64", "linux/arm64")
    docker.build()
    assert [call["argv"] for call in docker.calls()[3:]] == [inspect, argv]


def test_a_build_sees_the_epoch_and_what_it_is_given(docker: Docker) -> None:
    """It runs in the project's folder, in the caller's environment and SOURCE_DATE_EPOCH, nothing else."""
    docker.build()
    environ = {"SOURCE_DATE_EPOCH": "1700000000", "COLOUR": "blue", "HOME": None}
    assert {(call["cwd"], *call["environ"].items()) for call in docker.calls()} == {
        (str(docker.project), *environ.items())
    }


def test_a_configured_command_is_run_as_it_stands(docker: Docker) -> None:
    """The archive's path takes its placeholder's place inside any word; no builder is asked for."""
    docker.program("builder", "import sys, pathlib; pathlib.Path(sys.argv[1].split(':')[1]).write_text(sys.argv[2])")
    docker.build("builder", "oci-archive:{archive}", "two words; $HOME")
    assert docker.archive.read_text() == "two words; $HOME"
    assert not (docker.bin / "calls").exists()


def broken_build(docker: Docker) -> tuple[str, ...]:
    docker.program("builder", "print('STEP 2/2: COPY'); raise SystemExit('no space left')")
    return ("builder", "{archive}")


def silent_build(docker: Docker) -> tuple[str, ...]:
    docker.program("builder", "print('wrote it elsewhere')")
    return ("builder", "{archive}")


def empty_archive(docker: Docker) -> tuple[str, ...]:
    docker.program("builder", "import sys; open(sys.argv[1], 'w')")
    return ("builder", "{archive}")


def no_docker(docker: Docker) -> tuple[str, ...]:
    (docker.bin / "docker").unlink()
    return ()


def no_daemon(docker: Docker) -> tuple[str, ...]:
    (docker.bin / "no-daemon").touch()
    return ()


def no_program(_: Docker) -> tuple[str, ...]:
    return ("kaniko", "{archive}")


def no_placeholder(_: Docker) -> tuple[str, ...]:
    return ("docker", "buildx", "build", ".")


@pytest.mark.parametrize(
    ("case", "slug", "words"),
    [
        (broken_build, "image-build-failed", ("exit code 1", "STEP 2/2: COPY", "no space left", "whole log: ")),
        (silent_build, "no-image-archive", ("'builder', which ended well", "wrote it elsewhere")),
        (empty_archive, "no-image-archive", ("'builder', which ended well",)),
        (no_docker, "no-image-builder", ("got no program 'docker'", "buildah or podman")),
        (
            no_daemon,
            "no-buildx-builder",
            ("docker buildx create --name tagseal", "Cannot connect", "buildah's or podman"),
        ),
        (no_program, "no-image-builder", ("got no program 'kaniko'",)),
        (
            no_placeholder,
            "image-build-without-archive",
            ("without {archive}", "'docker buildx build .'", "type=oci,dest="),
        ),
    ],
)
def test_a_failed_build_says_what_failed(
    docker: Docker, case: Callable[[Docker], tuple[str, ...]], slug: str, words: tuple[str, ...]
) -> None:
    """Each failure has a name, the builder's last words and a way out."""
    with pytest.raises(UsageError) as caught:
        docker.build(*case(docker))
    assert caught.value.slug == slug
    text = "\n".join((caught.value.what, *caught.value.context, caught.value.hint))
    assert [word for word in words if word not in text] == []
    if slug == "image-build-failed":
        assert "STEP 2/2: COPY" in docker.log.read_text()
