"""The one-machine mode: PostgreSQL, Redis, the services and the edge behind one command.

`Stack` (stack.py) is the whole; `servers/` starts one real server each; `Process` (process.py) is
one supervised child. The same classes carry `make up`, the tests and the fault harness.
"""
