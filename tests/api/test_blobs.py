"""Both places for the content of files keep the same promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.api.blobs import BlobError, BlobStore, NoBlob
from services.api.blobs.local import LocalBlobs
from services.api.blobs.s3 import Bucket, S3Blobs
from services.api.settings import ApiSettings
from shared.ids import new_id
from shared.settings import Secret
from tests.api.rig import Caller, running_api
from tests.api.test_files import picture, send, upload
from tests.support.object_store import ACCESS_KEY, SECRET_KEY, ObjectStore, object_store, program
from tests.support.tokens import TestIssuer


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real object store."""
    if program() is None:
        pytest.skip("SeaweedFS is not installed")
    with object_store(tmp_path_factory.mktemp("objects") / "data") as running:
        yield running


async def bucket_in(store: ObjectStore) -> Bucket:
    """A new bucket."""
    bucket = Bucket(f"b{new_id()[-12:]}", store.url, "us-east-1", ACCESS_KEY, SECRET_KEY)
    blobs = S3Blobs(bucket)
    await blobs.open()
    await blobs._client.create_bucket(Bucket=bucket.name)
    await blobs.close()
    return bucket


@pytest.fixture(params=["local", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    """One of each."""
    made: BlobStore = LocalBlobs(tmp_path / "blobs")
    if request.param == "s3":
        made = S3Blobs(await bucket_in(request.getfixturevalue("store")))
    await made.open()
    yield made
    await made.close()


async def content(blobs: BlobStore, key: str, start: int, stop: int) -> bytes:
    return b"".join([piece async for piece in blobs.read(key, start, stop)])


def source(folder: Path, data: bytes) -> Path:
    path = folder / new_id()
    path.write_bytes(data)
    return path


async def test_what_was_put_is_read_in_ranges_until_it_is_deleted(
    blobs: BlobStore, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 5000
    await blobs.put("files/one", source(tmp_path, data))
    await blobs.put("files/two", source(tmp_path, b"other"))
    assert await content(blobs, "files/one", 0, len(data)) == data
    assert await content(blobs, "files/one", 1000, 700_000) == data[1000:700_000]
    await blobs.put("files/one", source(tmp_path, b"new"))
    assert await content(blobs, "files/one", 0, 3) == b"new"
    await blobs.delete(["files/one", "files/never-was"])
    with pytest.raises(NoBlob):
        await content(blobs, "files/one", 0, 1)
    assert await content(blobs, "files/two", 0, 5) == b"other"


async def test_a_blob_that_is_too_short_is_noticed(blobs: BlobStore, tmp_path: Path) -> None:
    await blobs.put("files/short", source(tmp_path, b"12345"))
    with pytest.raises(BlobError):
        await content(blobs, "files/short", 0, 6)


async def test_a_store_that_is_away_is_an_error_of_the_store(tmp_path: Path) -> None:
    blobs = S3Blobs(Bucket("b", "http://127.0.0.1:9", "us-east-1", "a", "b"))
    await blobs.open()
    try:
        with pytest.raises(BlobError):
            await blobs.put("files/x", source(tmp_path, b"x"))
    finally:
        await blobs.close()


async def test_files_in_an_object_store(
    store: ObjectStore, settings: ApiSettings, issuer: TestIssuer
) -> None:
    bucket = await bucket_in(store)
    changed = replace(
        settings,
        files_s3_bucket=bucket.name,
        files_s3_endpoint=bucket.endpoint,
        files_s3_access_key=Secret(bucket.access_key),
        files_s3_secret_key=Secret(bucket.secret_key),
    )
    async with running_api(changed, issuer) as api:
        ada, bob = await api.people(2)
        room = await ada.direct_with(bob)
        data = picture((800, 600))
        file = await upload(ada, data, "a.jpg")
        assert (await send(ada, room, file)).status == 201
        assert await _get(bob, f"/v1/files/{file}") == data
        assert (await _get(bob, f"/v1/files/{file}/thumbnail"))[:4] == b"RIFF"
    assert not [path for path in settings.files_dir.rglob("*") if path.is_file()]


async def _get(caller: Caller, path: str) -> bytes:
    answer = await caller.call("GET", path)
    assert answer.status == 200, answer.body
    return answer.body
