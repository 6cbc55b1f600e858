"""Whatever a reader is given, random, large or nested, it ends in a result or in an error of ours.

25 examples of each here, a hundred in ``nox -s exhaustive``; as many as are wanted with ``nox -s fuzz``, which sets
``TAGSEAL_FUZZ``. What was found is an example of its own.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from packages import metadata, sdist, wheel
from patience import patience
from sampling import examples
from tagseal import config
from tagseal.errors import TagsealError
from tagseal.machine import archives
from tagseal.machine.packed import pack, unpack
from tagseal.machine.yaml import UnreadableYaml, compose
from tagseal.report.release_map import table
from tagseal.verification import checksums
from tagseal.workflow import evaluate, signing
from tagseal.workflow.document import parse
from tagseal.workflow.evaluate import ExpressionError
from tagseal.workflow.lint import lint
from tagseal.workflow.play.playable import check
from tagseal.workflow.release_map import release_map
from tagseal.workflow.rules import ProjectFacts

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sampled

T = TypeVar("T")

EXAMPLES = examples(100)
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
WORKFLOWS = Path(__file__).parents[1] / "assets" / "workflows"
GOOD = tuple(path.read_bytes() for path in sorted(WORKFLOWS.glob("*/*.yml")))


def result(act: Callable[[], T], error: type[Exception] = TagsealError) -> T | None:
    """Return what an act gives; None for an error of this kind, which has words. Another one fails the test."""
    with patience():
        try:
            return act()
        except error as caught:
            words = getattr(caught, "what", str(caught))
    assert words
    return None


def words(text: str) -> list[str]:
    """Return the words of a text, which bars part."""
    return text.split("|")


def repeated(pieces: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """Return a few pieces, each so often that together they have up to ``most`` bytes."""
    times = st.integers(1, 3) | st.sampled_from([100, 5_000, most])
    many = st.tuples(pieces, times).map(lambda pair: (pair[0] * pair[1])[:most])
    return st.lists(many, max_size=6).map(lambda parts: b"".join(parts)[:most])


def torn(wholes: tuple[bytes, ...], pieces: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """Return one of these with up to four places replaced."""

    @st.composite
    def make(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(wholes))
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(data)))
            data = data[:at] + draw(pieces) + data[at + draw(st.integers(0, 40)) :]
        return data[:most]

    return make()


TRIGGERS = words("on: |  push:|    tags: [|'v*'|'**'|[[push]]|{push: x}|release|workflow_call")
JOBS = words("jobs:|  a:|    needs: a|needs: [|permissions: {|id-token: write|environment: |runs-on: [|if: ")
STEPS = words("    steps:|      - run: >|        |- uses: |actions/checkout@v5|with: {|shell: |timeout-minutes: ")
SHELL = words("twine upload |docker build --push|python -m |nox -s guard|a=b |;/|<<EOF|EOF|echo |gh release create")
SIGNS = words(
    "${{ | }}|github.|secrets.A|'|\"|\\|\\U00110000|\\x00|&a |*a |<<: |!!|!<|? |- |[|]|{|}|,|: |#|%YAML 1.|> "
)
BREAKS = ("\n", "\n  ", "\n      ", "---\n", "|\n", "\t", "\r", "\ufeff", "\u2028", "\u0085")
WORDS = st.sampled_from([*TRIGGERS, *JOBS, *STEPS, *SHELL, *SIGNS, *BREAKS]).map(str.encode)
PIECES = WORDS | st.binary(max_size=4) | st.text(max_size=4).map(lambda text: text.encode("utf-8", "surrogatepass"))
FILES = repeated(PIECES, 60_000) | torn(GOOD, repeated(PIECES, 2_000), 100_000) | st.binary(max_size=200)


@FUZZ
@given(data=FILES)
@example(data=b'on: "\\U00110000"')
@example(data=b"on: [[push]]")
def test_any_workflow_is_read(data: bytes) -> None:
    """The doctor's findings have places; what plays workflows may refuse; what needs no reason finds nothing."""
    with patience():
        workflow = parse(data, "release.yml")
        found = lint(workflow, ProjectFacts(tag="v1.2.3", documented=("other.yml",)))
    assert all(finding.line >= 1 and finding.what and finding.hint for finding in found)
    result(lambda: check(workflow))
    content = result(lambda: compose(data).plain(), UnreadableYaml)
    document = content if isinstance(content, dict) else {}
    assert signing.starts(document).known in {True, False}
    assert signing.may_sign(document) in {True, False}
    found_map = release_map([workflow])
    assert [job.id for job in found_map.jobs] == [job.id for job in workflow.jobs]
    assert len(table(found_map).splitlines()) >= 1


CONTEXT = words("github|github.ref|env|env.A|needs.*.outputs|steps|.*|[0]|['a']|[|]|(|)|,|.| |${{|}}|}")
VALUES = words("'a'|''''|'|1|-1.5e9|0xff|0o7|1e999|null|true|NaN|Infinity|'{0}{1}'|'[1,[2,{}]]'")
CALLS = words("contains(|startsWith(|endsWith(|format(|join(|toJSON(|fromJSON(|success()|always()|hashFiles(")
PARTS = st.sampled_from([*CONTEXT, *VALUES, *CALLS, "!", "&&", "||", "==", "!=", "<", ">=", "\n", "\u0130"])
SCALARS = st.none() | st.booleans() | st.floats() | st.text(max_size=6)
KEYS = st.text(max_size=3)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
TIMES = st.integers(1, 3) | st.sampled_from([60, 5_000])
EXPRESSIONS = st.lists(st.tuples(PARTS | st.text(max_size=3), TIMES), max_size=12).map(
    lambda pairs: "".join(part * times for part, times in pairs)[:22_000]
)
CONTEXTS = st.fixed_dictionaries({"github": JSON, "env": JSON, "needs": JSON, "steps": JSON})
STATUS = st.sampled_from(["success", "failure", "cancelled", "skipped"])
LARGEST = 1 << 20
LONG = {"env": {"list": f"[{'1,' * 9_999}1]", "long": "x" * LARGEST}}
DEEP = "[" * 900 + "]" * 900


@FUZZ
@given(expression=EXPRESSIONS, contexts=CONTEXTS, status=STATUS)
@example(expression="1" + "&&1" * 5_000, contexts={}, status="success")
@example(expression=f"0x{'f' * 400} == 1", contexts={}, status="success")
@example(expression=f"toJSON(fromJSON('{DEEP}'))", contexts={}, status="success")
@example(expression="join(fromJSON(env.list), env.long)", contexts=LONG, status="success")
@example(expression=f"format('{'{0}' * 6_000}', env.long)", contexts=LONG, status="success")
def test_any_expression_ends(expression: str, contexts: dict[str, Any], status: evaluate.Status) -> None:
    """An expression comes to a value that the runner could hold, or to an error that says why not."""
    found = result(lambda: evaluate.value(expression, contexts, status), ExpressionError)
    filled = result(lambda: evaluate.fill(f"a{expression}b", contexts), ExpressionError)
    assert all(len(text) <= LARGEST for text in (found, filled) if isinstance(text, str))
    assert result(lambda: evaluate.holds(expression, contexts, status), ExpressionError) in {True, False, None}
    result(lambda: evaluate.check(expression), ExpressionError)
    result(lambda: evaluate.check(expression, condition=True), ExpressionError)


TABLES = words("[tool.tagseal]\n|[tool]\n|[tool.tagseal.image]\n|[[tool.tagseal]]\n|[project]\n|tool = 1\n|a.b.c = ")
OWN = words("repository|project|tag|workflow|packages|wait|kit|dropped|release|build-env|unknown")
OTHERS = words("image.name|image.build|image.tags|index.name|index.url|index.publisher.workflow|sigstore.audience")
LITERALS = words('"a"|\'octo/widget\'|1|-1|0x7f|1e999|nan|inf|true|1979-05-27T07:32:00Z|07:32:00|{a = |["v|\\U00110000')
TOML = [*TABLES, *(f"{key} = " for key in (*OWN, *OTHERS)), *LITERALS, *"[]{},=.#\n\r\t\"'", '"""', "\\u0000", "\ufeff"]
CONFIGURATIONS = repeated(st.sampled_from(TOML).map(str.encode) | st.binary(max_size=3), 20_000)


@FUZZ
@given(data=CONFIGURATIONS, file=st.sampled_from(["pyproject.toml", "tagseal.toml"]))
@example(data=b"tag = " + b"[" * 20_000, file="tagseal.toml")
@example(data=b"a = " + b"{a = " * 20_000, file="tagseal.toml")
@example(data=b"a." * 20_000 + b"a = 1", file="tagseal.toml")
@example(data=b"wait = " + b"1" * 5_000, file="tagseal.toml")
@example(data=b"wait = 0x" + b"f" * 5_000, file="tagseal.toml")
def test_any_configuration_is_read(data: bytes, file: str) -> None:
    """What a project says about its releases are settings, or an error with all problems."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / file).write_bytes(data)
        found = result(lambda: config.load(root))
        if found is not None:
            result(lambda: config.not_yet(found))


LISTS = [
    b"0" * 64,
    b"f" * 64,
    b"  ",
    b" *",
    b"a.whl",
    b"..",
    b"/",
    b"\\",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xe2\x80\xae",
]


@FUZZ
@given(content=repeated(st.sampled_from(LISTS) | st.binary(max_size=4), 200_000))
def test_any_list_is_read(content: bytes) -> None:
    """A list names plain files, each once, or it is none."""
    found = result(lambda: checksums.sums(content), ValueError)
    assert found is None or all("/" not in name and "\n" not in name for name in found.digests)


MARKS = st.sampled_from(
    [b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"\x1f\x8b\x08", b"\xff\xff\xff\xff", b"\0", b"6 x=\n"]
)
PACKAGES = (wheel(metadata()), sdist(metadata()))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ARCHIVES = (
    torn(PACKAGES, MARKS | st.binary(max_size=6), 1 << 20)
    | repeated(MARKS | st.binary(max_size=4), 20_000)
    | st.builds(sdist, TEXTS)
    | st.builds(wheel, TEXTS)
)


@FUZZ
@given(data=ARCHIVES, name=st.sampled_from(["widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz"]))
def test_any_package_is_read(data: bytes, name: str) -> None:
    """A wheel or an sdist has contents, or an error says what it is instead."""
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        found = result(lambda: archives.read(Path(folder) / name))
    assert found is None or (found.name and found.version)


KIT = pack("widget-1.2.3-verify", {"a": b"one", "b": b"two"})


@FUZZ
@given(data=torn((KIT,), MARKS | st.binary(max_size=6), 1 << 20) | repeated(MARKS, 20_000))
def test_any_kit_is_unpacked(data: bytes) -> None:
    """A kit is the very bytes that its members pack to, or none."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "kit.zip").write_bytes(data)
        found = result(lambda: unpack(Path(folder) / "kit.zip", "widget-1.2.3-verify"))
    assert found is None or pack("widget-1.2.3-verify", found) == data
