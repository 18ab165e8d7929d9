"""The batch as a Dask graph: one task a capture, on local processes or on a cluster that is there.

Rules. Dask distributes, repeats and keeps order; nothing of that is done here. A task never raises for what a capture
does (:mod:`analyzer.batch.task`); what still fails is the end of its worker, after which the scheduler gives the
capture to another once (``allowed-failures`` 1). A worker is given one capture at a time and no more, so that the end
of one takes no other along. Results come as they are done; the order of the index is that of the names.

With ``--scheduler`` the same graph goes to an existing cluster; captures and results must be where its workers see them
under the same path or URL. Its own settings count there (``allowed-failures``, threads of a worker).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from analyzer.batch.fetch import sweep
from analyzer.batch.plan import Job, Settings
from analyzer.batch.store import Store
from analyzer.batch.summary import failed
from analyzer.batch.task import GONE, KEPT, Outcome, note_of, run
from analyzer.errors import ExportError, UsageError
from analyzer.version import __version__

CONNECT_S = 10
"""Seconds to wait for a scheduler or its workers: who is there answers within one."""

CONFIG = {
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.daemon": True,
    # Dask's own memory rules pause and end workers at shares of the machine's memory; --memory is ours, and it is told.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # Nobody but us has business with a local cluster: it speaks TLS with a key of its own, and serves no pages.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.admin.tick.limit": "60s",
    # A worker that is just being started again is not lost.
    "distributed.deploy.lost-worker-timeout": "30 days",
    "distributed.comm.timeouts.connect": f"{CONNECT_S}s",
}
"""What a local cluster is set to."""

_TALKATIVE = ("distributed", "asyncio", "tornado", "bokeh")
"""Loggers, with all below them, that speak of what the outcomes say."""

Tell = Callable[[Outcome, bool, int], None]
"""What is called with each outcome, whether it was there before, and how many earlier results went."""


def results(jobs: Sequence[Job], settings: Settings, workers: int, scheduler: str | None, tell: Tell) -> list[Outcome]:
    """Analyze all captures; return their outcomes in the order of the jobs.

    Args:
        workers: local processes, where there is no scheduler.
        scheduler: address of a Dask scheduler, ``tcp://host:8786``.
        tell: called with each outcome as it is there.

    Raises:
        UsageError: the scheduler cannot be reached, or its workers have another version.
    """
    words = "ending the workers" if scheduler is None else "leaving the cluster"
    with connected(workers, scheduler) as client:
        try:
            return gathered(client, jobs, settings, tell)
        except KeyboardInterrupt:
            print(f"analyze: {words}", file=sys.stderr, flush=True)
            raise
        finally:
            if scheduler is not None:  # on this machine the caller does
                _sweep(client, settings.run)


def gathered(
    client: Any, jobs: Sequence[Job], settings: Settings, tell: Tell, work: Callable[[Job, Settings], Outcome] = run
) -> list[Outcome]:
    """Have a cluster's workers do the work of each capture; return the outcomes in the order of the jobs."""
    from dask.task_spec import Task
    from distributed import as_completed

    # A cluster knows tasks by their keys, those of other batches too, and would hand out their results. Data producers
    # wait at the scheduler until a worker is free; others may be queued behind a capture that ends its worker.
    # Dask takes independent tasks in the reverse order of their keys: archives are to be gone through one by one.
    keys = [f"analyze-{settings.run}-{len(jobs) - n:08d}" for n in range(len(jobs))]
    tasks = {key: Task(key, work, job, settings, _data_producer=True) for key, job in zip(keys, jobs, strict=True)}
    futures = client.get(tasks, keys, sync=False)
    numbers = {future.key: n for n, future in enumerate(futures)}
    outcomes: dict[int, Outcome] = {}
    try:
        for future in as_completed(futures):
            n = numbers[future.key]
            outcomes[n] = future.result() if future.status == "finished" else _ended(jobs[n], settings, future)
            tell(outcomes[n], bool(outcomes[n].pop(KEPT, False)), int(outcomes[n].pop(GONE, 0)))
    except BaseException:
        client.cancel(futures)  # a cluster would go on with them
        raise
    return [outcomes[n] for n in range(len(jobs))]


def _ended(job: Job, settings: Settings, future: Any) -> Outcome:
    """Return the outcome of a capture whose workers ended, or whose task was lost."""
    store, name = Store(settings.output), note_of(job, settings)
    note = store.read(name)
    with contextlib.suppress(ExportError):
        store.remove(name)
    error = future.exception()
    if note is not None:
        reason = f"{note.decode('utf-8', 'replace')}; tried again, with the same end"
    elif type(error).__name__ == "KilledWorker":
        reason = "its worker ended each time it was tried: killed, out of memory, or a crash in native code"
    else:
        reason = f"the task failed: {type(error).__name__}: {error}" if error else f"the task was {future.status}"
    return {"capture": job.source.name, "outputs": {}, **failed(reason, size_bytes=job.source.size)}


def _sweep(client: Any, run: str) -> None:
    """Remove what the batch has copied to the machines of a cluster, as far as they answer in time."""

    def there() -> None:
        with contextlib.suppress(Exception):
            client.run(sweep, run)

    thread = threading.Thread(target=there, daemon=True)
    thread.start()
    thread.join(CONNECT_S)


@contextlib.contextmanager
def connected(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Give a client of the scheduler, or of local workers that end with it."""
    import dask
    import distributed  # noqa: F401 - its loggers must be there to be quieted

    with _quiet(), dask.config.set(CONFIG):
        if scheduler is not None:
            client = _client_of(scheduler)
            try:
                yield client
            finally:
                client.close()
            return
        with _cluster(workers) as cluster:
            yield cluster


@contextlib.contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """Give a client of local workers that end with it: at once, where something ends the batch."""
    import dask
    from distributed import Client, LocalCluster

    cluster = None
    scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # workers that are ended leave theirs behind
    try:
        with _waiting(), dask.config.set({"temporary-directory": scratch.name}):
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                host="127.0.0.1",
                security=True,
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
                preload=["analyzer.batch.preload"],
            )
        with Client(cluster) as client:
            yield client
    except BaseException:
        if cluster is not None:
            _end(cluster)
        raise
    finally:
        if cluster is not None:
            cluster.close()
        scratch.cleanup()


def _end(cluster: Any) -> None:
    """End local workers in the middle of their work, for which Dask would wait some seconds."""
    for nanny in list(cluster.workers.values()):
        with contextlib.suppress(Exception):  # one that is just starting has no process, or has ended by itself
            nanny.close_gracefully()  # it starts no other worker
            os.kill(nanny.pid, signal.SIGKILL)


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    """Let interrupts wait while local workers start: threads and processes that start now inherit that, for good.

    So from their first moment Ctrl-C is ours, and so is the end of the terminal; one that comes meanwhile is seen when
    they are there.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # else it inherits that of Ctrl-C, too, and a test for leaks would hang on it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _client_of(scheduler: str) -> Any:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{scheduler}: the scheduler cannot be reached: {text}") from error
    try:
        client.get_versions(check=True)
        found = set(client.run(_version).values())
        if not found:
            raise UsageError("it has no workers")
    except Exception as error:
        client.close()
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        words = text if isinstance(error, UsageError) else f"its workers do not fit: {text}"
        raise UsageError(f"{scheduler}: {words}") from error
    if found != {__version__}:
        client.close()
        there = ", ".join(sorted(found))
        raise UsageError(f"{scheduler}: its workers have capture-analyzer {there}; here is {__version__}")
    return client


def _version() -> str:
    return __version__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own words off the terminal: what a person must know of them is in the outcomes."""
    # Loggers below these may have levels of their own (distributed.client has): an own level wins.
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _TALKATIVE]
    loggers = [logging.getLogger(name) for name in {*_TALKATIVE, *names}]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
