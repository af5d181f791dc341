"""A training process that is killed from outside, mid-pass, goes on bit for bit in a new process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TRAIN = """
import sys, pickle
from pathlib import Path
import torch
from bundleopt_models import training
from bundleopt_models.model import train_model
from bundleopt_models.settings import TrainSettings

torch.set_num_threads(1)
training.STEPS_BETWEEN_STATES = 2
sys.path.insert(0, {tests!r})
from conftest import make_market

class Slow(training.Trainer):
    def _one_step(self, place, index):
        import time
        time.sleep({pause})
        return super()._one_step(place, index)

import bundleopt_models.attempts as attempts
attempts.Trainer = Slow
settings = TrainSettings(epochs=3, batch_rows=512, least_steps=0, device="cpu")
train_model(make_market().panel, settings, folder=Path({folder!r}), resume={resume}, relate=False)
"""


def start(folder: Path, *, pause: float = 0.0, resume: bool = False) -> subprocess.Popen[bytes]:
    code = TRAIN.format(tests=str(Path(__file__).parent), pause=pause, folder=str(folder), resume=resume)
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"})


def steps(folder: Path) -> list[tuple[int, int]]:
    """(pass, step) of the states in a folder."""
    return [(int(epoch), int(step)) for epoch, step in (path.name.split("-")[1:3] for path in folder.glob("state-*-*"))
            if epoch.isdigit() and step.isdigit()]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_minus_nine_in_the_middle_of_a_pass_loses_no_bit(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert start(whole).wait(600) == 0
    victim = start(cut, pause=0.05)
    deadline = time.monotonic() + 600
    while not any(epoch >= 1 and step > 0 for epoch, step in steps(cut)):
        assert victim.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait(30) == -signal.SIGKILL
    assert not (cut / "checkpoint").exists()
    assert start(cut, resume=True).wait(600) == 0
    first, second = ((folder / "checkpoint" / "weights.safetensors").read_bytes() for folder in (whole, cut))
    assert first == second
