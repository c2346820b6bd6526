"""The owner of PostgreSQL: accounts, conversations, events; REST and internal HTTP."""
