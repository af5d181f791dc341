"""What the sample workspace assumes: Complete Journey has no costs and no stock, and says nothing of suppliers.

The margins are gross margins as American supermarkets report them by department, rounded; they are assumptions, and
every figure resting on them says so.
"""

from __future__ import annotations

from bundleopt_data.settings import CampaignSettings, SourceSettings

ASSUMED_MARGIN_BY_DEPARTMENT = {
    "CHEF SHOPPE": 0.45,
    "COSMETICS": 0.38,
    "DELI": 0.42,
    "DRUG GM": 0.32,
    "FLORAL": 0.45,
    "FROZEN GROCERY": 0.30,
    "GARDEN CENTER": 0.40,
    "GROCERY": 0.27,
    "MEAT": 0.28,
    "MEAT-PCKGD": 0.29,
    "NUTRITION": 0.33,
    "PASTRY": 0.45,
    "PRODUCE": 0.35,
    "RESTAURANT": 0.50,
    "SALAD BAR": 0.50,
    "SEAFOOD": 0.28,
    "SEAFOOD-PCKGD": 0.28,
    "SPIRITS": 0.25,
}

# Half the items sell less than ten units a week in this panel: with much less cover than three weeks, safety stock
# alone would keep them out of every bundle.
WEEKS_OF_COVER = 3.0

# Grocery pairs rarely pay for a discount alone at a margin of 30 %: suppliers fund half of it, as is usual there.
COMPLETE_JOURNEY = CampaignSettings(
    assumed_margin=0.30,
    assumed_margin_by_department=ASSUMED_MARGIN_BY_DEPARTMENT,
    weeks_of_cover=WEEKS_OF_COVER,
    funding_share=0.5,
)

# Its log is in UTC and its shops in New York; the reader converts, so that this is what it reports.
COMPLETE_JOURNEY_SOURCE = SourceSettings(timezone="America/New_York")
