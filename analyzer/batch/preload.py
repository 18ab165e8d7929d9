"""What a local worker does when it starts: it leaves Ctrl-C and the end of the terminal to the batch.

Such a signal goes to all processes of a terminal. The batch ends its workers itself, in order; a worker that ends by
itself in the middle of something tells the terminal about it at length. Dask calls :func:`dask_setup` in a worker's
main thread (``preload``).
"""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Ignore such signals in this process."""
    for number in (signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(number, signal.SIG_IGN)
