"""Who runs submissions: threads of this machine, or the workers of a Dask cluster.

Both take a notebook and give a future; `autograder.recording.grade` neither knows nor cares which it is. A submission crosses the
network as JSON text and comes back as JSON text (outputs and counts of its cells, notes, seconds): nothing of it is ever
pickled. docs/cluster.md says how to start a cluster and what it costs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from queue import Empty, LifoQueue, SimpleQueue
from typing import Any, Protocol

from nbformat import NotebookNode, from_dict

from autograder.cells import SETUP, WHOM
from autograder.course import ROOT, CourseError
from autograder.running.execute import MachineFailed, NotRun, Run, Stopped, Worker
from autograder.running.limits import Limits

TRIES = 2


class Crew(Protocol):
    """Runs notebooks, several at a time."""

    @property
    def size(self) -> int:
        """How many notebooks it can run at once, as of now; at least 1."""

    def submit(self, notebook: NotebookNode, limits: Limits, on_run: Callable[[], None] = ...) -> Future[Run]:
        """Run the notebook as `autograder.running.execute.Worker.run` does: outputs are filled in when the future is done.

        `on_run` is called, from another thread, when a worker gets it.

        The future raises NotRun for a submission that cannot be run, MachineFailed for one that the machine failed, CourseError
        if the crew cannot go on.
        """

    def stop(self) -> None:
        """Let go of everything at once; submissions under way are not graded."""


def muster(workers: int, scheduler: str | None) -> Crew:
    """The crew of a grading run: of the Dask cluster at the address `scheduler`, or else that many workers here.

    Raises CourseError if the cluster cannot be used.
    """
    return DaskCrew(scheduler) if scheduler else LocalCrew(workers)


class LocalCrew:
    """Worker processes of this machine, one for each thread."""

    def __init__(self, workers: int):
        self._workers = [Worker() for _ in range(max(1, workers))]
        self._free: LifoQueue[Worker] = LifoQueue()  # Whoever ran last is warm.
        for worker in self._workers:
            self._free.put(worker)
        self._pool = ThreadPoolExecutor(len(self._workers))
        # Starting takes seconds. The first worker has the processors to itself until it has run something; then the others.
        self._begun = threading.Event()
        for n in range(len(self._workers)):
            self._pool.submit(self._warm_up, first=n == 0)

    @property
    def size(self) -> int:
        return len(self._workers)

    def submit(self, notebook: NotebookNode, limits: Limits, on_run: Callable[[], None] = lambda: None) -> Future[Run]:
        return self._pool.submit(self._job, notebook, limits, on_run)

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._begun.set()
        with contextlib.suppress(Stopped):
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _warm_up(self, first: bool) -> None:
        if not first:
            self._begun.wait()
        self._run(NotebookNode(cells=[], metadata=NotebookNode()), Limits(), lambda: None)

    def _job(self, notebook: NotebookNode, limits: Limits, on_run: Callable[[], None]) -> Run:
        try:
            return self._run(notebook, limits, on_run)
        finally:
            self._begun.set()

    def _run(self, notebook: NotebookNode, limits: Limits, on_run: Callable[[], None]) -> Run:
        worker = self._free.get()
        try:
            on_run()
            return worker.run(notebook, limits)
        finally:
            self._free.put(worker)


@dataclass(eq=False)
class _Job:
    """A notebook handed to the cluster: `lost` counts the workers that went while they had it, `at` is where it is now."""

    notebook: NotebookNode
    question: str
    on_run: Callable[[], None]
    answer: Future[Run] = field(default_factory=Future)
    lost: int = 0
    at: str = ""


class DaskCrew:
    """The workers of a dask.distributed cluster.

    Every submission is given to one named worker, and a worker gets no more of them than it has threads, so when a worker
    goes it is known which submissions it was running. Each of those is tried once more, on a worker that runs nothing
    else meanwhile: whoever ends that one too did it alone, and is set aside. Dask's own retries (`allowed-failures`) count
    submissions that only stood in the queue of a worker that died, and are the scheduler's setting, not ours.
    """

    CONNECT_SECONDS = 10.0
    """How long to look for the scheduler."""
    PATIENCE_SECONDS = 120.0
    """How long to go on without a single worker."""
    LOOK_SECONDS = 0.5
    """How often to ask the scheduler which workers there are."""

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise CourseError(
                "Grading on a cluster needs dask.distributed; install it with: pip install -c constraints.txt '.[cluster]'"
            ) from None
        # What goes wrong is said once, by an exception; distributed would say it in its log as well.
        for name in ("distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.address = address
        try:
            self._client = Client(address, timeout=self.CONNECT_SECONDS, set_as_default=False, name="autograder")
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(f"There is no Dask scheduler at {address} ({error or type(error).__name__}).") from None
        try:
            self._compare_schedulers_versions()
        except BaseException:
            self._client.close()
            raise
        self._hands = self._client.get_executor(pure=False, retries=0, allow_other_workers=False)
        # Jobs to do, answers that arrived, and None for the end: all news comes this way, so one thread needs no locks.
        self._news: SimpleQueue[_Job | Future[str] | None] = SimpleQueue()
        self._size = 1
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._serve, name="dask-crew", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        return self._size

    def submit(self, notebook: NotebookNode, limits: Limits, on_run: Callable[[], None] = lambda: None) -> Future[Run]:
        job = _Job(notebook, question(notebook, limits), on_run)
        for ours in (SETUP, WHOM):
            notebook.metadata.pop(ours, None)
        self._news.put(job)
        if self._failure is not None:  # Nobody may be left to read the news.
            self._give_up([], self._failure)
        return job.answer

    def stop(self) -> None:
        self._news.put(None)
        self._thread.join()
        self._client.close()

    def _compare_schedulers_versions(self) -> None:
        """Workers are compared when they run something; what the scheduler must share is how to talk at all."""
        try:
            found = self._client.get_versions()
        except OSError as error:
            raise CourseError(f"The Dask scheduler at {self.address} does not answer ({error}).") from None
        mine, theirs = found["client"]["packages"], (found["scheduler"] or {}).get("packages", {})
        for name in ("distributed", "dask", "python"):
            a, b = (
                str(x.get(name)).rpartition(".")[0] if name == "python" else str(x.get(name)) for x in (mine, theirs)
            )
            if a != b:
                raise CourseError(
                    f"The Dask scheduler at {self.address} has {name} {b}, but here it is {a}; install the same."
                )

    # --- Everything below runs in the crew's own thread ----------------------------------------------------------------

    def _serve(self) -> None:
        waiting: deque[_Job] = deque()
        in_hand: dict[Future[str], _Job] = {}
        threads: Mapping[str, int] = {}
        seen = looked = time.monotonic()
        looked -= self.LOOK_SECONDS
        failure: Exception = Stopped()
        try:
            while True:
                now = time.monotonic()
                if now - looked >= self.LOOK_SECONDS:
                    looked, threads = now, self._client.nthreads()
                    self._size = max(1, sum(threads.values()))
                    if threads:
                        seen = now
                    elif now - seen > self.PATIENCE_SECONDS:
                        raise CourseError(
                            f"The Dask scheduler at {self.address} has had no workers for {self.PATIENCE_SECONDS:g} seconds; "
                            f"start some (dask worker {self.address}) and run the same command again to go on."
                        )
                    for handed in [handed for handed, job in in_hand.items() if job.at not in threads]:
                        self._lose(in_hand.pop(handed), waiting)
                        handed.cancel()
                self._hand_out(waiting, in_hand, threads)
                try:
                    news = self._news.get(timeout=max(0.0, looked + self.LOOK_SECONDS - time.monotonic()))
                except Empty:
                    continue
                if news is None:
                    break
                if isinstance(news, _Job):
                    waiting.append(news)
                elif news in in_hand:  # Else it was given up for lost, and is with another worker now.
                    self._take(news, in_hand[news], waiting)
                    del in_hand[news]
        except OSError as error:
            failure = CourseError(
                f"The Dask scheduler at {self.address} is gone ({error}); start it and run the same command again to go on."
            )
        except Exception as error:
            failure = error
        finally:
            for handed in in_hand:
                handed.cancel()
            self._failure = failure
            self._give_up([*waiting, *in_hand.values()], failure)

    def _give_up(self, jobs: list[_Job], failure: Exception) -> None:
        """Answer these jobs, and all that are still in the news, with the failure."""
        with contextlib.suppress(Empty):
            while True:
                news = self._news.get_nowait()
                jobs += [news] if isinstance(news, _Job) else []
        for job in jobs:
            job.answer.set_exception(failure)

    def _hand_out(self, waiting: deque[_Job], in_hand: dict[Future[str], _Job], threads: Mapping[str, int]) -> None:
        """Give waiting jobs to workers with a free thread; one whose worker went gets a worker to itself."""
        busy = Counter(job.at for job in in_hand.values())
        alone = {job.at for job in in_hand.values() if job.lost}
        for job in list(waiting):
            free = [at for at, n in threads.items() if at not in alone and busy[at] < (1 if job.lost else n)]
            if not free:
                if job.lost:
                    continue
                break
            job.at = min(free, key=lambda at: busy[at] / threads[at])
            busy[job.at] += 1
            if job.lost:
                alone.add(job.at)
            waiting.remove(job)
            if not job.lost:
                job.on_run()
            handed = self._hands.submit(run_text, job.question, workers=[job.at])
            in_hand[handed] = job
            handed.add_done_callback(self._news.put)

    def _take(self, handed: Future[str], job: _Job, waiting: deque[_Job]) -> None:
        """What became of a job a worker had."""
        from distributed import KilledWorker

        if handed.cancelled():
            self._lose(job, waiting)
            return
        try:
            answer = handed.result()
        except KilledWorker:
            self._lose(job, waiting)
        except ImportError as error:
            raise CourseError(
                f"The Dask cluster at {self.address} cannot import the course ({error}); install this repository on its "
                "scheduler and workers."
            ) from None
        else:
            outcome = fill_in(job.notebook, answer, job.at)
            if isinstance(outcome, Run):
                if job.lost:
                    outcome.notes.append("run twice: its first worker was lost")
                job.answer.set_result(outcome)
            else:
                job.answer.set_exception(outcome)

    def _lose(self, job: _Job, waiting: deque[_Job]) -> None:
        """The worker that had the job is no more."""
        job.lost += 1
        job.at = ""
        if job.lost < TRIES:
            waiting.appendleft(job)
        else:
            job.answer.set_exception(NotRun("set aside: it ended two workers"))


# --- What travels -----------------------------------------------------------------------------------------------------


def question(notebook: NotebookNode, limits: Limits) -> str:
    """A notebook to run, as text: without its old outputs, and with the versions it must be run with."""
    bare = {**notebook, "cells": [{**cell, "outputs": []} if "outputs" in cell else cell for cell in notebook.cells]}
    return json.dumps({"notebook": bare, "limits": asdict(limits), "versions": versions()})


def run_text(asked: str) -> str:
    """Run a question in a Dask worker, on a worker process of this thread's own. Returns the answer, as text."""
    job = json.loads(asked)
    for name, wanted in job["versions"].items():
        if versions().get(name) != wanted:
            what = "another version of the course" if name == "course" else f"{name} {versions().get(name)}"
            return json.dumps({"unfit": f"has {what}, not the {wanted} that grades here"})
    if not hasattr(_of_this_thread, "worker"):
        _of_this_thread.worker = Worker()
    notebook = from_dict(job["notebook"])
    try:
        outcome = _of_this_thread.worker.run(notebook, Limits(**job["limits"]))
    except NotRun as error:
        return json.dumps({"not run": str(error)})
    except MachineFailed as error:
        return json.dumps({"failed": str(error)})
    except CourseError as error:
        return json.dumps({"unfit": f"cannot run submissions: {error}"})
    cells = [[cell.get("outputs"), cell.get("execution_count")] for cell in notebook.cells]
    return json.dumps({"run": asdict(outcome), "cells": cells})


def fill_in(notebook: NotebookNode, answer: str, at: str) -> Run | NotRun | MachineFailed | CourseError:
    """Put the outputs of an answer into the notebook that was asked about; returns what to tell of it."""
    said = json.loads(answer)
    if "unfit" in said:
        return CourseError(f"The Dask worker at {at} {said['unfit']}.")
    if "failed" in said:
        return MachineFailed(f"{said['failed']} (on the Dask worker at {at})")
    if "not run" in said:
        return NotRun(said["not run"])
    for cell, (outputs, count) in zip(notebook.cells, said["cells"], strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = from_dict(outputs), count
    return Run(**said["run"])


@functools.cache
def versions() -> dict[str, str]:
    """What must be the same for a submission to get the same points everywhere."""
    digest = hashlib.sha256()
    for path in sorted(path for room in ("autograder", "lib") for path in (ROOT / room).rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = {name: version(name).partition("+")[0] for name in ("ipython", "numpy", "torch")}
    return {"course": digest.hexdigest()[:12], "python": python, **packages}


_of_this_thread: Any = threading.local()
