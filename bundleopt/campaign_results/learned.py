"""What campaigns taught of the answer to offers, kept in the workspace, and how plans use it.

`feedback/response.json` holds the belief after the last campaign and what each campaign moved. Plans multiply the price
sensitivities of every category by their learned factors; reach and salience stand below `bundleopt.toml`, so that
whoever sets them there keeps them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt_data import atomic, digests
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bundleopt.config_layers import Key
    from bundleopt.workspace import Workspace
    from bundleopt_models.forecast import DemandForecast
    from bundleopt_models.offer_response import OfferResponse

FOLDER, FILE = "feedback", "response.json"
FORMAT = 1
_WORTH_A_WORD = 0.005


@dataclass(frozen=True)
class Lesson:
    """One campaign's: the run, its week, and the belief before and after."""

    run: str
    week: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Learned:
    """All lessons of a workspace, oldest first."""

    lessons: tuple[Lesson, ...] = ()

    @property
    def response(self) -> dict[str, Any] | None:
        """The belief that plans use, as a document; None before the first lesson."""
        return self.lessons[-1].after if self.lessons else None

    def before(self, run: str) -> dict[str, Any] | None:
        """The belief that a campaign's results are added to: a lesson that is told again replaces the last one.

        Raises:
            UsageError: later campaigns have been learned from since.
        """
        names = [lesson.run for lesson in self.lessons]
        if run not in names:
            return self.response
        if names[-1] != run:
            raise UsageError(
                f"the results of {run} were taken in before those of {', '.join(names[names.index(run) + 1 :])}; "
                "to take them in anew, remove feedback/response.json and give all results in order"
            )
        return self.lessons[-1].before or None

    def with_lesson(self, lesson: Lesson) -> Learned:
        """Add a lesson, or put it in the place of the last one of the same run."""
        kept = self.lessons[:-1] if self.lessons and self.lessons[-1].run == lesson.run else self.lessons
        return Learned((*kept, lesson))


def read_learned(workspace: Workspace) -> Learned:
    """Read what a workspace has learned; nothing where there is no file.

    Raises:
        UsageError: the file cannot be read; the message says what to do.
    """
    path = workspace.root / FOLDER / FILE
    if not path.is_file():
        return Learned()
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        learned = Learned(tuple(Lesson(**one) for one in {FORMAT: raw["lessons"]}[raw["format"]]))
        for lesson in learned.lessons:
            response_of(lesson.after)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{path} cannot be read ({error}); remove it, and give the results again with: bundleopt feedback"
        raise UsageError(message) from error
    return learned


def write_learned(workspace: Workspace, learned: Learned) -> Path:
    """Write what a workspace has learned, whole or not at all."""
    path = workspace.root / FOLDER / FILE
    atomic.make_folder(path.parent)
    document = {"format": FORMAT, "lessons": [vars(lesson) for lesson in learned.lessons]}
    atomic.write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def learned_digest(workspace: Workspace) -> dict[str, str]:
    """Return the SHA-256 of the lessons as an input of plans; nothing where there are none."""
    path = workspace.root / FOLDER / FILE
    return {f"{FOLDER}/{FILE}": digests.sha256_of_file(path)} if path.is_file() else {}


def learned_settings(workspace: Workspace) -> dict[Key, Any]:
    """Return reach and salience as campaigns showed them, as settings below the workspace's own file."""
    document = read_learned(workspace).response
    if document is None:
        return {}
    response = response_of(document)
    found: dict[Key, Any] = {}
    if response.reach < 1.0 - _WORTH_A_WORD:
        found["solve", "reach"] = round(response.reach, 4)
    if response.salience > 1.0 + _WORTH_A_WORD:
        found["solve", "salience"] = round(response.salience, 4)
    return found


def with_learned_slopes(
    forecast: DemandForecast, category: npt.NDArray[np.object_], workspace: Workspace
) -> tuple[DemandForecast, dict[str, Any]]:
    """Return the forecast with price sensitivities as campaigns showed them, and the belief; the same where none did.

    Args:
        forecast: of the model alone.
        category: (I,) names.
        workspace: where lessons lie.
    """
    import numpy as np

    document = read_learned(workspace).response
    if document is None:
        return forecast, {}
    response = response_of(document)
    factor = np.array([response.slope_factor(str(name)) for name in category], dtype=np.float32)
    uncertainty = forecast.uncertainty
    if uncertainty is not None:
        uncertainty = replace(uncertainty, common_slope=min(uncertainty.common_slope, response.slope.spread))
    return replace(forecast, slope=forecast.slope * factor, uncertainty=uncertainty), document


def learned_sentence(document: dict[str, Any]) -> str:
    """Say what plans use of the lessons."""
    response = response_of(document)
    factors = [response.slope_factor(name) for name in response.category] or [response.slope_factor("")]
    return (
        f"Price sensitivities are multiplied by {min(factors):.2f} to {max(factors):.2f}, by category, as redemptions "
        "of earlier campaigns showed (feedback)."
    )


def document_of(response: OfferResponse) -> dict[str, Any]:
    """Return a belief as JSON: logs, with their standard deviations."""
    return {
        "contact": [response.contact.mean, response.contact.spread],
        "slope": [response.slope.mean, response.slope.spread],
        "category": {name: [one.mean, one.spread] for name, one in sorted(response.category.items())},
    }


def response_of(document: dict[str, Any]) -> OfferResponse:
    """Read what `document_of` wrote."""
    from bundleopt_models.offer_response import Belief, OfferResponse

    return OfferResponse(
        contact=Belief(*map(float, document["contact"])),
        slope=Belief(*map(float, document["slope"])),
        category={name: Belief(*map(float, one)) for name, one in document["category"].items()},
    )
