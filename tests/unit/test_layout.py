"""Image layouts as data from outside: what is taken from good ones, and which ones are refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies

import images
from tagseal.errors import Refused, TagsealError, UsageError, VerificationFailed
from tagseal.records import Artifact, Kind, Manifest
from tagseal.services.images import layout
from tagseal.services.images.layout import Descriptor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHAPES: dict[str, dict[str, Any]] = {
    "one_platform": {"platforms": ("linux/arm/v7",)},
    "two_platforms": {"layers": 3},
    "attestations": {"attestation": True},
    "one_platform_attested": {"platforms": ("linux/arm64",), "attestation": True},
    "nested": {"nested": True, "attestation": True, "layers": 2},
    "shared_layer": {"sparse": 1 << 16},
    "no_layers": {"layers": 0},
}


def described(one: images.Descriptor) -> Descriptor:
    return Descriptor(media_type=one["mediaType"], size=one["size"], sha256=one["digest"].removeprefix("sha256:"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def taken(source: Path) -> layout.LayoutImage:
    """Take a layout, and expect nothing beside it."""
    target = source.with_name("taken")
    before = {path.name for path in source.parent.iterdir()}
    try:
        return layout.take(source, target)
    finally:
        assert {path.name for path in source.parent.iterdir()} - before <= {target.name}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz", "dot"])
def test_an_image_is_taken_whole(tmp_path: Path, shape: str, form: str) -> None:
    """A folder and every kind of archive give one normalised layout, which reads back as the same image."""
    source = images.layout(tmp_path / "source", **SHAPES[shape])
    blobs = {name: text for name, text in contents(source).items() if name.startswith("blobs/")}
    path = {
        "folder": lambda: source,
        "tar": lambda: images.archive(source, tmp_path / "image.tar"),
        "tar.gz": lambda: images.archive(source, tmp_path / "image.tar", packed=True),
        "dot": lambda: images.archive(source, tmp_path / "image.tar", dot=True),
    }[form]()
    image = taken(path)
    target = tmp_path / "taken"
    bare = images.put_plain(images.root(source))
    assert image.root == described(bare)
    assert images.load(target / "index.json") == {"schemaVersion": 2, "manifests": [bare]}
    assert images.load(target / "oci-layout") == {"imageLayoutVersion": "1.0.0"}
    assert contents(target).keys() - {"index.json", "oci-layout"} == blobs.keys()
    assert {**contents(target), **blobs} == contents(target)
    assert layout.read(target) == image
    assert {one.sha256 for one in (*image.documents, *image.blobs)} == {name.split("/")[-1] for name in blobs}


def test_platforms_nested_indexes_and_attestations_are_told_apart(tmp_path: Path) -> None:
    """What a platform can pull is listed at any depth, in order; attestations are pushed and not listed."""
    source = images.layout(tmp_path / "source", ("linux/amd64", "linux/arm/v7"), attestation=True, nested=True)
    image = taken(source)
    listed = images.load(images.blob(source, image.root.digest))["manifests"]
    amd64, inner, *attestations = map(described, listed)
    arm = described(images.load(images.blob(source, inner.digest))["manifests"][0])
    assert image.manifests == (
        Manifest(platform="linux/amd64", size=amd64.size, sha256=amd64.sha256),
        Manifest(platform="", size=inner.size, sha256=inner.sha256),
        Manifest(platform="linux/arm/v7", size=arm.size, sha256=arm.sha256),
    )
    assert image.documents == (amd64, arm, inner, *attestations, image.root)
    assert (image.platform, image.platforms) == ("", ("linux/amd64", "linux/arm/v7"))
    assert {blob.media_type for blob in image.blobs} == {images.CONFIG, images.LAYER_GZIP, images.IN_TOTO}
    assert image.artifact("ghcr.io/octo/widget") == Artifact(
        kind=Kind.image,
        name="ghcr.io/octo/widget",
        size=image.root.size,
        sha256=image.root.sha256,
        manifests=image.manifests,
    )
    assert layout.blob(tmp_path / "taken", arm.sha256).read_bytes() == images.blob(source, arm.digest).read_bytes()


def test_a_single_manifest_has_the_platform_of_its_configuration(tmp_path: Path) -> None:
    """No index says it: the image has no manifests below its root, and one platform."""
    image = taken(images.layout(tmp_path / "source", ("linux/arm/v7",)))
    assert (image.manifests, image.platform, image.platforms) == ((), "linux/arm/v7", ("linux/arm/v7",))
    assert image.documents == (image.root,)


def test_an_attestation_may_be_an_artifact(tmp_path: Path) -> None:
    """With an empty configuration and a subject, the other form of buildx, it is taken as well."""
    source = images.layout(tmp_path / "source")
    one = images.attested(source, images.first(source), artifact=True)
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].append(one))
    image = taken(source)
    assert image.platforms == ("linux/amd64", "linux/arm64")
    assert described(one) in image.documents
    assert images.EMPTY in {blob.media_type for blob in image.blobs}


def test_only_what_the_root_reaches_is_taken(tmp_path: Path) -> None:
    """Other blobs, other files and a docker manifest beside the layout stay behind."""
    source = images.layout(tmp_path / "source")
    images.put(source, b"an old layer", images.LAYER)
    (source / "manifest.json").write_text("[]")
    (source / "notes").mkdir()
    (source / "notes" / "read me").write_text("hello")
    expected = {name for name in contents(source) if "blobs" in name} - {
        f"blobs/sha256/{hashlib.sha256(b'an old layer').hexdigest()}"
    }
    for path in (source, images.archive(source, tmp_path / "image.tar")):
        taken(path)
        assert contents(tmp_path / "taken").keys() == expected | {"index.json", "oci-layout"}


def test_an_image_with_two_names_is_one_image(tmp_path: Path) -> None:
    """index.json may list one digest under several names; with another digest it is refused."""
    source = images.layout(tmp_path / "source")
    one = images.root(source)
    images.finish(source, one, {**one, "annotations": {"org.opencontainers.image.ref.name": "1.0"}})
    assert taken(source).root == described(one)
    images.finish(source, one, images.first(source))
    with pytest.raises(UsageError) as caught:
        taken(source)
    assert (caught.value.slug, caught.value.what) == ("several-images", "got 2 images in index.json, expected one")


@pytest.mark.parametrize(
    ("listed", "own", "fits"),
    [
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "linux/amd64/v3", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/amd64", "linux/arm64", False),
    ],
)
def test_an_index_must_not_lie_about_a_platform(tmp_path: Path, listed: str, own: str, fits: bool) -> None:  # noqa: FBT001
    """Two spellings of one platform are one; anything else that the configuration does not say is refused."""
    source = images.layout(tmp_path / "source", (own,), attestation=True)
    place = dict(zip(("os", "architecture", "variant"), listed.split("/"), strict=False))
    images.changed(
        source, images.root(source)["digest"], lambda content: content["manifests"][0].update(platform=place)
    )
    if fits:
        assert taken(source).platforms == (listed,)
    else:
        with pytest.raises(VerificationFailed) as caught:
            taken(source)
        assert caught.value.slug == "image-platform-differs"
        assert f"got '{own}' in the configuration of" in caught.value.what
        assert f"expected '{listed}' as its index says" in caught.value.what


def test_an_index_may_leave_the_platform_to_the_configuration(tmp_path: Path) -> None:
    """A descriptor's platform is optional (OCI image specification 1.1, "Image Index")."""
    source = images.layout(tmp_path / "source")
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"][0].pop("platform"))
    assert taken(source).platforms == ("linux/amd64", "linux/arm64")


SLUGS = {
    "wrong_digest": "image-blob-differs",
    "wrong_digest_of_manifest": "image-blob-differs",
    "wrong_size": "image-blob-differs",
    "missing_blob": "image-blob-missing",
    "missing_manifest": "image-blob-missing",
    "unknown_media_type": "unknown-media-type",
    "nondistributable": "nondistributable-layer",
    "docker_layer": "docker-image",
    "docker_schema": "docker-image",
    "other_platform": "image-platform-differs",
    "other_algorithm": "damaged-image",
}


@pytest.mark.parametrize("kind", images.BROKEN)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_image_is_refused(tmp_path: Path, kind: str, packed: bool) -> None:  # noqa: FBT001
    """A layout that lacks something, or has something else than it says, is not taken, from wherever it comes."""
    source = images.broken(images.layout(tmp_path / "source"), kind)
    path = images.archive(source, tmp_path / "image.tar") if packed else source
    with pytest.raises((VerificationFailed, UsageError)) as caught:
        taken(path)
    assert caught.value.slug == SLUGS[kind]
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("attack", images.UNSAFE)
def test_an_unsafe_archive_is_refused(tmp_path: Path, attack: str) -> None:
    """Nothing that leads outside, is no plain file or comes twice passes, even beside a whole image."""
    path = images.unsafe(images.layout(tmp_path / "source"), tmp_path / "image.tar", attack)
    with pytest.raises(VerificationFailed) as caught:
        taken(path)
    assert caught.value.slug == "unsafe-image-archive"


def key_twice(text: str) -> str:
    return text.replace('"schemaVersion": 2', '"schemaVersion": 2, "schemaVersion": 2')


def key_in_capitals(text: str) -> str:
    return text.replace('"manifests"', '"Manifests": [], "manifests"')


def key_with_a_long_s(text: str) -> str:
    return text.replace('"manifests"', '"manife\\u017ft\\u017f": [], "manifests"')


def both_forms(text: str) -> str:
    return text.replace('"manifests"', '"layers": [], "manifests"')


def other_type_within(text: str) -> str:
    return text.replace('"schemaVersion"', f'"mediaType": "{images.MANIFEST}", "schemaVersion"')


def no_json(text: str) -> str:
    return text[:-1]


def byte_order_mark(text: str) -> str:
    return "\ufeff" + text


def deep(_: str) -> str:
    return "[" * 100_000


def long_number(text: str) -> str:
    return text.replace('"schemaVersion": 2', f'"schemaVersion": {"2" * 5000}')


def true_version(text: str) -> str:
    return text.replace('"schemaVersion": 2', '"schemaVersion": true')


def size_as_text(text: str) -> str:
    return text.replace('"size": ', '"size": "1", "was": ')


def size_negative(text: str) -> str:
    return text.replace('"size": ', '"size": -')


def digest_leads_outside(text: str) -> str:
    return text.replace('"digest": "sha256:', '"digest": "sha256:../../../')


def no_list(text: str) -> str:
    return text.replace('"manifests": [', '"manifests": {"0": [').replace("]}", "]}}")


def no_object(_: str) -> str:
    return "[]"


@pytest.mark.parametrize(
    "change",
    [
        key_twice,
        key_in_capitals,
        key_with_a_long_s,
        both_forms,
        other_type_within,
        no_json,
        byte_order_mark,
        deep,
        long_number,
        true_version,
        size_as_text,
        size_negative,
        digest_leads_outside,
        no_list,
        no_object,
    ],
)
def test_a_document_that_readers_could_read_differently_is_refused(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    """Keys twice or in another case, two forms at once, odd numbers and what is no JSON are damage."""
    source = images.layout(tmp_path / "source")
    path = source / "index.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(VerificationFailed) as caught:
        taken(source)
    assert caught.value.slug == "damaged-image"


def platform_twice(source: Path) -> None:
    text = images.manifest(source, "linux/arm64/v8", [])
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].append(text))


def manifest_twice(source: Path) -> None:
    images.changed(
        source, images.root(source)["digest"], lambda content: content["manifests"].extend(content["manifests"])
    )


def attestation_for_a_platform(source: Path) -> None:
    """A machine would pull it, and nobody would have signed it."""

    def change(content: Any) -> None:  # noqa: ANN401 - JSON
        content["manifests"][0]["annotations"] = {f"{images.ABOUT[:-7]}.type": "attestation-manifest"}

    images.changed(source, images.root(source)["digest"], change)


def unknown_platform(source: Path) -> None:
    place = {"os": "unknown", "architecture": "unknown"}
    images.changed(
        source, images.root(source)["digest"], lambda content: content["manifests"][0].update(platform=place)
    )


def attestation_about_another(source: Path) -> None:
    one = images.attested(source, images.manifest(source, "linux/s390x", []))
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].append(one))


def attestation_that_runs(source: Path) -> None:
    one = images.attested(source, images.first(source))
    own = {key: images.manifest(source, "linux/s390x", [])[key] for key in ("digest", "size")}
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].append(one | own))


def no_platforms(source: Path) -> None:
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].clear())


def blob_with_two_types(source: Path) -> None:
    def change(content: Any) -> None:  # noqa: ANN401 - JSON
        content["layers"].append({**content["layers"][0], "mediaType": images.LAYER})

    images.changed(source, images.first(source)["digest"], change)


def manifest_as_layer(source: Path) -> None:
    other = images.manifest(source, "linux/s390x", [])
    layer = {**images.put_plain(other), "mediaType": images.LAYER}
    both = images.manifest(source, "linux/ppc64le", [layer])
    images.changed(source, images.root(source)["digest"], lambda content: content["manifests"].extend([other, both]))


def alone_and_unknown(source: Path) -> None:
    images.finish(source, images.put_plain(images.manifest(source, "unknown/unknown", [])))


@pytest.mark.parametrize(
    "change",
    [
        platform_twice,
        manifest_twice,
        attestation_for_a_platform,
        unknown_platform,
        attestation_about_another,
        attestation_that_runs,
        no_platforms,
        blob_with_two_types,
        manifest_as_layer,
        alone_and_unknown,
    ],
)
def test_a_tree_that_makes_no_sense_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """A platform listed twice, an attestation that a machine could run, one digest as two things: damage."""
    source = images.layout(tmp_path / "source")
    change(source)
    with pytest.raises(VerificationFailed) as caught:
        taken(source)
    assert caught.value.slug == "damaged-image"


def too_deep(source: Path) -> None:
    inner = images.first(source)
    for _ in range(5):
        inner = images.index(source, [inner])
    images.finish(source, inner)


def many_layers(source: Path) -> None:
    one = images.layer(source, "x")
    listed = images.manifest(source, "linux/amd64", [one] * 10_000)
    images.finish(source, images.put_plain(listed))


def large_configuration(source: Path) -> None:
    config = images.load(images.blob(source, images.first(source)["digest"]))["config"]["digest"]
    images.changed(source, config, lambda content: content.update(history="x" * (8 << 20)))


def large_manifest(source: Path) -> None:
    images.changed(
        source, images.first(source)["digest"], lambda content: content.update(annotations={"x": "x" * (4 << 20)})
    )


def large_index(source: Path) -> None:
    path = source / "index.json"
    path.write_text(path.read_text() + " " * (4 << 20))


@pytest.mark.parametrize("change", [too_deep, many_layers, large_configuration, large_manifest, large_index])
def test_an_image_without_measure_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Documents, their number and their depth have bounds."""
    source = images.layout(tmp_path / "source")
    change(source)
    with pytest.raises(VerificationFailed) as caught:
        taken(source)
    assert caught.value.slug == "image-too-large"


def many_members(source: Path, path: Path) -> None:
    empty = [(tarfile.TarInfo(f"file{number}"), None) for number in range(12_000)]
    images.archive_of(path, [*images.members(source), *empty])


def large_header(source: Path, path: Path) -> None:
    info = tarfile.TarInfo("file")
    info.pax_headers = {"comment": "0" * (2 << 20)}
    images.archive_of(path, [*images.members(source), (info, None)])


def zeros(source: Path, path: Path) -> None:
    info = tarfile.TarInfo("file")
    info.size = 80 << 20
    with tarfile.open(path, "w:gz") as file:
        file.addfile(info, io.BytesIO(bytes(info.size)))
    assert source.exists()


@pytest.mark.parametrize("make", [many_members, large_header, zeros])
def test_a_bomb_is_refused(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    """Members, their headers and what a gzipped archive unpacks to have bounds."""
    path = tmp_path / "image.tar"
    make(images.layout(tmp_path / "source"), path)
    with pytest.raises(VerificationFailed) as caught:
        taken(path)
    assert caught.value.slug == "unsafe-image-archive"
    assert "more content than its size allows" in caught.value.what


@pytest.mark.parametrize("size", ["-1", "-512", "-1024", "-99999999", "99999999999999999999"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_size_that_no_file_has_is_refused(tmp_path: Path, size: str, everywhere: bool) -> None:  # noqa: FBT001
    """A header that leads a reader backwards, or behind every end, makes no archive; for one member or for all."""
    path = images.archive(images.layout(tmp_path / "source"), tmp_path / "image.tar")
    headers = {"size": size}
    one = io.BytesIO()
    with tarfile.open(fileobj=one, mode="w", pax_headers=headers if everywhere else {}) as file:
        info = tarfile.TarInfo("file")
        info.pax_headers = {} if everywhere else headers
        file.addfile(info)
        end = file.offset
    path.write_bytes(one.getvalue()[:end] + path.read_bytes())
    with pytest.raises((VerificationFailed, UsageError)) as caught:
        taken(path)
    assert caught.value.slug in {"unsafe-image-archive", "no-image", "image-too-large"}


@pytest.fixture(params=[False, True], ids=["tar", "tar.gz"])
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bytes, layout.LayoutImage]:
    """Give an archive's bytes and the image in it."""
    source = images.layout(tmp_path / "source", nested=True, attestation=True)
    path = images.archive(source, tmp_path / "image.tar", packed=request.param)
    return path.read_bytes(), taken(path)


@given(data=strategies.data())
@settings(max_examples=100)
def test_a_changed_archive_is_the_same_image_or_an_error(
    tmp_path: Path, whole: tuple[bytes, layout.LayoutImage], data: strategies.DataObject
) -> None:
    """Whatever byte is changed, cut out or put in: never another image, and no error but ours."""
    content, image = whole
    at = data.draw(strategies.integers(0, len(content) - 1))
    cut = data.draw(strategies.sampled_from([0, 1, 512, 5000]))
    more = data.draw(strategies.binary(max_size=3))
    path = tmp_path / "changed.tar"
    path.write_bytes(content[:at] + more + content[at + cut :])
    try:
        assert layout.take(path, tmp_path / "again") == image
    except TagsealError as error:
        assert error.slug  # noqa: PT017 - either is right


def docker_save(path: Path) -> None:
    """Write what ``docker save`` wrote for years: links included."""
    link = tarfile.TarInfo("abc/layer.tar")
    link.type, link.linkname = tarfile.SYMTYPE, "../def/layer.tar"
    images.archive_of(path, [(link, None), (tarfile.TarInfo("manifest.json"), None)])


def no_image(path: Path) -> None:
    images.archive_of(path, [(tarfile.TarInfo("index.json"), None)])


def no_tar(path: Path) -> None:
    path.write_bytes(b"no archive at all" * 100)


def gzipped_noise(path: Path) -> None:
    path.write_bytes(gzip.compress(b"no archive at all" * 100))


def cut(path: Path) -> None:
    whole = images.archive(images.layout(path.with_name("layout")), path)
    whole.write_bytes(whole.read_bytes()[:3000])


def cut_gzip(path: Path) -> None:
    whole = images.archive(images.layout(path.with_name("layout")), path, packed=True)
    whole.write_bytes(whole.read_bytes()[:-100])


def empty_folder(path: Path) -> None:
    path.mkdir()


def nothing(_: Path) -> None:
    """Leave it out."""


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (docker_save, "docker-image"),
        (no_image, "no-image"),
        (no_tar, "no-image"),
        (gzipped_noise, "no-image"),
        (cut, "no-image"),
        (cut_gzip, "no-image"),
        (empty_folder, "no-image"),
        (nothing, "no-image"),
        (os.mkfifo, "irregular-file"),
        (lambda path: path.symlink_to("elsewhere"), "irregular-file"),
    ],
)
def test_what_is_no_image_is_an_error_of_ours(tmp_path: Path, make: Callable[[Path], None], slug: str) -> None:
    """Whatever lies there, the error names what it is, and nothing makes us wait."""
    make(tmp_path / "image.tar")
    with pytest.raises((UsageError, Refused)) as caught:
        taken(tmp_path / "image.tar")
    assert caught.value.slug == slug


def test_dockers_own_form_comes_with_the_way_out(tmp_path: Path) -> None:
    """Who has such an image is told both ways: build it as OCI, or convert it."""
    with pytest.raises(UsageError) as caught:
        taken(images.broken(images.layout(tmp_path / "source"), "docker_schema"))
    assert "oci-mediatypes=true" in caught.value.hint
    assert "skopeo copy --all --format oci" in caught.value.hint


@pytest.mark.parametrize("name", ["index.json", "oci-layout", "blobs", "blobs/sha256"])
def test_no_link_in_a_layout_is_followed(tmp_path: Path, name: str) -> None:
    """A folder or file of the layout that is a link is refused, wherever it leads."""
    source = images.layout(tmp_path / "source")
    (source / name).rename(tmp_path / "moved")
    (source / name).symlink_to(tmp_path / "moved")
    with pytest.raises(Refused) as caught:
        taken(source)
    assert caught.value.slug == "irregular-file"


def test_no_blob_that_is_a_link_is_followed(tmp_path: Path) -> None:
    """Nor is a blob."""
    source = images.layout(tmp_path / "source")
    path = images.blob(source, images.first(source)["digest"])
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(Refused) as caught:
        taken(source)
    assert caught.value.slug == "irregular-file"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """The folder is replaced by a whole image or not at all."""
    good = images.layout(tmp_path / "good")
    image = layout.take(good, tmp_path / "image")
    with pytest.raises(TagsealError):
        layout.take(images.broken(images.layout(tmp_path / "bad", content="bad"), "missing_blob"), tmp_path / "image")
    assert layout.read(tmp_path / "image") == image
    other = layout.take(images.layout(tmp_path / "other", content="other"), tmp_path / "image")
    assert layout.read(tmp_path / "image") == other != image
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "good", "image", "other"]


def changed_layer(folder: Path) -> None:
    images.broken(folder, "wrong_digest")


def file_more(folder: Path) -> None:
    (folder / "blobs" / "sha256" / ("0" * 64)).write_text("more")


def link_more(folder: Path) -> None:
    (folder / "more").symlink_to("/")


def other_name(folder: Path) -> None:
    images.finish(folder, images.root(folder))


def layer_gone(folder: Path) -> None:
    images.broken(folder, "missing_blob")


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("change", [changed_layer, file_more, link_more, other_name, layer_gone, gone])
def test_reading_back_sees_every_difference(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """A byte changed, a file more or less, another index.json: none is the layout that was taken."""
    target = tmp_path / "image"
    layout.take(images.layout(tmp_path / "source"), target)
    change(target)
    with pytest.raises((VerificationFailed, UsageError)):
        layout.read(target)


LARGE = """
import pathlib, resource, sys
from tagseal.services.images import layout
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image = layout.take(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
assert layout.read(pathlib.Path(sys.argv[2])) == image
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.system
def test_a_large_layer_needs_no_memory(tmp_path: Path) -> None:
    """Memory does not grow with a layer: less than 32 MiB more for 256 MiB, taken from an archive and read back."""
    source = images.layout(tmp_path / "source", ("linux/amd64",), sparse=256 << 20)
    path = images.archive(source, tmp_path / "image.tar")
    try:
        done = subprocess.run(
            [sys.executable, "-c", LARGE, str(path), str(tmp_path / "image")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        unit = 1 if sys.platform == "darwin" else 1024
        assert int(done.stdout) * unit < 32 << 20
    finally:
        path.unlink()
        shutil.rmtree(tmp_path / "image")


def test_the_helpers_documents_are_those_of_the_specification(tmp_path: Path) -> None:
    """Every document that the tests' helper writes is JSON with a schema version and its media type."""
    source = images.layout(tmp_path / "source", nested=True, attestation=True)
    for document in taken(source).documents:
        content = json.loads(images.blob(source, document.digest).read_text())
        assert (content["schemaVersion"], content["mediaType"]) == (2, document.media_type)
