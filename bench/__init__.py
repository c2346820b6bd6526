"""Load and cost measurements of the whole system: `python -m bench`, see bench/README.md.

`wire.py` is the load generator's WebSocket client; `direct.py`, `room.py` and `connections.py` are
the scenarios; `usage.py` and `calibration.py` measure processes and the machine; `report.py` writes
the tables and bench/results/.
"""
