"""How long offer valuation takes, and how much memory: `python benchmarks/bench_valuation.py [--threads 2]`."""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from bundleopt_models.option_table import option_table
from bundleopt_models.synthetic_week import synthetic_bundles, synthetic_week
from bundleopt_models.valuation import value_offers

CUSTOMERS, ITEMS, BUNDLES, PAIRS = 2_500, 5_000, 2_000, 5_000
# Share of bundles of 2, 3 and 4 items.
MIXES = {"pairs": (1.0, 0.0, 0.0), "mixed 60:25:15": (0.60, 0.25, 0.15), "quadruples": (0.0, 0.0, 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bundles", type=int, default=BUNDLES)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    forecast, campaign = synthetic_week(CUSTOMERS, ITEMS, pairs=PAIRS)
    print(f"{CUSTOMERS} customers x {arguments.bundles} bundles x 6 price points, {arguments.threads} threads")
    print(f"{'bundles':<16}{'wall s':>9}{'cpu s':>9}{'cells/s':>12}{'peak GiB':>10}")
    for name, mix in MIXES.items():
        sizes = np.repeat([2, 3, 4], np.round(np.array(mix) * arguments.bundles).astype(int))
        table = option_table(*synthetic_bundles(forecast, campaign, sizes), campaign)
        wall, cpu = time.perf_counter(), time.process_time()
        values = value_offers(forecast, campaign, table, device=arguments.device)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:<16}{wall:>9.2f}{cpu:>9.2f}{values.redemption.size / wall:>12.3g}{peak:>10.2f}")
        del values


if __name__ == "__main__":
    main()
