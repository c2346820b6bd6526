"""Backup, restore and verify: the database and the files, in one archive.

The archive is a tar file, sealed with age (https://age-encryption.org/v1) if asked for:

    manifest.json    what it holds, and what the database said about itself in the same snapshot
    database.dump    pg_dump's custom format
    files/…          uploaded files, where they lie in a folder
    keys/…           auth's signing keys; only in a sealed archive
    checksums.json   SHA-256 of each member above

Redis is not part of it: it holds what is under way and who is connected, and is filled anew.
"""
