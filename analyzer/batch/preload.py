"""What a local worker does when it starts: it leaves Ctrl-C to the batch.

An interrupt goes to all processes of a terminal. The batch ends its workers itself, in order; a worker that ends by
itself in the middle of something tells the terminal about it at length. Dask calls :func:`dask_setup` in a worker's
main thread (``preload``).
"""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Ignore interrupts in this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
