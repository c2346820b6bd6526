"""Carries committed events from the partitions' streams to the gateways that hold the sockets.

Reads ``im:{pNN}:events`` of the partitions that it owns, puts each conversation's events in order,
resolves members and presence, and writes one entry per gateway to ``im:{gw:ID}:out``. Buries dead
gateways. Keeps nothing that could not be rebuilt from Redis and api.
"""
