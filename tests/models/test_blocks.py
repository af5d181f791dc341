"""Blocks that are left out stay out: no score depends on them, before and after training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_data.errors import UsageError
from bundleopt_models.blocks import BLOCKS, leave_out
from bundleopt_models.corpus import as_rows, week_context
from bundleopt_models.features import PAIR_FEATURES
from bundleopt_models.model import load_model, plan_for, train_model
from bundleopt_models.network import DemandNetwork, NetworkSizes
from bundleopt_models.settings import TrainSettings

WEEK = 18


@pytest.fixture
def scored(model_folder, market):
    """A function from a network to the scores of all cells, and the rows it reads."""
    model = load_model(model_folder)
    view, panel = model.view(market.panel), market.panel
    view.builder.move_to(WEEK)
    customer, item = np.divmod(np.arange(panel.n_customers * panel.n_items), panel.n_items)
    planned = plan_for(panel, WEEK, None, (None, None))
    position = np.zeros(len(item), np.float32)
    rows = as_rows(customer, item, view.customer_code, view.builder.rows(customer, item, planned), position)
    context = week_context(view.builder, model.scaler)

    def score(network, rows=rows, context=context):
        with torch.no_grad():
            code, keep = torch.from_numpy(view.customer_code), torch.ones(panel.n_items, 1)
            return network(rows, context, view.catalogue, code, keep)

    return model, rows, context, score


def fresh(model):
    torch.manual_seed(3)
    network = DemandNetwork(NetworkSizes(**model.network.sizes.as_record()))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_a_network_without_a_block_scores_otherwise_and_learns_nothing_of_it(scored, block):
    model, rows, context, score = scored
    whole, part = fresh(model), fresh(model)
    leave_out(part, block)
    assert not torch.equal(score(whole), score(part))
    zero = {name: values == 0 for name, values in part.state_dict().items()}
    optimiser = torch.optim.AdamW(part.parameters(), lr=0.1, weight_decay=0.1)
    code, keep = torch.zeros(len(context.customers), dtype=torch.int64), torch.ones(len(context.items), 1)
    for _ in range(2):
        optimiser.zero_grad()
        part(rows, context, model.view(model._view[0]()).catalogue, code, keep).square().mean().backward()
        optimiser.step()
    hidden = {name: flags for name, flags in zero.items() if flags.any() and not name.startswith("price.")}
    assert hidden
    for name, flags in hidden.items():
        assert not part.state_dict()[name][flags].any(), name


def test_columns_that_are_hidden_change_no_score(scored):
    model, rows, _, score = scored
    network = fresh(model)
    leave_out(network, "repeats")
    columns = [PAIR_FEATURES.index(name) for name in BLOCKS["repeats"]["pair"]]
    other = rows.pair.clone()
    other[:, columns] = 7.0
    torch.testing.assert_close(score(network), score(network, replace(rows, pair=other)))
    whole = fresh(model)
    assert not torch.allclose(score(whole), score(whole, replace(rows, pair=other)))


def test_no_block_is_no_change_and_an_unknown_one_is_refused(scored):
    model, _, _, score = scored
    network = fresh(model)
    before = score(network)
    leave_out(network, "")
    assert torch.equal(before, score(network))
    with pytest.raises(UsageError, match="'spoons' is no block"):
        leave_out(network, "spoons")


def test_a_model_without_a_block_is_saved_and_loaded_as_any_other(market, tmp_path):
    settings = TrainSettings(epochs=1, batch_rows=512, least_steps=0, without="own-vectors")
    model = train_model(market.panel, settings, folder=tmp_path, relate=False)
    assert not model.network.item_vector.weight.any()
    loaded = load_model(tmp_path)
    assert loaded.settings.without == "own-vectors"
    assert not loaded.network.item_vector.weight.any()
