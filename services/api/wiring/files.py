"""Files: what is needed for them, how it hangs together, and what runs beside the requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from services.api.blobs import BlobStore
from services.api.blobs.local import LocalBlobs
from services.api.collecting import collect_files
from services.api.endpoint import Endpoint
from services.api.handlers.files import FileHandlers
from services.api.handlers.uploads import UploadHandlers
from services.api.pictures import Pictures
from services.api.settings import ApiSettings
from services.api.store.database import Database
from services.api.store.files import Files
from services.api.uploads import Uploads
from shared.tasks import Background


class Filing:
    """All about files."""

    def __init__(self, settings: ApiSettings, database: Database) -> None:
        self.files = Files(database, quota_bytes=settings.files_quota_bytes)
        self.blobs = _store(settings)
        self._uploads = Uploads(
            # The spool is beside the blobs, so that a rename takes a file there.
            self.files, self.blobs, Pictures(), settings.files_dir / "spool",
            settings.file_types_refused,
        )  # fmt: skip

    def endpoints(self, ended: Callable[[str], bool]) -> Sequence[Endpoint]:
        """The operations; ``ended`` tells whether a session has ended."""
        return [
            *UploadHandlers(self.files, self._uploads).endpoints(),
            *FileHandlers(self.files, self.blobs, ended).endpoints(),
        ]

    @asynccontextmanager
    async def life(self, tasks: Background) -> AsyncIterator[None]:
        """Open the store, and collect what nobody needs."""
        await self.blobs.open()
        try:
            tasks.spawn("collect_files", collect_files(self.files, self.blobs))
            yield
        finally:
            await self.blobs.close()


def _store(settings: ApiSettings) -> BlobStore:
    if not settings.files_s3_bucket:
        return LocalBlobs(settings.files_dir)
    # Imported here: most installations keep files in a folder, and this takes a moment.
    from services.api.blobs.s3 import Bucket, S3Blobs

    return S3Blobs(
        Bucket(
            name=settings.files_s3_bucket,
            endpoint=settings.files_s3_endpoint,
            region=settings.files_s3_region,
            access_key=settings.files_s3_access_key or "",
            secret_key=settings.files_s3_secret_key or "",
        )
    )
