"""Storing, reading and sharing the files of a space."""

from __future__ import annotations

import asyncio
import io
import secrets
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from yunbox.caller import Caller
from yunbox.documents.rules import Rules, rules_of_mode
from yunbox.documents.rules.decision import missing
from yunbox.documents.rules.judge import auth_of
from yunbox.errors import AlreadyExists, InvalidRequest, LimitExceeded, PermissionDenied, YunboxError
from yunbox.errors import FileNotFound as NoSuchFile
from yunbox.files.keys import check_key
from yunbox.files.mime import choose
from yunbox.files.rules import CUSTOM, FileRules, Verb, file_rules
from yunbox.files.stored import FileIndex, StoredFile
from yunbox.files.stores import ObjectReader, ObjectStore, ObjectWriter
from yunbox.files.tickets import TicketSigner, UploadTicket
from yunbox.quotas.account import Account
from yunbox.quotas.items import MB
from yunbox.quotas.service import QuotaService
from yunbox.spaces import Space, SpaceService
from yunbox.statistics import Kind, StatisticsService
from yunbox.tools.clock import MACHINE, Clock

UPLOAD_SECONDS = 3600
LINK_SECONDS = 7200
_BATCH = 2**20
_RULES = "files"
_UNLIMITED = 2**62
_PUBLIC_MODES = ("READONLY", "ADMINWRITE")
_USER_WRITE_MODES = ("READONLY", "PRIVATE")


@dataclass(slots=True)
class OpenFile:
    """A file and its bytes. Close the reader."""

    file: StoredFile
    reader: ObjectReader


@dataclass(slots=True)
class Sent:
    """How many bytes of a file went out; ``None`` as long as none were asked for."""

    bytes: int | None = None

    def add(self, size: int) -> None:
        self.bytes = (self.bytes or 0) + size


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of a listing; ``marker`` continues it, and is ``""`` at the end."""

    files: list[StoredFile]
    marker: str


class FileService:
    """The files of all spaces. Metadata is in ``files.sqlite`` of each space, bytes are in ``store``.

    ``statistics`` counts uploads and downloads; ``quotas`` says whether a space may have more of them.
    """

    def __init__(
        self,
        spaces: SpaceService,
        store: ObjectStore,
        signing_key: bytes,
        max_upload: int = 100 * 2**20,
        clock: Clock = MACHINE,
        *,
        statistics: StatisticsService | None = None,
        quotas: QuotaService | None = None,
    ) -> None:
        self._clock = clock
        self._spaces = spaces
        self._store = store
        self._max_upload = max_upload
        self._indexes: dict[str, FileIndex] = {}
        self._opening = threading.Lock()
        self._signer = TicketSigner(signing_key, clock)
        self._statistics = statistics
        self._quotas = quotas
        if quotas is not None:
            quotas.measured_by("storage_mb", lambda space: self.usage(space)[1] / MB)
        spaces.on_delete(self._forget)

    def close(self) -> None:
        """Close every file; a later call opens them again."""
        with self._opening:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()

    def _forget(self, space: str) -> None:
        with self._opening:
            if index := self._indexes.pop(space, None):
                index.close()

    def _index(self, space: str) -> FileIndex:
        found = self._indexes.get(space)
        if found is not None:
            return found
        with self._opening:
            if space not in self._indexes:
                self._store.sweep(self._spaces.get(space).id)
                self._indexes[space] = FileIndex(self._spaces.get(space).directory / "files.sqlite")
            return self._indexes[space]

    # Rules

    def mode(self, space: str) -> str:
        """The space's storage mode (tencent-client.md §12.2)."""
        return str(self._spaces.get(space).settings.get("storage_rule", "READONLY"))

    def rules(self, space: str) -> FileRules:
        """The security rules of the mode ``CUSTOM``; without any, nobody may do anything.

        Raises:
            InvalidRequest: when what is stored cannot be read.
        """
        return file_rules(self._spaces.rule(space, _RULES, "") or {})

    def set_rules(self, space: str, written: Mapping[str, Any]) -> FileRules:
        """Let security rules say who may read and write files, from now on.

        Raises:
            InvalidRequest: when they cannot be read; nothing has changed then.
        """
        rules = file_rules(written)
        self._spaces.set_rule(space, _RULES, "", rules.to_json())
        self._spaces.set(space, {"storage_rule": CUSTOM})
        return rules

    def is_public(self, space: str, key: str) -> bool:
        """Whether everybody may read the file at a plain address, be there one or not."""
        return not self.missing("read", Caller("guest", space), self._index(space).get(key))

    def grants(self, space: str) -> Rules:
        """Who surely may read and write files, for those who know only plain grants."""
        mode = self.mode(space)
        return self.rules(space).grants() if mode == CUSTOM else rules_of_mode(mode)

    def may_read(self, caller: Caller, file: StoredFile) -> bool:
        return not self.missing("read", caller, file)

    def may_write(self, caller: Caller, existing: StoredFile | None) -> bool:
        """Whether the caller may create a file, or replace or delete the ``existing`` one."""
        return not self.missing("write", caller, existing)

    def missing(self, verb: Verb, caller: Caller, file: StoredFile | None) -> str:
        """``""`` when the caller may read or write a file (``None``: a new one); else the condition that it does not meet."""
        if why := self._spaces.sharing.missing_for_files(caller, writes=verb == "write"):
            return why
        mode = self.mode(caller.space)
        if caller.is_admin:
            return ""
        if mode == CUSTOM:
            return self._missing_by_rules(verb, caller, file)
        allowed = _may_write(mode, caller.owner, file) if verb == "write" else _may_read(mode, caller.owner, file)
        return "" if allowed else f"the storage mode {mode} does not allow it"

    def _missing_by_rules(self, verb: Verb, caller: Caller, file: StoredFile | None) -> str:
        guests = self._spaces.get(caller.space).settings.get("allow_guests", False)
        if verb == "write" and caller.kind == "guest" and not guests:
            return "sign in first / 请先登录"
        try:
            rule = self.rules(caller.space).expressions[verb]
        except InvalidRequest as error:
            return error.message
        resource = {"openid": file.owner if file is not None else caller.owner}
        return missing(rule, auth=auth_of(caller), now=self._clock.now_ms(), resource=resource)

    # Uploads

    def prepare_upload(
        self,
        caller: Caller,
        key: str,
        content_type: str | None = None,
        max_size: int | None = None,
        overwrite: bool = True,
        seconds: int = UPLOAD_SECONDS,
    ) -> UploadTicket:
        """A ticket to store one file under ``key`` within ``seconds``.

        Raises:
            InvalidRequest: for an unusable key.
            PermissionDenied: when the rules do not let the caller write it.
            AlreadyExists: when it exists and ``overwrite`` is false.
            QuotaExceeded: when the space may upload no more, or is full.
        """
        if (account := self._account(caller.space)) is not None:
            account.check("upload")
            account.check_room("storage_mb")
        return self._ticket(caller, key, content_type, max_size, overwrite, seconds)

    def _account(self, space: str) -> Account | None:
        return self._quotas.account(space) if self._quotas is not None else None

    def _ticket(
        self,
        caller: Caller,
        key: str,
        content_type: str | None = None,
        max_size: int | None = None,
        overwrite: bool = True,
        seconds: int = UPLOAD_SECONDS,
    ) -> UploadTicket:
        existing = self._index(caller.space).get(check_key(key))
        if why := self.missing("write", caller, existing):
            raise _write_denied(key, why)
        if existing is not None and not overwrite:
            raise _exists(key)
        return UploadTicket(
            space=caller.space,
            key=key,
            id=existing.id if existing else secrets.token_hex(16),
            owner=None if caller.is_admin else caller.owner,
            admin=caller.is_admin,
            max_size=min(max_size or self._max_upload, self._max_upload),
            overwrite=overwrite,
            content_type=content_type or "",
            expires_at=int(self._clock()) + seconds,
        )

    def sign_ticket(self, ticket: UploadTicket) -> tuple[str, str]:
        """The ticket as text for a client: (claims, signature). Both are URL-safe."""
        claims = self._signer.claims(ticket)
        return claims, self._signer.signature(claims)

    def read_ticket(self, claims: str, signature: str) -> UploadTicket:
        """The ticket behind the two texts.

        Raises:
            Unauthenticated: when it is not ours or has expired.
        """
        return self._signer.read(claims, signature)

    async def receive(
        self,
        ticket: UploadTicket,
        stream: AsyncIterator[bytes],
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> StoredFile:
        """Store what ``stream`` yields under the ticket's key; durable and visible when this returns.

        ``headers`` (``cache-control``, ``x-meta-…``) are kept and repeated by downloads.

        Raises:
            LimitExceeded: when there are more bytes than the ticket allows.
            PermissionDenied, AlreadyExists: when the file at this key has changed since the ticket was made.
            QuotaExceeded: when the space may upload no more, or is full.
        """
        self._index(ticket.space)  # opening it sweeps, which must not take the new object away
        if (account := self._account(ticket.space)) is None:
            stored = await self._receive(ticket, stream, content_type, headers)
        else:
            with account.taking("upload"):
                account.check_room("storage_mb")
                stored = await self._receive(ticket, stream, content_type, headers)
        self._count(ticket.space, "upload", received=stored.size)
        return stored

    def _count(self, space: str, kind: Kind, *, received: int = 0, sent: int = 0) -> None:
        # Whose transfer it is was counted when the link or the ticket was asked for.
        if self._statistics is not None:
            self._statistics.count(Caller("guest", space), kind, "files", received=received, sent=sent)

    async def _receive(
        self,
        ticket: UploadTicket,
        stream: AsyncIterator[bytes],
        content_type: str,
        headers: Mapping[str, str] | None,
    ) -> StoredFile:
        writer = await asyncio.to_thread(self._store.create, ticket.space)
        try:
            await _copy_stream(stream, writer, ticket.max_size)
            return await asyncio.to_thread(self._publish, ticket, writer, content_type, headers or {})
        finally:
            await asyncio.to_thread(writer.discard)

    async def put(
        self, caller: Caller, key: str, data: bytes, content_type: str = "", headers: Mapping[str, str] | None = None
    ) -> StoredFile:
        """Store ``data`` under ``key`` at once; raises what :meth:`prepare_upload` and :meth:`receive` raise."""
        return await self.receive(self.prepare_upload(caller, key), _one(data), content_type, headers)

    async def put_file(self, caller: Caller, key: str, file: BinaryIO, content_type: str = "") -> StoredFile:
        """Store what is left to read of ``file``, however long, under ``key``; raises what :meth:`put` raises."""
        ticket = replace(self.prepare_upload(caller, key), max_size=_UNLIMITED)
        return await self.receive(ticket, _pieces(file), content_type)

    def _publish(
        self, ticket: UploadTicket, writer: ObjectWriter, content_type: str, headers: Mapping[str, str]
    ) -> StoredFile:
        if (account := self._account(ticket.space)) is not None:
            account.check_room("storage_mb", writer.size / MB)
        digest = writer.finish()
        index = self._index(ticket.space)
        with index.lock:
            existing = index.get(ticket.key)
            self._check_replace(ticket, existing)
            now = self._clock.now_ms()
            file = StoredFile(
                key=ticket.key,
                id=existing.id if existing else ticket.id,
                hash=digest,
                size=writer.size,
                content_type=choose(ticket.key, ticket.content_type or content_type),
                owner=existing.owner if existing else ticket.owner,
                created_at=existing.created_at if existing else now,
                modified_at=now,
                headers=dict(headers),
            )
            writer.publish()
            index.put(file)
            self._release(index, ticket.space, existing)
        return file

    def _check_replace(self, ticket: UploadTicket, existing: StoredFile | None) -> None:
        if existing is None:
            return
        if not ticket.overwrite:
            raise _exists(ticket.key)
        # The very file that the rules let it replace, or one of its own that has come since.
        if not ticket.admin and existing.id != ticket.id and existing.owner != ticket.owner:
            raise _write_denied(ticket.key, "somebody else has stored a file there meanwhile")

    def _release(self, index: FileIndex, space: str, old: StoredFile | None) -> None:
        if old is not None and not index.uses(old.hash):
            self._store.delete(space, old.hash)

    # Reading

    def stat(self, space: str, key: str) -> StoredFile:
        """The file under ``key``.

        Raises:
            FileNotFound: when there is none.
        """
        found = self._index(space).get(key)
        if found is None:
            raise _missing(key)
        return found

    def find(self, space: str, file_id: str) -> StoredFile:
        """The file with this id (:attr:`StoredFile.id`).

        Raises:
            FileNotFound: when there is none.
        """
        found = self._index(space).by_id(file_id)
        if found is None:
            raise _missing(file_id)
        return found

    def open(self, space: str, key: str) -> OpenFile:
        """The file and its bytes; a replaced or deleted file stays readable until it is closed.

        Raises:
            FileNotFound: when there is none.
        """
        for _ in range(3):
            file = self.stat(space, key)
            with suppress(FileNotFoundError):  # replaced between the two steps
                return OpenFile(file, self._store.open(space, file.hash))
        raise _missing(key)

    def check_download(self, space: str) -> None:
        """
        Raises:
            QuotaExceeded: when the space may download no more.
        """
        if (account := self._account(space)) is not None:
            account.check("download")

    @contextmanager
    def downloading(self, space: str) -> Iterator[Sent]:
        """Count one download: what is added to the value.

        Raises:
            QuotaExceeded: when the space may download no more.
        """
        sent, account = Sent(), self._account(space)
        with account.taking("download") if account is not None else nullcontext():
            try:
                yield sent
            finally:
                if sent.bytes is not None:
                    self._count(space, "download", sent=sent.bytes)

    def open_file(self, space: str, key: str) -> BinaryIO:
        """The bytes of a file as a file object, to be closed.

        Raises:
            FileNotFound: when there is none.
        """
        return io.BufferedReader(_Bytes(self.open(space, key).reader), _BATCH)

    async def read(self, space: str, key: str) -> bytes:
        """All bytes of a file.

        Raises:
            FileNotFound: when there is none.
        """
        return await asyncio.to_thread(self._read, space, key)

    def _read(self, space: str, key: str) -> bytes:
        opened = self.open(space, key)
        try:
            return opened.reader.read(0, opened.file.size)
        finally:
            opened.reader.close()

    def list(self, space: str, prefix: str = "", marker: str = "", limit: int = 1000) -> FilePage:
        """Files whose key starts with ``prefix`` and comes after ``marker``, in the order of their keys."""
        found = self._index(space).list(prefix, marker, limit + 1)
        more = len(found) > limit
        return FilePage(found[:limit], found[limit - 1].key if more else "")

    def usage(self, space: str) -> tuple[int, int]:
        """How many files the space holds, and their bytes."""
        return self._index(space).usage()

    # Links

    def temporary_url(self, space: str, key: str, max_age: int = LINK_SECONDS) -> str:
        """A link to the file that works for ``max_age`` seconds in every mode: path and query, without the origin.

        Characters are not percent-encoded, because the SDKs encode the whole link once more (tencent-server-wire.md §8).
        """
        expires_at = int(self._clock()) + max_age
        sign = self._signer.link(space, key, expires_at)
        return f"{self.public_path(self._spaces.get(space), key)}?sign={sign}&t={expires_at}"

    def check_link(self, space: str, key: str, sign: str, expires_at: str) -> bool:
        """Whether the ``sign`` and ``t`` of a link are ours and still hold."""
        return self._signer.check_link(space, key, sign, expires_at)

    @staticmethod
    def public_path(space: Space, key: str) -> str:
        """The path of the file's plain address, not percent-encoded."""
        if set(key) & _UNSAFE_IN_LINK:
            return f"/files/{space.bucket}/~/{key.encode().hex()}"
        return f"/files/{space.bucket}/{key}"

    # Changing

    async def delete(self, caller: Caller, keys: Iterable[str]) -> dict[str, YunboxError | None]:
        """Delete files. For each key ``None``, or why it was not deleted (``FileNotFound``, ``PermissionDenied``)."""
        return await asyncio.to_thread(lambda: {key: self._delete(caller, key) for key in keys})

    def _delete(self, caller: Caller, key: str) -> YunboxError | None:
        index = self._index(caller.space)
        with index.lock:
            existing = index.get(key)
            if existing is None:
                return _missing(key)
            if why := self.missing("write", caller, existing):
                return _write_denied(key, why)
            index.delete(key)
            self._release(index, caller.space, existing)
        return None

    async def copy(
        self, caller: Caller, source: str, target: str, overwrite: bool = True, move: bool = False
    ) -> StoredFile:
        """Copy (or move) a file inside the space; the bytes are shared.

        Raises:
            FileNotFound: when ``source`` does not exist.
            InvalidRequest, PermissionDenied, AlreadyExists: as in :meth:`prepare_upload`.
        """
        return await asyncio.to_thread(self._copy, caller, source, target, overwrite, move)

    def _copy(self, caller: Caller, source: str, target: str, overwrite: bool, move: bool) -> StoredFile:
        index = self._index(caller.space)
        with index.lock:
            original = self.stat(caller.space, source)
            if (account := self._account(caller.space)) is not None and not move:
                account.check_room("storage_mb", original.size / MB)
            ticket = self._ticket(caller, target, overwrite=overwrite)
            if not self.may_read(caller, original) or (move and not self.may_write(caller, original)):
                raise PermissionDenied(f"no permission on the file `{source}` / 没有操作该文件的权限")
            if source == target:
                return original
            replaced = index.get(target)
            now = self._clock.now_ms()
            file = replace(
                original,
                key=target,
                id=ticket.id,
                owner=ticket.owner,
                modified_at=now,
                created_at=replaced.created_at if replaced else now,
            )
            index.put(file)
            self._release(index, caller.space, replaced)
            if move:
                index.delete(source)
        return file


_UNSAFE_IN_LINK = frozenset('%?#\\"<>^`{|}')


def _may_read(mode: str, owner: str | None, file: StoredFile | None) -> bool:
    if mode in _PUBLIC_MODES:
        return True
    return mode == "PRIVATE" and owner is not None and file is not None and owner == file.owner


def _may_write(mode: str, owner: str | None, existing: StoredFile | None) -> bool:
    if owner is None or mode not in _USER_WRITE_MODES:
        return False
    return existing is None or existing.owner == owner


async def _copy_stream(stream: AsyncIterator[bytes], writer: ObjectWriter, max_size: int) -> None:
    batch: list[bytes] = []
    waiting = total = 0
    async for chunk in stream:
        total += len(chunk)
        if total > max_size:
            raise LimitExceeded(f"the file is larger than {max_size} bytes / 文件超过大小限制", limit=max_size)
        batch.append(chunk)
        waiting += len(chunk)
        if waiting >= _BATCH:
            await asyncio.to_thread(writer.write, b"".join(batch))
            batch, waiting = [], 0
    if batch:
        await asyncio.to_thread(writer.write, b"".join(batch))


class _Bytes(io.RawIOBase):
    """An open object as Python's file objects are."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._reader.close()
        super().close()


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _BATCH):
        yield piece


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _missing(key: str) -> NoSuchFile:
    return NoSuchFile(f"the file `{key}` does not exist / 文件不存在", key=key)


def _exists(key: str) -> AlreadyExists:
    return AlreadyExists(f"the file `{key}` exists already / 文件已存在", key=key)


def _write_denied(key: str, why: str) -> PermissionDenied:
    return PermissionDenied(f"no permission to write the file `{key}` / 没有写入该文件的权限: {why}", key=key)
