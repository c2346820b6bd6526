"""``agileim admin``: what operators do from a shell.

Changes go through api's internal HTTP (scope ``internal.admin``) and stand in its audit table;
streams, partitions and presence are looked at in Redis. Only ``backup`` speaks to PostgreSQL.
"""
