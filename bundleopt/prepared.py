"""What the stages before the optimisation hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundleopt.stages.candidates import PricedCandidates
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.model import TrainedModel
from bundleopt.stages.problem import BuiltProblem
from bundleopt.stages.rule_inputs import RuleInputs
from bundleopt.stages.week import PlannedWeek
from bundleopt_models.offer_values import OfferValues, OptionTable

if TYPE_CHECKING:
    from bundleopt.stages.crowd import Crowd


@dataclass(frozen=True)
class Prepared:
    """Everything up to the optimisation.

    Attributes:
        trained: the model. week: prices, demand, stock. choice: which items may be bundled. found: candidates.
        table, values: options and what they are worth. built: the problem.
        inputs: attributes and an earlier plan, for its rules. targets: what was found before planning, for people.
        crowd: all customers, where the rest was prepared for a sample of them; None where nobody was left out.
    """

    trained: TrainedModel
    week: PlannedWeek
    choice: ItemChoice
    found: PricedCandidates
    table: OptionTable
    values: OfferValues
    built: BuiltProblem
    inputs: RuleInputs = field(default_factory=RuleInputs)
    targets: dict[str, Any] = field(default_factory=dict)
    crowd: Crowd | None = None
