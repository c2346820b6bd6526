"""Files: what is taken, who may see them, how they are served, and when they go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from marshmallow import RAISE
from PIL import Image
from tusclient.client import TusClient

from services.api.blobs.local import LocalBlobs
from services.api.collecting import collect
from services.api.schemas import files as schemas
from services.api.settings import ApiSettings
from services.api.store.files import Files
from shared.ids import new_id
from shared.limits import ATTACHMENTS_MAX, FILE_MAX_BYTES
from tests.api.rig import Answer, Caller, RunningApi, running_api
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer

TUS = {"Tus-Resumable": "1.0.0"}


def picture(size: tuple[int, int] = (640, 320), kind: str = "JPEG", **options: Any) -> bytes:
    made = io.BytesIO()
    image = Image.new("RGB", size, "teal")
    image.paste("orange", (0, 0, size[0] // 2, size[1] // 2))
    image.save(made, kind, **options)
    return made.getvalue()


def text64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def announce(caller: Caller, size: int, name: str = "a.txt", claim: str = "") -> Answer:
    metadata = f"filename {text64(name)}" + (f",filetype {text64(claim)}" if claim else "")
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    return await caller.call("POST", "/v1/uploads", headers=headers)


async def more(caller: Caller, where: str, offset: int, content: bytes, **headers: str) -> Answer:
    fixed = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return await caller.call("PATCH", where, content, headers=fixed | headers)


async def upload(caller: Caller, content: bytes, name: str = "a.txt", claim: str = "") -> str:
    made = await announce(caller, len(content), name, claim)
    assert made.status == 201, made.body
    where = made.headers["Location"]
    if content:
        sent = await more(caller, where, 0, content)
        assert sent.status == 204, sent.body
    return where.rpartition("/")[2]


async def send(caller: Caller, room: str, *files: str, text: str = "") -> Answer:
    body: dict[str, Any] = {"attachments": list(files)} | ({"text": text} if text else {})
    message = {"client_msg_id": new_id(), "body": body}
    return await caller.call("POST", f"/v1/conversations/{room}/messages", message)


async def status(caller: Caller, path: str) -> int:
    return (await caller.call("GET", path)).status


async def test_a_message_carries_files_that_its_readers_may_fetch(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.direct_with(bob)
    content = picture()
    file = await upload(ada, content, "from the top.jpg")
    sent = await send(ada, room, file)
    assert sent.status == 201, sent.body
    event = (await bob.get(f"/v1/conversations/{room}/events"))["events"][-1]
    (told,) = event["body"]["attachments"]
    snapshot = (await bob.get(f"/v1/conversations/{room}/messages"))["messages"][-1]
    assert snapshot["attachments"] == [told]
    assert event["body"]["text"] == ""
    assert told["placeholder"].startswith("data:image/webp;base64,")
    assert len(told.pop("placeholder")) < 400
    assert told == {
        "id": file, "name": "from the top.jpg", "type": "image/jpeg", "size": len(content),
        "width": 640, "height": 320, "thumbnail": True,
    }  # fmt: skip
    assert (await api.stream(room))[-1].seq == event["seq"]
    got = await bob.call("GET", f"/v1/files/{file}")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, content, "image/jpeg")
    small = await bob.call("GET", f"/v1/files/{file}/thumbnail")
    assert Image.open(io.BytesIO(small.body)).size == (480, 240)
    info = await bob.get(f"/v1/files/{file}/info")
    assert schemas.File(unknown=RAISE).validate(info) == {}
    for path in (f"/v1/files/{file}", f"/v1/files/{file}/thumbnail", f"/v1/files/{file}/info"):
        assert await status(eve, path) == 404
        assert await status(api.nobody(), path) == 401


async def test_who_is_removed_or_came_later_does_not_see_the_file(api: RunningApi) -> None:
    ada, bob, late = await api.people(3)
    room = await ada.group_with(bob)
    file = await upload(ada, b"minutes of the meeting")
    assert (await send(ada, room, file)).status == 201
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    assert await status(late, f"/v1/files/{file}") == 404
    link = (await bob.get("/v1/file-links", ids=file))["links"][0]["url"]
    assert await status(bob, f"/v1/files/{file}") == 200
    assert await status(api.nobody(), link) == 200
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    assert await status(bob, f"/v1/files/{file}") == 404
    assert await status(api.nobody(), link) == 404
    assert (await bob.get("/v1/file-links", ids=file))["links"] == []


async def test_files_of_others_cannot_be_sent(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room, other = await ada.direct_with(bob), await bob.direct_with(eve)
    file = await upload(ada, b"secret")
    refused = (422, "invalid", "body.attachments")
    assert (await send(eve, other, file)).refusal == refused
    assert (await send(bob, other, file)).refusal == refused
    unfinished = (await announce(ada, 10)).headers["Location"].rpartition("/")[2]
    assert (await send(ada, room, unfinished)).refusal == refused
    assert (await send(ada, room, new_id())).refusal == refused
    assert (await send(ada, room, file, file)).refusal[:2] == (422, "invalid")
    assert (await send(ada, room, *[new_id() for _ in range(ATTACHMENTS_MAX + 1)])).status == 422
    assert (await send(ada, room)).refusal == (422, "invalid", "body.text")
    assert (await send(ada, room, file, text="for you")).status == 201
    # who was shown a file may pass it on, and then its readers see it
    assert await status(eve, f"/v1/files/{file}") == 404
    assert (await send(bob, other, file)).status == 201
    assert await status(eve, f"/v1/files/{file}") == 200


async def test_a_retry_finds_its_first_try_although_the_file_has_gone(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    file = await upload(ada, b"once")
    body = {"client_msg_id": "k", "body": {"text": "", "attachments": [file]}}
    first = await ada.post(f"/v1/conversations/{room}/messages", body)
    again = await ada.post(f"/v1/conversations/{room}/messages", body)
    assert (again["seq"], again["repeat"]) == (first["seq"], True)
    await ada.call("DELETE", f"/v1/conversations/{room}/messages/{first['seq']}")
    await api.database.execute("DELETE FROM files")
    again = await ada.post(f"/v1/conversations/{room}/messages", body)
    assert (again["seq"], again["repeat"]) == (first["seq"], True)


async def test_an_upload_goes_on_where_it_was_cut(api: RunningApi, settings: ApiSettings) -> None:
    (ada,) = await api.people(1)
    content = hashlib.shake_128(b"x").digest(200_000)
    where = (await announce(ada, len(content), "b.bin")).headers["Location"]

    host = urlsplit(api.url)
    _, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(
        f"PATCH {where} HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Bearer {ada.token}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 200000\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n".encode()
        + content[:100_000]
    )
    await writer.drain()
    spool = settings.files_dir / "spool"
    await wait_until(lambda: sum(path.stat().st_blocks for path in spool.glob("*")) > 0)
    writer.close()  # the client dies
    await writer.wait_closed()

    async def kept() -> bool:
        state = await ada.call("HEAD", where, headers=TUS)
        return int(state.headers["Upload-Offset"]) > 0

    await wait_until(kept)
    state = await ada.call("HEAD", where, headers=TUS)
    offset = int(state.headers["Upload-Offset"])
    assert state.headers["Upload-Length"] == "200000"
    assert state.headers["Cache-Control"] == "no-store"
    assert (await more(ada, where, 0, content)).refusal == (409, "conflict", "Upload-Offset")
    sent = await more(ada, where, offset, content[offset:])
    assert (sent.status, sent.headers["Upload-Offset"]) == (204, "200000")
    got = await ada.call("GET", where.replace("uploads", "files"))
    assert got.body == content
    assert got.headers["Content-Type"] == "application/octet-stream"
    left = [path for path in settings.files_dir.rglob("*") if path.is_file()]
    assert [path.parent.parent.name for path in left] == ["files"]


async def test_what_tus_asks_for(api: RunningApi) -> None:
    ada, eve = await api.people(2)
    about = await api.nobody().call("OPTIONS", "/v1/uploads")
    assert about.status == 204
    assert about.headers["Tus-Version"] == "1.0.0"
    assert about.headers["Tus-Max-Size"] == str(FILE_MAX_BYTES)
    made = await announce(ada, 5)
    where = made.headers["Location"]
    assert made.headers["Upload-Expires"].endswith("GMT")
    old = await ada.call("HEAD", where, headers={"Tus-Resumable": "0.2.2"})
    assert (old.status, old.headers["Tus-Version"]) == (412, "1.0.0")
    wrong = await more(ada, where, 0, b"hello", **{"Content-Type": "text/plain"})
    assert wrong.refusal == (415, "unsupported_type", "Content-Type")
    for caller, expected in ((eve, 404), (api.nobody(), 401)):
        assert (await more(caller, where, 0, b"hello")).status == expected
        assert (await caller.call("HEAD", where, headers=TUS)).status == expected
        assert (await caller.call("DELETE", where, headers=TUS)).status == expected
    bad = f"sha1 {base64.b64encode(hashlib.sha1(b'other').digest()).decode()}"  # noqa: S324
    answer = await more(ada, where, 0, b"he", **{"Upload-Checksum": bad})
    assert answer.status == 460
    assert (await more(ada, where, 0, b"he", **{"Upload-Checksum": "md5 AAAA"})).status == 422
    good = f"sha256 {base64.b64encode(hashlib.sha256(b'he').digest()).decode()}"
    assert (await more(ada, where, 0, b"he", **{"Upload-Checksum": good})).status == 204
    assert (await more(ada, where, 2, b"llo")).status == 204
    assert (await ada.call("GET", where.replace("uploads", "files"))).body == b"hello"
    assert (await ada.call("DELETE", where, headers=TUS)).status == 204
    assert await status(ada, where.replace("uploads", "files")) == 404
    empty = await upload(ada, b"", "nothing.txt")
    got = await ada.call("GET", f"/v1/files/{empty}")
    assert (got.status, got.body) == (200, b"")


async def test_limits_hold_while_bytes_come(
    api: RunningApi, settings: ApiSettings, issuer: TestIssuer
) -> None:
    (ada,) = await api.people(1)
    huge = await announce(ada, FILE_MAX_BYTES + 1)
    assert huge.refusal == (413, "too_large", "Upload-Length")
    where = (await announce(ada, 10)).headers["Location"]
    assert (await more(ada, where, 0, b"x" * 11)).refusal == (413, "too_large", "Upload-Length")
    assert (await ada.call("HEAD", where, headers=TUS)).headers["Upload-Offset"] == "0"
    async with running_api(replace(settings, files_quota_bytes=25), issuer) as small:
        one = Caller(small, ada.token, ada.id)
        await upload(one, b"x" * 10)
        assert (await announce(one, 6)).refusal == (413, "too_large", "quota")
        page = await one.get("/v1/files")
        assert schemas.FilePage(unknown=RAISE).validate(page) == {}
        assert (page["used_bytes"], page["quota_bytes"], len(page["files"])) == (20, 25, 1)
        await one.call("DELETE", where, headers=TUS)
        blobs = LocalBlobs(settings.files_dir)
        assert await collect(Files(small.database), blobs) == 1
        assert (await announce(one, 6)).status == 201


@pytest.mark.parametrize(
    ("name", "claim", "content"),
    [
        ("cat.jpg", "", b"<html><script>alert(1)</script></html>"),
        ("cat", "image/png", b"plain text"),
        ("song.mp3", "", b"%PDF-1.7\n"),
        ("setup", "", b"MZ\x90\x00\x03\x00\x00\x00" + b"\0" * 60),
        ("notes.txt", "text/plain", b"\x7fELF\x02\x01\x01" + b"\0" * 60),
    ],
)
async def test_content_decides_and_not_the_name(
    api: RunningApi, name: str, claim: str, content: bytes
) -> None:
    (ada,) = await api.people(1)
    where = (await announce(ada, len(content), name, claim)).headers["Location"]
    assert (await more(ada, where, 0, content)).refusal == (415, "unsupported_type", "")
    assert await status(ada, where.replace("uploads", "files")) == 404
    assert (await ada.call("HEAD", where, headers=TUS)).status == 404


async def test_content_is_served_so_that_it_can_do_nothing(api: RunningApi) -> None:
    (ada,) = await api.people(1)
    pages = [
        ("page.html", b"<!doctype html><script>alert(1)</script>", "text/plain; charset=utf-8"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=utf-8"),
        ("a.pdf", b"%PDF-1.7\n", "application/pdf"),
        ("信 \u202egpj.exe.txt", b"\x00\x01\x02", "application/octet-stream"),
    ]
    for name, content, kind in pages:
        file = await upload(ada, content, name)
        got = await ada.call("GET", f"/v1/files/{file}")
        assert got.headers["Content-Type"] == kind
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("sandbox")
        assert got.headers["Cache-Control"] == "private, no-cache"
        wanted = "inline" if kind.startswith("text/") else "attachment"
        assert got.headers["Content-Disposition"].startswith(wanted)
    disposition = got.headers["Content-Disposition"]
    assert disposition.endswith("filename*=UTF-8''%E4%BF%A1%20gpj.exe.txt")


async def test_ranges_and_conditions(api: RunningApi) -> None:
    (ada,) = await api.people(1)
    content = bytes(range(256)) * 10
    path = f"/v1/files/{await upload(ada, content, 'x.bin')}"

    async def get(**headers: str) -> Answer:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await ada.call("GET", path, headers=named)

    etag = (await get()).headers["Etag"]
    for header, body, where in [
        ("bytes=0-9", content[:10], "bytes 0-9/2560"),
        ("bytes=2550-", content[2550:], "bytes 2550-2559/2560"),
        ("bytes=-5", content[-5:], "bytes 2555-2559/2560"),
        ("bytes=2000-999999", content[2000:], "bytes 2000-2559/2560"),
    ]:
        part = await get(Range=header)
        assert (part.status, part.body, part.headers["Content-Range"]) == (206, body, where)
    beyond = await get(Range="bytes=2560-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */2560")
    for header in ("bytes=5-1", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "nonsense"):
        assert (await get(Range=header)).status == 200
    assert (await get(Range="bytes=0-9", If_Range='"other"')).status == 200
    assert (await get(Range="bytes=0-9", If_Range=etag)).status == 206
    same = await get(If_None_Match=f'"a", W/{etag}')
    assert (same.status, same.body, same.headers["Etag"]) == (304, b"", etag)


async def test_links_are_for_one_person_one_session_and_some_minutes(
    api: RunningApi, issuer: TestIssuer
) -> None:
    ada, eve = await api.people(2)
    file = await upload(ada, picture(), "a.jpg")
    answer = await ada.get("/v1/file-links", ids=f"{file},{new_id()}")
    assert schemas.FileLinks(unknown=RAISE).validate(answer) == {}
    (link,) = answer["links"]
    assert (await ada.get("/v1/file-links", ids=file))["links"] == [link]
    nobody = api.nobody()
    assert (await nobody.call("GET", link["url"])).body == picture()
    assert await status(nobody, link["thumbnail_url"]) == 200
    assert await status(nobody, link["url"][:-2] + "AA") == 404
    assert await status(nobody, "/v1/linked-files/nonsense") == 404
    assert (await eve.get("/v1/file-links", ids=file))["links"] == []


async def test_a_picture_is_turned_upright_and_loses_what_it_tells(api: RunningApi) -> None:
    (ada,) = await api.people(1)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "SECRETCAMERA"
    file = await upload(ada, picture((200, 100), exif=exif), "p.jpg")
    info = await ada.get(f"/v1/files/{file}/info")
    assert (info["width"], info["height"]) == (100, 200)
    small = (await ada.call("GET", f"/v1/files/{file}/thumbnail")).body
    assert b"SECRETCAMERA" not in small
    shown = Image.open(io.BytesIO(small))
    assert shown.size == (100, 200)
    assert not shown.getexif()
    right_top = shown.convert("RGB").getpixel((90, 10))  # was at the left top
    assert isinstance(right_top, tuple)
    assert right_top[0] > 200


def bomb() -> bytes:
    """A PNG of few bytes that says it has 60,000 × 60,000 pixels."""
    small = picture((1, 1), "PNG")
    head = struct.pack(">II", 60_000, 60_000) + small[24:29]

    return small[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + small[33:]


@pytest.mark.parametrize(("content", "name"), [(bomb(), "bomb.png"), (picture()[:500], "cut.jpg")])
async def test_a_picture_that_cannot_be_read_is_a_download(
    api: RunningApi, content: bytes, name: str
) -> None:
    (ada,) = await api.people(1)
    file = await upload(ada, content, name)
    info = await ada.get(f"/v1/files/{file}/info")
    assert "thumbnail" not in info
    assert "width" not in info
    got = await ada.call("GET", f"/v1/files/{file}")
    assert got.body == content
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert await status(ada, f"/v1/files/{file}/thumbnail") == 404


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
async def test_pictures_of_all_kinds(api: RunningApi, kind: str) -> None:
    (ada,) = await api.people(1)
    file = await upload(ada, picture((60, 40), kind), f"a.{kind.lower()}")
    info = await ada.get(f"/v1/files/{file}/info")
    assert (info["width"], info["height"], info["thumbnail"]) == (60, 40, True)


async def test_what_nothing_refers_to_is_collected(api: RunningApi, settings: ApiSettings) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    kept, recalled, unsent = [await upload(ada, b"x" * 10) for _ in range(3)]
    await announce(ada, 10)
    assert (await send(ada, room, kept)).status == 201
    seq = (await send(ada, room, recalled, kept)).json["seq"]
    blobs, files = LocalBlobs(settings.files_dir), Files(api.database)
    assert await collect(files, blobs) == 0
    await ada.call("DELETE", f"/v1/conversations/{room}/messages/{seq}")
    assert await status(bob, f"/v1/files/{recalled}") == 404
    assert await status(bob, f"/v1/files/{kept}") == 200
    await api.database.execute("UPDATE files SET kept_until = kept_until - interval '2 days'")
    assert await collect(files, blobs) == 3
    assert await collect(files, blobs) == 0
    assert await status(ada, f"/v1/files/{unsent}") == 404
    assert await status(bob, f"/v1/files/{kept}") == 200
    assert len([path for path in settings.files_dir.rglob("*") if path.is_file()]) == 1
    assert (await ada.get("/v1/files"))["used_bytes"] == 10
    answer = await ada.call("DELETE", f"/v1/uploads/{kept}", headers=TUS)
    assert answer.refusal == (409, "conflict", "")


async def test_a_client_of_others_uploads_in_pieces(
    api: RunningApi, tmp_path: Path, settings: ApiSettings
) -> None:
    (ada,) = await api.people(1)
    content = hashlib.shake_128(b"tus").digest(300_000)
    source = tmp_path / "source.bin"
    source.write_bytes(content)

    def send_with_tuspy() -> str:
        client = TusClient(f"{api.url}/v1/uploads", {"Authorization": f"Bearer {ada.token}"})
        with source.open("rb") as stream:
            uploader = client.uploader(
                file_stream=stream,
                chunk_size=100_000,
                metadata={"filename": "資料.bin"},
                upload_checksum=True,
            )
            uploader.upload_chunk()
        with source.open("rb") as stream:  # another program goes on with it
            client.uploader(file_stream=stream, chunk_size=70_000, url=uploader.url).upload()
        return str(uploader.url)

    where = await asyncio.to_thread(send_with_tuspy)
    file = where.rpartition("/")[2]
    assert (await ada.call("GET", f"/v1/files/{file}")).body == content
    assert (await ada.get(f"/v1/files/{file}/info"))["name"] == "資料.bin"
