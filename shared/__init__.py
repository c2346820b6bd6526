"""What all services agree on: the contracts and the thin infrastructure under them.

Contracts: :mod:`shared.frames` (WebSocket), :mod:`shared.entries` (Redis streams),
:mod:`shared.keys` (Redis keys), :mod:`shared.internal` (HTTP between services),
:mod:`shared.codes` (errors and close codes), :mod:`shared.limits`.

Infrastructure: :mod:`shared.settings`, :mod:`shared.logs`, :mod:`shared.metrics`,
:mod:`shared.health`, :mod:`shared.tasks`, :mod:`shared.problems`, :mod:`shared.redis_client`,
:mod:`shared.epoch`, :mod:`shared.service_client`, :mod:`shared.tokens`, :mod:`shared.runner`.

No business rules live here, and nothing here imports :mod:`services`.
"""
