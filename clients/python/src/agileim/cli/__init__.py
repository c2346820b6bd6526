"""The command ``agileim``: chat in the terminal, and a scriptable client."""
