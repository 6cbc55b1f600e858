"""build: a file that the index has wins over one that was built again, for its name cannot be used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.machine.files import measure
from tagseal.steps import index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagseal.records import Plan
    from tagseal.steps import Services


def adopt(
    plan: Plan, packages: Sequence[Path], folder: Path, services: Services
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the packages with the index's files in the places of those that differ, and the names of these.

    Whether a file that is taken was attested by this project's workflow is found out by ``sign``, before anything is
    signed: here is no root of trust, and no need to know.

    Args:
        plan: The plan.
        packages: What was built.
        folder: Takes what is downloaded; it is made.
        services: The services.

    Raises:
        Refused: The version is yanked, or the index has a file that was not built.
        VerificationFailed: A download has other bytes than the index lists.
        Busy: The index did not answer until the patience was over.
        ServiceError: It refused.
    """
    asking, listed = index.client(plan, services), index.there(plan, services)
    index.surplus([path.name for path in packages], listed, plan)
    if asking is None or not listed:
        return tuple(packages), ()
    other = [one for path in packages if (one := listed.get(path.name)) and measure(path)[1] != one.sha256]
    folder.mkdir()
    for one in other:
        services.say(f"taking {one.name} from {asking.index.name}")
        asking.fetch(one, folder / one.name)
    taken = tuple(one.name for one in other)
    same = len(listed) - len(taken)
    if same:
        services.remark(f"{asking.index.name} has {same} of the {len(packages)} packages already, the same bytes")
    if taken:
        services.remark(f"{asking.index.name} has other bytes already, which take the place of: {', '.join(taken)}")
    return tuple(folder / path.name if path.name in taken else path for path in packages), taken
