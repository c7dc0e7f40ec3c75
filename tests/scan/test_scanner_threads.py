"""The native scanner under several Python threads."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from fastlabel import _core


def scanner() -> _core.Scanner:
    return _core.Scanner(1, 250_000_000, 1 << 29, 200, 1 << 29)


def submit(native: _core.Scanner, sources: list[bytes]) -> int:
    n = len(sources)
    return native.submit(
        sources,
        np.zeros((n, 2), np.int32),
        np.zeros(n, np.int32),
        np.zeros((0, 4)),
        np.zeros(n + 1, np.int64),
    )


@pytest.fixture(scope="module")
def big_jpeg() -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 4000), np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def test_closing_while_another_thread_waits_ends_the_wait(big_jpeg):
    native = scanner()
    ticket = submit(native, [big_jpeg] * 40)
    waiting = threading.Event()
    ended: list[str] = []

    def wait() -> None:
        waiting.set()
        try:
            native.wait(ticket, 60_000)
            ended.append("finished")
        except (RuntimeError, ValueError) as error:
            ended.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    native.close()
    thread.join(20)
    assert not thread.is_alive()
    assert ended and ("cancelled" in ended[0] or "closed" in ended[0])
    with pytest.raises(ValueError, match="closed"):
        native.wait(ticket, 0)


def test_a_closed_scanner_gives_its_buffers_back():
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes())
    native = scanner()
    submit(native, [data])
    native.close()
    data.append(0)  # a BufferError while someone still holds its memory
    native.close()
