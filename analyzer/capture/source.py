"""Opening a capture: from a path or standard input to a :class:`PacketIndex`.

Rules. What a file is is told by its content, never by its name. The file is mapped, not read; standard input, pipes
and what compressed files unfold to go to a temporary file that has no name and vanishes with the process. The
SHA-256 is of the file as it lies on disk and is computed beside the reading (hashing large pieces leaves the
interpreter free). Whatever makes the file as a whole unreadable is one :class:`CaptureError` with one clear line;
whatever is wrong further on is a Problem beside what could be read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from analyzer.capture import detect, pcap, pcapng
from analyzer.capture.model import Descriptor, PacketBytes, PacketIndex
from analyzer.capture.records import Progress, Records, join
from analyzer.capture.unpack import Meter, unpack
from analyzer.errors import CaptureError, CorruptCaptureError, LimitExceededError, UnsupportedFormatError
from analyzer.options import Options
from analyzer.problems import Problem

STANDARD_INPUT = "-"
_PIECE = 4 << 20
_HASHED = 1 << 20
_IN_MEMORY = 1 << 20  # a file this small is read: a mapping would cost more, and fail if the file is cut meanwhile
_WORDS = {
    errno.ENOENT: "there is no such file",
    errno.EACCES: "it may not be read (permission denied)",
    errno.EISDIR: "it is a directory, not a capture",
    errno.ENOTDIR: "a part of its path is not a directory",
    errno.ENOSPC: "there is no room for a temporary copy on the disk",
}


def open_capture(path: str, options: Options, progress: Progress | None = None) -> PacketIndex:
    """Index the packets of a capture file.

    Args:
        path: a pcap or pcapng file, perhaps gzip- or zstd-compressed; ``-`` is standard input.
        options: ``limits`` bound what is unfolded and which lengths are believed.
        progress: called with "unpacking" or "reading" and the share done, after every few megabytes.

    Returns:
        The index; with ``truncated`` set and a Problem when the file is cut or a length lies further on. A capture
        without packets is an index of length 0.

    Raises:
        UnsupportedFormatError: it is something else; says what when it can tell.
        CorruptCaptureError: its header is cut or lies, or its first packet lies.
        LimitExceededError: it unfolds to more than the limits allow.
        CaptureError: it cannot be opened or read.
    """
    shown = "standard input" if path == STANDARD_INPUT else path
    with _system_errors(shown), _opened(path, shown, options) as file:
        return _Opening(path, shown, options, progress).index(file)


@contextlib.contextmanager
def _system_errors(shown: str) -> Iterator[None]:
    """Turn errors of the operating system into one clear line."""
    try:
        yield
    except OSError as error:
        reason = _WORDS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        raise CaptureError(shown, reason) from error


@contextlib.contextmanager
def _opened(path: str, shown: str, options: Options) -> Iterator[IO[bytes]]:
    """Open a regular file; copy anything that is a stream to a temporary one."""
    if path == STANDARD_INPUT:
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise CaptureError(shown, "it is closed")
        if stream.isatty():
            raise CaptureError(shown, "it is a terminal; pipe a capture into it, or name a file")
        with _spooled(stream, shown, options) as copy:
            yield copy
        return
    if "\0" in path:
        raise CaptureError(shown.replace("\0", "\\0"), "this is not a path")
    mode = Path(path).stat().st_mode  # before opening, which waits for the other end of a pipe
    if stat.S_ISDIR(mode):
        raise CaptureError(shown, _WORDS[errno.EISDIR])
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise CaptureError(shown, "it is a device or socket, not a file")
    with Path(path).open("rb") as file:
        if stat.S_ISREG(mode):
            yield file
        else:
            with _spooled(file, shown, options) as copy:
                yield copy


@contextlib.contextmanager
def _spooled(stream: IO[bytes], shown: str, options: Options) -> Iterator[IO[bytes]]:
    """Copy a stream to a temporary file without a name."""
    limit = options.limits.decompressed_bytes
    with tempfile.TemporaryFile() as copy:
        while piece := stream.read(_PIECE):
            if copy.tell() + len(piece) > limit:
                raise LimitExceededError(shown, f"it gives more than {limit} bytes (limit decompressed_bytes)")
            copy.write(piece)
        copy.seek(0)
        yield copy


class _Opening:
    """One call of :func:`open_capture`, once the file is open."""

    def __init__(self, path: str, shown: str, options: Options, progress: Progress | None) -> None:
        self.path = path
        self.shown = shown
        self.options = options
        self.progress = progress

    def index(self, file: IO[bytes]) -> PacketIndex:
        """Tell what the file is, unfold it when it is compressed, and read it."""
        head = file.read(detect.HEAD_BYTES)
        if not head:
            raise UnsupportedFormatError(self.shown, "the file is empty")
        form = self._form(head, "this is ")
        size = os.fstat(file.fileno()).st_size
        with _Hash(file.fileno(), size) as digest:
            if form in (detect.PCAP, detect.PCAPNG):
                data, fault, compression = _map(file, size), None, None
            else:
                data, fault = self._unpacked(file, form, size)
                compression = form
                form = self._form(data.read(0, detect.HEAD_BYTES), f"what the {compression} file holds is ")
                if form in (detect.GZIP, detect.ZSTD):
                    raise UnsupportedFormatError(self.shown, "the file is compressed twice: unpack it once")
            reader = pcap.read if form == detect.PCAP else pcapng.read
            records = reader(self.shown, data, self.options.limits, self.progress)
            self._first_packet_lies(records)
            return self._value(records, data, fault, compression, size, digest.result())

    def _form(self, head: bytes, subject: str) -> str:
        form = detect.form(head)
        if form is not None:
            return form
        if detect.cut_magic(head):
            reason = f"the file is cut short: {len(head)} bytes of a capture's header are there"
            raise CorruptCaptureError(self.shown, reason, len(head))
        raise UnsupportedFormatError(self.shown, subject + detect.other(head))

    def _unpacked(self, file: IO[bytes], form: str, size: int) -> tuple[PacketBytes, Problem | None]:
        file.seek(0)
        with tempfile.TemporaryFile() as sink:
            fault = unpack(form, file, sink, Meter(self.shown, self.options.limits, size, self.progress))
            data = _map(sink, sink.tell())
        if not data.array.size:
            if fault is not None:
                raise CorruptCaptureError(self.shown, f"{fault.message} before anything was unpacked", fault.offset)
            raise UnsupportedFormatError(self.shown, f"the {form} file holds an empty file")
        return data, fault

    def _first_packet_lies(self, records: Records) -> None:
        stopped = records.stopped
        if stopped is not None and not records.columns.rows and "-BAD-" in stopped.code:
            raise CorruptCaptureError(self.shown, f"nothing can be read: {stopped.message}", stopped.offset)

    def _value(
        self,
        records: Records,
        data: PacketBytes,
        fault: Problem | None,
        compression: str | None,
        size: int,
        sha256: str,
    ) -> PacketIndex:
        columns = records.columns
        partial = records.stopped is not None or (fault is not None and not fault.code.endswith("-TRAILING"))
        return PacketIndex(
            path=self.path,
            format=records.format,
            compression=compression,
            byte_order=records.byte_order,
            sha256=sha256,
            size_bytes=size,
            data=data,
            offset=join(columns.offset, np.int64),
            caplen=join(columns.caplen, np.uint32),
            wirelen=join(columns.wirelen, np.uint32),
            time=join(columns.time, np.int64),
            interface=join(columns.interface, np.uint16),
            interfaces=tuple(records.interfaces),
            comments=tuple(records.comments),
            names=tuple(records.names),
            secrets=tuple(records.secrets),
            problems=tuple([fault] if fault is not None else []) + tuple(records.problems),
            truncated=partial,
            bytes_unread=int(data.array.size) - records.end,
            application=records.application,
            extra=records.extra,
        )


def _map(file: IO[bytes], size: int) -> PacketBytes:
    """Map a file's first bytes, or read them when they are few or cannot be mapped; it may be closed afterwards."""
    file.flush()
    if size > _IN_MEMORY:
        with contextlib.suppress(OSError, ValueError):
            mapping = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
            return PacketBytes(np.frombuffer(mapping, np.uint8), mapping, Descriptor(file.fileno()))
    file.seek(0)
    return PacketBytes(np.frombuffer(file.read(size), np.uint8))


class _Hash:
    """Computes the SHA-256 of an open file's first ``size`` bytes while others read it.

    Reads at positions of its own, so it does not disturb the file's; a large file is hashed in a thread.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._digest = hashlib.sha256()
        self._stop = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="sha256", daemon=True)

    def __enter__(self) -> _Hash:
        if self._size > _PIECE:
            self._thread.start()
        else:
            self._run()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop = True
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            buffer = memoryview(bytearray(min(_HASHED, self._size)))
            at = 0
            while at < self._size and not self._stop:
                count = os.preadv(self._descriptor, [buffer[: self._size - at]], at)
                if not count:
                    return
                self._digest.update(buffer[:count])
                at += count
        except OSError as error:
            self._error = error

    def result(self) -> str:
        """Wait for the end and return the digest as hexadecimal text."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._digest.hexdigest()
