"""What must stay the same as long as the database lives."""

from __future__ import annotations

from services.api.store.database import Database


class WrongInstallation(Exception):
    """The settings do not fit the database; the text says what to change."""


async def check_partitions(database: Database, partitions: int) -> None:
    """Note the number of partitions at the first start, insist on it at all others.

    With another number, conversations would be looked for in other streams than they were written
    to. Raises :class:`WrongInstallation`.
    """
    await database.execute(
        "INSERT INTO installation (partitions) VALUES (%s) ON CONFLICT (one) DO NOTHING",
        (partitions,),
    )
    row = await database.fetch_one("SELECT partitions FROM installation")
    assert row is not None
    if row[0] != partitions:
        raise WrongInstallation(
            f"AGILEIM_PARTITIONS is {partitions}, but this database was set up with {row[0]}; "
            f"set it to {row[0]} for all services"
        )
