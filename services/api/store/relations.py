"""What two people are to each other, each as they are told."""

from __future__ import annotations

from services.api.store.database import Transaction
from shared.events import ContactState


async def state_for(transaction: Transaction, user: str, other: str) -> ContactState:
    """What ``other`` is to ``user``. Who is asked and asks as well, unseen, is asked first."""
    row = await transaction.fetch_one(
        """
        SELECT EXISTS (SELECT FROM contacts
                WHERE user_id = %(user)s AND contact_id = %(other)s),
            EXISTS (SELECT FROM contact_requests
                WHERE from_id = %(other)s AND to_id = %(user)s AND shown),
            EXISTS (SELECT FROM contact_requests
                WHERE from_id = %(user)s AND to_id = %(other)s AND open)
        """,
        {"user": user, "other": other},
    )
    assert row is not None
    is_contact, asks, asked = row
    if is_contact:
        return ContactState.CONTACT
    if asks:
        return ContactState.ASKS
    return ContactState.ASKED if asked else ContactState.NONE
