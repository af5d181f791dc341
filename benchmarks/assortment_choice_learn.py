"""Runs choice-learn's latent-class assortment optimiser on one problem: JSON on standard input and output.

Runs in an environment of its own, which has choice-learn and ortools; see bench_assortment.py.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from choice_learn.toolbox.or_tools_opt import ORToolsLatentClassAssortmentOptimizer


def main() -> None:
    """Solve what standard input says: ratio (S, I) against an outside of 1, share (S,), value (I,), most, limit."""
    asked = json.load(sys.stdin)
    value = np.array(asked["value"])
    begun = time.perf_counter()
    optimizer = ORToolsLatentClassAssortmentOptimizer(
        class_weights=np.array(asked["share"]),
        class_utilities=np.array(asked["ratio"]),
        itemwise_values=value,
        assortment_size=int(asked["most"]),
    )
    optimizer.solver.SetTimeLimit(int(asked["limit"] * 1000))
    try:
        listed, _ = optimizer.solve()
        found = (np.asarray(listed) > 0.5).tolist()
    except Exception as error:  # noqa: BLE001 - whatever its solver raises is its answer
        found = None
        sys.stderr.write(f"{error}\n")
    json.dump({"listed": found, "seconds": time.perf_counter() - begun}, sys.stdout)


if __name__ == "__main__":
    main()
