"""The gateway holds the WebSockets: it checks tokens, carries frames both ways and registers who
is connected. It decides nothing about routing and touches no database.

From the inside out: :mod:`.session` is the protocol as a pure state machine, :mod:`.connection`
the socket around it, :mod:`.outbox` what waits to be written to it. :mod:`.hub` finds the sockets
of a user, :mod:`.deliveries` reads what dispatchers send here, :mod:`.ledger` knows what is not
yet acknowledged, :mod:`.registration` keeps this gateway known in Redis.
"""
