"""The queue: turns, limits, cancelling, and planners that crash, hang or write nonsense."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest

from bundleopt.web import limits
from bundleopt.web.board import Board
from bundleopt.web.job import Job, JobKind, JobState
from bundleopt.web.refusal import Refusal

# A planner that does what its request says: the foreign process at the end of the pipe.
_DOUBLE = """
import json, os, signal, sys, time
stopped = []
signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
def tell(**message):
    print(json.dumps(message), flush=True)
for line in sys.stdin:
    wish = json.loads(line)["wish"]
    tell(step="optimising", share=0.5)
    tell(seconds=0.1, value=5.0, bound=9.0)
    if wish == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if wish == "nonsense":
        print("Segmentation fault?", flush=True)
        time.sleep(60)
    if wish == "deaf":
        time.sleep(60)
    if wish == "long":
        while not stopped:
            time.sleep(0.01)
        stopped.clear()
    if wish == "fail":
        tell(failure="No plan keeps all of these rules together.")
    else:
        tell(result={"plan": wish})
    tell(end=True)
"""
COMMAND = (sys.executable, "-c", _DOUBLE)


def job(wish: str = "good", kind: JobKind = JobKind.PLAN) -> Job:
    return Job(kind, wish, {"wish": wish})


def on_a_board(play: Callable[[Board], Awaitable[None]]) -> None:
    """Play with a board whose planners are doubles, and close it."""

    async def run() -> None:
        board = Board(command=COMMAND)
        try:
            await play(board)
        finally:
            await board.close()

    asyncio.run(asyncio.wait_for(run(), 60))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_jobs_take_turns_and_the_number_at_work_is_limited() -> None:
    async def play(board: Board) -> None:
        jobs = [board.submit(job(f"good{number}")) for number in range(limits.RUNNING + limits.WAITING)]
        most = 0
        while not all(one.is_ended for one in jobs):
            most = max(most, sum(one.state is JobState.RUNNING for one in jobs))
            await asyncio.sleep(0.002)
        assert most == limits.RUNNING
        assert [one.plan for one in jobs] == [f"good{number}" for number in range(len(jobs))]
        started = [one.started for one in jobs]
        assert started == sorted(started)  # type: ignore[type-var]

    on_a_board(play)


def test_more_than_the_places_are_told_to_wait() -> None:
    async def play(board: Board) -> None:
        first = board.submit(job("long"))
        for _ in range(limits.WAITING):
            board.submit(job())
        with pytest.raises(Refusal) as refused:
            board.submit(job())
        assert refused.value.status == 429
        assert len(board.jobs()) == 1 + limits.WAITING
        board.cancel(board.waiting()[0])
        board.submit(job())
        await until(lambda: first.step == "optimising")
        board.cancel(first)
        await until(lambda: not board.waiting())

    on_a_board(play)


def test_cancelling_keeps_the_best_plan_and_asking_twice_ends_at_once() -> None:
    async def play(board: Board) -> None:
        kept = board.submit(job("long"))
        await until(lambda: bool(kept.points))
        board.cancel(kept)
        assert kept.state is JobState.STOPPING
        await until(lambda: kept.is_ended)
        assert (kept.state, kept.plan) == (JobState.DONE, "long")

        deaf = board.submit(job("deaf"))
        await until(lambda: bool(deaf.points))
        board.cancel(deaf)
        await asyncio.sleep(0.1)
        assert deaf.state is JobState.STOPPING
        board.cancel(deaf)
        await until(lambda: deaf.is_ended)
        assert (deaf.state, deaf.result, deaf.failure) == (JobState.STOPPED, {}, "")

        sweep = board.submit(job("deaf", JobKind.FRONTIER))
        await until(lambda: bool(sweep.points))
        board.cancel(sweep)
        await until(lambda: sweep.is_ended)
        assert sweep.state is JobState.STOPPED
        board.cancel(sweep)  # nothing is left to stop

    on_a_board(play)


def test_a_planner_that_has_not_begun_is_stopped_at_once() -> None:
    async def play(board: Board) -> None:
        job_at_once = board.submit(job("deaf"))
        board.cancel(job_at_once)
        await asyncio.sleep(0)
        board.cancel(job_at_once)
        await until(lambda: job_at_once.is_ended)
        assert (job_at_once.state, job_at_once.failure) == (JobState.STOPPED, "")

    on_a_board(play)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [("crash", "ended unexpectedly"), ("nonsense", "ended unexpectedly"), ("fail", "No plan keeps all")],
)
def test_a_planner_that_fails_fails_alone(wish: str, sentence: str) -> None:
    async def play(board: Board) -> None:
        bad, good = board.submit(job(wish)), board.submit(job())
        await until(lambda: good.is_ended)
        assert bad.state is JobState.FAILED
        assert sentence in bad.failure
        assert (good.state, good.plan) == (JobState.DONE, "good")

    on_a_board(play)


def test_a_planner_that_cannot_start_is_a_failure_that_is_said() -> None:
    async def play() -> None:
        board = Board(command=("/no/such/program",))
        lost = board.submit(job())
        await until(lambda: lost.is_ended)
        assert lost.state is JobState.FAILED
        assert lost.failure
        await board.close()

    asyncio.run(asyncio.wait_for(play(), 30))


def test_closing_ends_all_work_and_leaves_no_process() -> None:
    async def play() -> None:
        board = Board(command=COMMAND)
        await board.start()
        long, waiting = board.submit(job("long")), board.submit(job())
        await until(lambda: bool(long.points))
        await board.close()
        assert (long.state, long.plan) == (JobState.DONE, "long")
        assert waiting.state is JobState.STOPPED

    asyncio.run(asyncio.wait_for(play(), 30))


def test_old_jobs_are_forgotten_and_their_names_are_unknown() -> None:
    async def play(board: Board) -> None:
        first = board.submit(job())
        for _ in range(limits.JOBS_KEPT + 2):
            one = board.submit(job())
            await until(lambda one=one: one.is_ended)  # type: ignore[misc]
        assert len(board.jobs()) <= limits.JOBS_KEPT + 1
        assert len(board.shown()) <= limits.JOBS_SHOWN
        with pytest.raises(Refusal) as refused:
            board.find(first.id)
        assert refused.value.status == 404

    on_a_board(play)
