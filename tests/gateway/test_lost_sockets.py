"""A socket that is gone, and not yet known to be, harms nobody else."""

from __future__ import annotations

from services.gateway.outbox import Flusher, Outbox, OutboxLimits


class _Gone:
    """A transport of uvloop's after the peer's reset, before its protocol is told."""

    def write(self, data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return True


async def test_a_write_to_a_lost_socket_does_not_raise() -> None:
    flusher = Flusher(lambda: 0.0)
    outbox = Outbox(_Gone(), flusher, OutboxLimits(10, 1000))
    assert outbox.put(b"now", 10.0)
    assert outbox.put(b"soon", 10.0)  # waits to be joined with others
    assert outbox.flush(10.1)
    assert outbox.waiting == 0
    flusher.close()
