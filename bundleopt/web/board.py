"""The jobs of the page: a few at work, a few that wait their turn, and a polite no to more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from bundleopt.web import limits
from bundleopt.web.job import STARTING, Job, JobKind, JobState
from bundleopt.web.refusal import Refusal
from bundleopt.web.worker_process import WORKER_COMMAND, WorkerDiedError, WorkerProcess


class Board:
    """Takes jobs, runs them in turn in child processes, and keeps the last ones for the list."""

    def __init__(
        self, *, done: Callable[[Job], None] = lambda _: None, command: tuple[str, ...] = WORKER_COMMAND
    ) -> None:
        """Tell `done` of every job that ended; `command` starts a worker."""
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = [WorkerProcess(command) for _ in range(limits.RUNNING)]
        self._at: dict[str, WorkerProcess] = {}
        self._done = done

    async def start(self) -> None:
        """Have a worker ready for the first plan."""
        await self._idle[0].warm()

    async def close(self) -> None:
        """End all work; what was found so far is finished where a few seconds suffice."""
        for job in self.jobs():
            if job.state is JobState.WAITING:
                self._end(job, JobState.STOPPED)
            elif not job.is_ended:
                job.state = JobState.STOPPING
                self._at[job.id].interrupt()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)
        for worker in (*self._at.values(), *self._idle):
            worker.kill()
            await worker.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def jobs(self) -> list[Job]:
        """Return all jobs that are known, newest first."""
        return list(reversed(self._jobs.values()))

    def shown(self) -> list[Job]:
        """Return the jobs for the list: all that go on, and the last ones that ended."""
        jobs = self.jobs()
        ended = [job for job in jobs if job.is_ended][: limits.JOBS_SHOWN]
        return [job for job in jobs if not job.is_ended or job in ended]

    def waiting(self) -> list[Job]:
        """Return the jobs that wait, in the order of their turns."""
        return [job for job in self._jobs.values() if job.state is JobState.WAITING]

    def find(self, identity: str) -> Job:
        """Return a job.

        Raises:
            Refusal: there is none of that name, 404.
        """
        if identity not in self._jobs:
            raise Refusal(404, "There is no such job; the list keeps the latest alone.")
        return self._jobs[identity]

    def is_latest(self, job: Job) -> bool:
        """Whether no job was asked for after this one."""
        return self.jobs()[0] is job

    def refuse_when_full(self) -> None:
        """Refuse a further job where all places are taken.

        Raises:
            Refusal: 429, with the time after which to ask again.
        """
        if len(self.waiting()) >= limits.WAITING:
            raise Refusal(
                429,
                f"{limits.RUNNING} plan is being made and {limits.WAITING} wait: that is all this page takes at once. "
                "Cancel one, or try again when one is done.",
                Retry_After="30",
            )

    def submit(self, job: Job) -> Job:
        """Take a job.

        Raises:
            Refusal: all places are taken, 429.
        """
        self.refuse_when_full()
        self._jobs[job.id] = job
        self._forget_old()
        self._start_next()
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job: at once where it waits; else with its best plan; asked again, at once and with nothing."""
        if job.is_ended:
            return
        if job.state is JobState.WAITING:
            self._end(job, JobState.STOPPED)
        elif job.state is JobState.RUNNING and job.kind is JobKind.PLAN and job.step != STARTING:
            job.state = JobState.STOPPING
            self._at[job.id].interrupt()
        else:  # a sweep, or one that has not begun, has no best plan so far; and who asks twice means it
            job.state = JobState.STOPPING
            self._at[job.id].kill()

    def _start_next(self) -> None:
        waiting = self.waiting()
        if not waiting or not self._idle:
            return
        job = waiting[0]
        worker = self._at[job.id] = self._idle.pop()
        job.state, job.started, job.step = JobState.RUNNING, time.monotonic(), STARTING
        task = asyncio.create_task(self._run(job, worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, job: Job, worker: WorkerProcess) -> None:
        crash = ""
        try:
            await worker.ask(job.request, job.hear)
        except WorkerDiedError as error:
            crash = f"The planner ended unexpectedly (code {error.code}); nothing was lost. Try again."
        except OSError as error:
            crash = f"The planner could not be started: {error.strerror or error}."
        finally:
            del self._at[job.id]
            self._idle.append(worker)
        if job.result:
            self._end(job, JobState.DONE)
        elif job.state is JobState.STOPPING:
            self._end(job, JobState.STOPPED)
        elif job.failure or crash:
            job.failure = job.failure or crash
            self._end(job, JobState.FAILED)
        else:
            self._end(job, JobState.STOPPED)
        self._start_next()
        if not self._at:
            with contextlib.suppress(OSError):
                await worker.warm()

    def _end(self, job: Job, state: JobState) -> None:
        job.state, job.ended = state, time.monotonic()
        self._done(job)

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.is_ended]
        for identity in ended[: max(0, len(ended) - limits.JOBS_KEPT)]:
            del self._jobs[identity]
