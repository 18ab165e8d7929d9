"""The program's entry: run the command line and turn whatever comes out into an exit code and at most one line.

Rules: no traceback reaches a user, unless ``ANALYZER_DEBUG=1`` asks for it. Interrupted by Ctrl-C it ends with 130,
by SIGTERM with 143, by the end of its terminal (SIGHUP) with 129, by a reader that went away (``| head``) with 141:
what a shell would show for those signals. Clean-up (temporary files) has happened by then, because the interruption
travels as an exception.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import stat
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

COLLECT_AFTER = 1_000_000
"""Objects made before Python looks for circles of them: some hundred megabytes' worth, so none can pile up for long."""
EXIT_INTERNAL = 1
EXIT_OUTPUT = 4
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_PIPE = 128 + 13  # SIGPIPE, which not every system has a name for

_ENDING = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
"""Signals that end the program, clean-up included."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``analyze`` with these arguments (the process's own by default) and return the exit code."""
    from analyzer.text import display

    if argv is None:
        for number in _ENDING:
            if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, _terminate)
        # numpy's linear algebra starts a thread per core when imported; nothing here uses it (saves 0.1 s CPU).
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Rows refer to nothing that refers back, and there can be millions: looking for circles among them again and
        # again, as the default of 700 new objects has it, took a third of the time of an analysis.
        gc.set_threshold(COLLECT_AFTER)
    try:
        try:
            from analyzer.cli import run

            _open_closed_streams()
            for stream in (sys.stdout, sys.stderr):
                if hasattr(stream, "reconfigure"):  # a terminal that cannot show a character gets its escape
                    stream.reconfigure(errors="backslashreplace")
            code = run(sys.argv[1:] if argv is None else argv)
            if code == EXIT_OUTPUT:  # has been said; what is left in the buffer would only fail again
                _detach_output()
        finally:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _say("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        _detach_output()
        return EXIT_PIPE
    except OSError as error:
        _debug()
        _detach_output()
        return _say(f"standard output: {error.strerror or type(error).__name__}", EXIT_OUTPUT)
    except Exception as error:  # noqa: BLE001 - the last resort: a line instead of a traceback
        _debug()
        what = f"{type(error).__name__}: {display(error, 200)}"
        return _say(f"internal error ({what}); please report it with what ANALYZER_DEBUG=1 prints", EXIT_INTERNAL)


def _open_closed_streams() -> None:
    """Stand in for standard streams that were closed from the start (``>&-``): output then fails as on a full disk."""
    for name, flags, mode in (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _say(line: str, code: int) -> int:
    with contextlib.suppress(OSError):  # perhaps nobody is left to read it; the exit code still tells
        print(f"analyze: {line}", file=sys.stderr, flush=True)
    return code


def _debug() -> None:
    if os.environ.get("ANALYZER_DEBUG"):
        import traceback

        traceback.print_exc()


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    for other in (*_ENDING, signal.SIGINT):  # they would break into the clean-up
        signal.signal(other, signal.SIG_IGN)
    if number != signal.SIGTERM:
        _leave_terminal()
    raise SystemExit(128 + number)


def _leave_terminal() -> None:
    """Point streams nowhere whose terminal is gone: a last word to it would fail in the middle of the clean-up."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)


def _detach_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not fail again."""
    # A test's standard output is no file: there is nothing to detach then.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
