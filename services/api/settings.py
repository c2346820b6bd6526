"""Settings of the api service, from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.api.domain.files import PROGRAM_TYPES
from shared.limits import FILES_QUOTA_BYTES
from shared.settings import PREFIX, Secret, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class ApiSettings(ServiceSettings):
    """What api needs beside what every service needs."""

    database_url: Secret  # postgresql://…, of a role that may create tables
    auth_url: str  # where auth's keys are fetched, e.g. http://auth:8080
    database_connections: int = 8  # opened at start and kept; PostgreSQL must allow replicas × this
    database_wait_s: float = 60.0  # at start, how long PostgreSQL may take to answer
    # Where files are kept, or, with an S3 bucket, where they pass through. Replicas share it.
    files_dir: Path = Path("/var/lib/agileim/files")
    files_s3_bucket: str = ""  # keep them in this bucket instead
    files_s3_endpoint: str = ""  # e.g. https://s3.example.org; empty: AWS
    files_s3_region: str = "us-east-1"
    files_s3_access_key: Secret | None = None
    files_s3_secret_key: Secret | None = None
    files_quota_bytes: int = FILES_QUOTA_BYTES  # of each person
    feed_days: int = 0  # how long services find events in the feed; 0: there is none
    rate_factor: float = 1.0  # multiplies how often people may call (GET /v1/limits); 0: no limits
    file_types_refused: tuple[str, ...] = PROGRAM_TYPES  # by content

    def faults(self) -> list[str]:
        faults = super().faults()
        if not self.database_url.startswith(("postgresql://", "postgres://")):
            faults.append(f"{PREFIX}DATABASE_URL must be a postgresql:// URL")
        if not self.auth_url.startswith(("http://", "https://")):
            faults.append(f"{PREFIX}AUTH_URL must be an http:// or https:// URL")
        if self.files_s3_bucket and not (self.files_s3_access_key and self.files_s3_secret_key):
            faults.append(
                f"{PREFIX}FILES_S3_BUCKET needs {PREFIX}FILES_S3_ACCESS_KEY and …_SECRET_KEY"
            )
        if not 3 <= self.database_connections <= 100:
            # one for the relay, and at least two sends in flight
            faults.append(f"{PREFIX}DATABASE_CONNECTIONS must be between 3 and 100")
        if self.rate_factor < 0:
            faults.append(f"{PREFIX}RATE_FACTOR must not be negative")
        if not 0 <= self.feed_days <= 365:
            faults.append(f"{PREFIX}FEED_DAYS must be between 0 and 365")
        return faults
