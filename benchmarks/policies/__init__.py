"""Ways of choosing bundles, prices and audiences, one file each, behind one small interface (`interface.py`)."""

from policies.association import AssociationRules
from policies.bandit import ThompsonBandit
from policies.co_purchase import CoPurchase
from policies.factorisation import Factorisation
from policies.graph import GraphNetwork
from policies.greedy import GreedyPurchase
from policies.interface import MarketLog, NoCampaign, Policy
from policies.ours import BundleOpt
from policies.reinforce import Reinforce
from policies.two_tower import TwoTower

POLICIES: tuple[type[Policy], ...] = (
    NoCampaign,
    CoPurchase,
    AssociationRules,
    Factorisation,
    TwoTower,
    GraphNetwork,
    Reinforce,
    ThompsonBandit,
    GreedyPurchase,
    BundleOpt,
)

__all__ = ["POLICIES", "MarketLog", "Policy"]
