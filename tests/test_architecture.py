"""The rules that hold the design together: who imports whom, how large things are, what every error carries."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from graphlib import TopologicalSorter
from itertools import accumulate

from hypothesis import HealthCheck, settings

from source import ROOT, errors, modules
from tagseal import pipeline, records

ORDER = (
    {"errors"},
    {"names"},
    {"tags", "records"},
    {"machine"},
    {"loopback"},
    {"config"},
    {"services", "verification", "workflow"},
    {"notes"},
    {"workspace", "journal"},
    {"steps"},
    {"pipeline"},
    {"report", "project"},
    {"rehearsal"},
    {"sessions", "cli"},
    {"noxfile", "__main__"},
)
"""The rooms, the lowest first: each may import those before its own, and none beside it."""
PLAYS = {"rehearsal", "cli"}
"""The rooms that may import the loopback, which no release needs."""
LARGEST_MODULE = 300
TABLES = {"tagseal.verification.diagnosis.troubles"}
"""Modules that are data."""
LARGEST_FUNCTION = 60
MEDIAN_FUNCTION = 12
ONLY_IMPORTERS = {
    "github": {
        "tagseal.services.github",
        "tagseal.services.github.border",
        "tagseal.services.github.client",
        "tagseal.services.github.settings",
    },
    # Pools wait for their threads, also after Ctrl-C: `machine.threads` is there instead.
    "concurrent": set(),
    "subprocess": {"tagseal.machine.process", "tagseal.rehearsal.command"},
    "stamina": {"tagseal.services.retry"},
    "rfc3161_client": {"tagseal.verification.timestamps"},
    "trustme": {"tagseal.loopback.door"},
    "rich": {
        "tagseal.report.terminal",
        "tagseal.report.sentences",
        "tagseal.report.summary",
        "tagseal.rehearsal.page",
    },
}


def rank(room: str) -> int:
    return next(number for number, rooms in enumerate(ORDER) if room in rooms)


def room(module: str) -> str:
    """Return what follows ``tagseal.`` in a name; nothing for the package itself."""
    return module.split(".")[1] if "." in module else ""


def arrows() -> dict[str, set[str]]:
    """Return which modules each module imports: late, for types only, and the packages round what it imports."""
    names = {module.name for module in modules()}
    found: dict[str, set[str]] = {}
    for module in modules():
        reached = {part for name in module.imports(types=True) for part in accumulate(name.split("."), "{}.{}".format)}
        found[module.name] = {name for name in reached & names if not f"{module.name}.".startswith(f"{name}.")}
    return found


def test_imports_go_one_way() -> None:
    """A module imports its own room or a lower one; late imports and those for types only count."""
    pairs = {(start, end) for start, ends in arrows().items() for end in ends if room(start) != room(end) != ""}
    upward = [f"{start} imports {end}" for start, end in pairs if room(start) and rank(room(end)) >= rank(room(start))]
    played = [f"{start} imports {end}" for start, end in pairs if room(end) == "loopback" and room(start) not in PLAYS]
    assert (upward, played) == ([], [])


def test_no_module_imports_itself_round_a_circle() -> None:
    """Each can be read, and understood, after those that it imports."""
    assert list(TopologicalSorter(arrows()).static_order())


def test_one_adapter_speaks_to_each_library() -> None:
    """A library with an adapter is imported there and nowhere else."""
    importers = {(name.split(".")[0], module.name) for module in modules() for name in module.imports()}
    allowed = {(library, name) for library, names in ONLY_IMPORTERS.items() for name in names}
    assert {(library, name) for library, name in importers if library in ONLY_IMPORTERS} - allowed == set()


def test_modules_are_small() -> None:
    """No module of code has more than 300 lines; a table of texts may."""
    large = [module.name for module in modules() if len(module.text.splitlines()) > LARGEST_MODULE]
    assert set(large) <= TABLES


def functions() -> list[tuple[str, int]]:
    return [
        (f"{module.name}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_functions_are_small() -> None:
    """No function has more than 60 lines, and the median is near 10."""
    found = functions()
    assert [name for name, lines in found if lines > LARGEST_FUNCTION] == []
    assert sorted(lines for _, lines in found)[len(found) // 2] <= MEDIAN_FUNCTION


def test_a_class_has_its_name_alone() -> None:
    """A search for a class finds it, and no other one."""
    names = [node.name for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_error_has_slug_and_hint() -> None:
    """Wherever an error is made, it gets what, hint and a literal slug."""
    lacking = [
        f"{error.module}:{error.line}"
        for error in errors()
        if not {"what", "hint", "slug"} <= set(error.parts) or not isinstance(error.parts["slug"], ast.Constant)
    ]
    assert lacking == []


def test_a_service_error_names_the_rerun_by_value() -> None:
    """Its hint has a place for what resumes, which the pipeline knows; other errors have none, and say it in words."""
    said = re.compile("(?i)run (the same command|this job) again")
    hints = [(error, " ".join(words(error.parts["hint"]).split())) for error in errors()]
    wrong = [
        f"{error.module}:{error.line}"
        for error, hint in hints
        if (said if error.kind in {"ServiceError", "Busy"} else re.compile("(?i){rerun}")).search(hint)
    ]
    assert wrong == []


def words(node: ast.expr) -> str:
    """Return every literal in an expression, one after the other."""
    return "".join(str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))


def test_a_slug_names_one_error() -> None:
    """No slug is used in two modules, so that an anchor means one thing."""
    places = {
        (error.module, str(slug.value)) for error in errors() if isinstance(slug := error.parts["slug"], ast.Constant)
    }
    repeated = [slug for slug, count in Counter(slug for _, slug in places).items() if count > 1]
    assert repeated == []


def test_steps_take_the_records_that_the_pipeline_gives() -> None:
    """A step's signature names the records of the verbs in its entry, in that order, and the services."""
    kinds = {kind.verb: kind.__name__ for kind in records.RECORDS}
    for step in pipeline.STEPS[1:]:
        parameters = inspect.signature(step.function).parameters.values()
        taken = [
            parameter.annotation
            for parameter in parameters
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ]
        assert taken == [kinds[verb] for verb in step.takes], step.verb
        assert inspect.signature(step.function).return_annotation == kinds[step.verb]


def test_only_prove_makes_a_proof() -> None:
    """Publish needs a Proof, and one module makes it: an unproven release does not type-check."""
    makers = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Proof"
    }
    assert makers == {"tagseal.steps.prove"}


def test_no_shell_and_no_unverified_tls() -> None:
    """No call asks for a shell, switches certificate checks off, or builds an unverified context."""
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword)
        and isinstance(node.value, ast.Constant)
        and (node.arg, node.value.value) in {("shell", True), ("verify", False), ("check_hostname", False)}
    ]
    assert found == []


READERS = {
    "tagseal.verification.attacks": "the copies that a proof has just made",
    "tagseal.machine.actions": "the runner's own file of outputs; elsewhere the null device",
    "tagseal.report.summary": "the runner's own file of the run's page",
    "tagseal.machine.orphans": "the kernel's list of processes",
    "tagseal.project.init.lock": "a file of this package",
}
"""Who opens files for reading without `services.files`, and why what is there is neither a pipe nor a device."""
PLAYED = ("tagseal.loopback", "tagseal.rehearsal", "tagseal.workflow.play")
"""What reads the files that its own run, and the code that it runs, have written."""


def reads(node: ast.AST) -> bool:
    """Tell whether a call opens a path for reading."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    modes = [word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    opened = node.func.attr == "open" and (modes[:1] or ["r"] * (not node.args))[:1]
    textual = {word.arg for word in node.keywords} <= {"encoding", "errors", "newline"}
    return node.func.attr in {"read_text", "read_bytes"} or bool(opened and opened[0].startswith("r") and textual)


def test_files_are_opened_for_reading_in_one_place() -> None:
    """Whatever path comes from outside, a pipe there is not waited for, and a device is not read without end."""
    readers = {module.name for module in modules() if any(map(reads, ast.walk(module.tree)))}
    assert {name for name in readers if not name.startswith(PLAYED)} == READERS.keys()


def sends(node: ast.AST) -> bool:
    """Tell whether a call makes a session, or sends a request without one."""
    called = node.func if isinstance(node, ast.Call) else None
    ways = {"Session", "request", "get", "head", "post", "put", "patch", "delete", "urlopen", "PoolManager"}
    libraries = {"requests", "urllib3", "urllib"}
    return isinstance(called, ast.Attribute) and called.attr in ways and ast.unparse(called.value) in libraries


def test_requests_are_sent_in_one_way() -> None:
    """Sessions are made where each gets its deadline and its bound; a stand-in only ever asks the loopback."""
    senders = {module.name for module in modules() if any(map(sends, ast.walk(module.tree)))}
    assert senders == {"tagseal.services.transport", "tagseal.rehearsal.tools.standins"}


def test_the_top_level_holds_what_the_design_says() -> None:
    """Git tracks nothing at the top but what the layout lists."""
    listed = {"pyproject.toml", "noxfile.py", "release", "templates", ".github", "tests", "README.md", "CHANGELOG.md"}
    listed |= {"LICENSE", ".ci", ".gitignore"}
    ignored = {".git", ".nox", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".venv"}
    assert {path.name for path in ROOT.iterdir()} - ignored - {"__pycache__"} == listed


def test_every_test_can_fail() -> None:
    """Each asserts, expects an error, or calls what does: a helper of the tests, or a check that raises."""
    raising = {
        "raises",
        "fail",
        "verify",
        "verify_artifact",
        "verify_directly_issued_by",
        "check",
        "confirm",
        "fitting",
    }
    functions = [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    asserting = [node for _, node in functions if any(isinstance(inner, ast.Assert) for inner in ast.walk(node))]
    holding = raising | {node.name for node in asserting}
    idle = [
        name
        for name, node in functions
        if node.name.startswith("test_") and node not in asserting and called(node) & holding == set()
    ]
    assert idle == []
    assert [name for name, node in functions if any(map(is_always_true, ast.walk(node)))] == []


def called(node: ast.AST) -> set[str]:
    """Return the names of what is called in there."""
    calls = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return {
        call.id if isinstance(call, ast.Name) else call.attr
        for call in calls
        if isinstance(call, ast.Name | ast.Attribute)
    }


def is_always_true(node: ast.AST) -> bool:
    """Tell whether this asserts ``… or [""]``, which holds whatever stands before it."""
    ends = node.test.values[-1] if isinstance(node, ast.Assert) and isinstance(node.test, ast.BoolOp) else None
    return isinstance(ends, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set)


def test_no_example_is_held_against_a_clock() -> None:
    """Examples take as long as they take, on a loaded machine as well."""
    current = settings()
    assert (current.deadline, HealthCheck.too_slow in current.suppress_health_check) == (None, True)
