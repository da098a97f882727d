"""Documents as callers see them: rules, owners, ids and limits in front of a space's engine."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents import metering
from yunbox.documents.dialects import Dialect
from yunbox.documents.owner_field import OwnerFields, writes_owner_field
from yunbox.documents.rules import PRIVATE, Rules, rules_from_json
from yunbox.documents.rules.judge import Judge
from yunbox.documents.rules.permit import OWNER, Permit, check_stages
from yunbox.documents.stores import Engine
from yunbox.errors import AlreadyExists, CollectionNotFound, DuplicateKey, InvalidRequest, PermissionDenied, QueryError
from yunbox.quotas.account import Account
from yunbox.quotas.items import MB
from yunbox.quotas.service import QuotaService
from yunbox.spaces import Space, SpaceService
from yunbox.spaces.sharing import Sharing
from yunbox.statistics import StatisticsService
from yunbox.tools.clock import MACHINE, Clock

_FORGOTTEN_AFTER_S = 60
_READS = (c.Find, c.Count, c.Distinct, c.Aggregate)
_SHARED_WRITES = (c.Insert, c.Update, c.Delete, c.FindAndModify, c.CreateCollection)
_TIMED = (*_READS, c.Update, c.Delete, c.FindAndModify)


@dataclass(frozen=True, slots=True)
class _Transaction:
    space: str
    owner: str | None
    is_admin: bool
    started: float


class DocumentService:
    """The documents of all spaces. Engines open on first use.

    ``default_rule(space)`` is the rule of a collection that a write through a dialect with ``creates_collections``
    brings into being (DESIGN §9.3). ``vendor_limits`` applies the two clouds' exact numbers (DESIGN §9.11).
    ``statistics`` counts reads and writes; ``quotas`` says whether a space may have more of them.
    """

    def __init__(
        self,
        spaces: SpaceService,
        open_engine: Callable[[Space], Engine],
        *,
        default_rule: Callable[[Space], Rules],
        may_create: Callable[[Space], bool],
        vendor_limits: bool = False,
        statistics: StatisticsService | None = None,
        quotas: QuotaService | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self._clock = clock
        self._spaces = spaces
        self._open_engine = open_engine
        self._default_rule = default_rule
        self._may_create = may_create
        self._vendor = vendor_limits
        self._statistics = statistics
        self._quotas = quotas
        if quotas is not None:
            quotas.measured_by("db_mb", lambda space: self.engine(space).used_bytes() / MB)
            quotas.measured_by("collections", lambda space: self.engine(space).count_collections())
        self._engines: dict[str, Engine] = {}
        self._transactions: dict[str, _Transaction] = {}
        self._on_rules: list[Callable[[str, str], None]] = []
        self.owner_fields = OwnerFields(spaces)
        spaces.on_delete(self._close_engine)

    def engine(self, space_id: str) -> Engine:
        """The engine of a space, without rules or limits: for administration, imports and exports.

        Raises:
            SpaceNotFound: when there is no such space.
        """
        engine = self._engines.get(space_id)
        if engine is None:
            engine = self._engines[space_id] = self._open_engine(self._spaces.get(space_id))
        return engine

    def _close_engine(self, space_id: str) -> None:
        if engine := self._engines.pop(space_id, None):
            engine.close()

    def close(self) -> None:
        for space_id in list(self._engines):
            self._close_engine(space_id)

    async def run(self, caller: Caller, dialect: Dialect, command: c.Command, *, transaction: str | None = None) -> Any:
        """Run ``command`` in the caller's space as the caller may; the result is the command's.

        Raises:
            PermissionDenied, CollectionNotFound, DuplicateKey, WriteConflict, QueryError, InvalidRequest.
            QuotaExceeded: when the space has used up what it may.
        """
        if caller.is_admin and not dialect.shows_owner and writes_owner_field(command):
            self.owner_fields.add(caller.space, str(getattr(command, "collection", "")))
        account = self._quotas.account(caller.space) if self._quotas is not None else None
        if account is None:
            result = await self._counted(caller, dialect, command, transaction)
        else:
            result = await self._limited(account, caller, dialect, command, transaction)
        return result if self.shows_owner(caller.space, dialect, command) else _without_owner(result)

    def shows_owner(self, space_id: str, dialect: Dialect, command: c.Command) -> bool:
        """Whether what ``command`` finds carries `_openid`."""
        return dialect.shows_owner or (space_id, str(getattr(command, "collection", ""))) in self.owner_fields

    async def _limited(
        self, account: Account, caller: Caller, dialect: Dialect, command: c.Command, transaction: str | None
    ) -> Any:
        """The result of a command that the limits of its space allow."""
        metering.check_capacity(account, self.engine(caller.space), command)
        kinds = Tally(kind for kind, _ in metering.entries(command))
        with contextlib.ExitStack() as held:
            for kind, amount in kinds.items():
                account.take(kind, amount)
                held.callback(account.give_back, kind, amount)
            async with account.operations or contextlib.nullcontext():
                return await self._counted(caller, dialect, command, transaction)

    async def _counted(self, caller: Caller, dialect: Dialect, command: c.Command, transaction: str | None) -> Any:
        started, failed = time.perf_counter(), True
        try:
            result = await self._run(caller, dialect, command, transaction)
            failed = False
        finally:
            self._count(caller, command, failed, (time.perf_counter() - started) * 1000)
        return result

    def _count(self, caller: Caller, command: c.Command, failed: bool, duration_ms: float) -> None:
        if self._statistics is None:
            return
        for kind, name in metering.entries(command):
            # Clients choose names, so only those of collections are kept.
            known = name if not failed or self.engine(caller.space).has_collection(name) else ""
            self._statistics.count(caller, kind, known, failed=failed, duration_ms=duration_ms)

    def check_room(self, space_id: str) -> None:
        """
        Raises:
            QuotaExceeded: when the space's documents take all that they may.
        """
        if self._quotas is not None and (account := self._quotas.account(space_id)) is not None:
            account.check_room("db_mb")

    def count_watch(self, caller: Caller, collection: str) -> None:
        """Count the beginning of a watch, which reads its query once.

        Raises:
            QuotaExceeded: when the space may read no more.
        """
        if self._quotas is not None and (account := self._quotas.account(caller.space)) is not None:
            account.check("read")
        self._count(caller, c.Find(collection), failed=False, duration_ms=0.0)

    async def _run(self, caller: Caller, dialect: Dialect, command: c.Command, transaction: str | None) -> Any:
        engine = self.engine(caller.space)
        if transaction is not None:
            self._check_transaction(caller, transaction)
        prepared = await self.narrow(caller, dialect, command)
        try:
            return await engine.run(prepared, transaction=transaction)
        except CollectionNotFound:
            if not (dialect.creates_collections and _creates(prepared)):
                raise
            await self._create_for(caller, prepared)
            return await engine.run(prepared, transaction=transaction)
        except DuplicateKey:
            if not caller.is_admin and getattr(prepared, "upsert", False):
                raise PermissionDenied("permission denied: the document belongs to somebody else") from None
            raise

    # What the caller asked, completed and narrowed

    async def narrow(self, caller: Caller, dialect: Dialect, command: c.Command) -> c.Command:
        """``command`` as :meth:`run` gives it to the engine: completed, bounded, and narrowed by the rules.

        Raises:
            PermissionDenied: naming what is missing.
        """
        if caller.grantee is not None:
            self._check_granted(caller, command)
        if isinstance(command, c.CreateCollection):
            self._check_create_collection(caller)
            return command
        if isinstance(command, c.Explain) and isinstance(command.command, c.Aggregate):
            return replace(command, command=await self.narrow(caller, dialect, command.command))
        command = self._bounded(caller, dialect, command)
        command = _completed(dialect, command)
        if isinstance(command, c.Find) and not self.shows_owner(caller.space, dialect, command):
            command = replace(command, hide=(*command.hide, OWNER))
        if caller.is_admin:
            return _keeping_owner(dialect, command)
        return _keeping_owner(dialect, await self._permitted(caller, dialect, command))

    def _check_granted(self, caller: Caller, command: c.Command) -> None:
        """See that a caller from another space asks for no more than is granted to it."""
        sharing = self._spaces.sharing
        if isinstance(command, c.Bulk):
            for one in command.commands:
                self._check_granted(caller, one)
            return
        if not isinstance(command, (*_READS, *_SHARED_WRITES)):
            raise PermissionDenied(f"permission denied: {type(command).__name__} is not granted to other spaces")
        name = command.name if isinstance(command, c.CreateCollection) else command.collection
        sharing.check_documents(caller, name, writes=not isinstance(command, _READS))
        if isinstance(command, c.Aggregate):
            check_stages(command.pipeline, lambda foreign: _is_granted(sharing, caller, foreign), _stage_denied)

    async def _permitted(self, caller: Caller, dialect: Dialect, command: c.Command) -> c.Command:
        """``command`` as a client may run it."""
        collection, rules = self._rules_for(caller, dialect, command)

        def readable(foreign: str) -> bool:
            return self.rules(caller.space, foreign).read == "all"

        if rules.security is None:
            return Permit(caller, collection, rules, readable).apply(command)
        read = partial(self._read_one, caller.space)
        return await Judge(caller, collection, rules.security, readable, read, self._clock.now_ms()).apply(command)

    def _rules_for(self, caller: Caller, dialect: Dialect, command: c.Command) -> tuple[str, Rules]:
        """The collection that a client's command is about, and its rules."""
        collection = getattr(command, "collection", None)
        if not isinstance(collection, str):
            raise PermissionDenied(f"permission denied: only administrators may run {type(command).__name__}")
        space = self._spaces.get(caller.space)
        if caller.kind == "guest" and not space.settings.get("allow_guests", False):
            raise PermissionDenied("permission denied: sign in first / 请先登录")
        if dialect.creates_collections:
            return collection, self._rules_for_write(space, collection)
        return collection, self.rules(space.id, collection)

    async def _read_one(self, space_id: str, collection: str, document_id: str) -> Mapping[str, Any] | None:
        """A document that a rule reads with ``get()``."""
        find = c.Find(collection, {"_id": document_id}, limit=1, missing_ok=True)
        found: list[Mapping[str, Any]] = await self.engine(space_id).run(find)
        return found[0] if found else None

    def _bounded(self, caller: Caller, dialect: Dialect, command: c.Command) -> c.Command:
        if not isinstance(command, _TIMED):
            return command
        most = dialect.vendor_time_ms if self._vendor else dialect.generous_time_ms
        default = dialect.default_time_ms if self._vendor else min(most, 5 * dialect.default_time_ms)
        wanted = command.max_time_ms or default
        if isinstance(command, c.Find):
            page = dialect.admin_page if caller.is_admin else dialect.user_page
            ceiling = page.vendor if self._vendor else page.generous
            return replace(command, limit=min(command.limit or page.default, ceiling), max_time_ms=min(wanted, most))
        return replace(command, max_time_ms=min(wanted, most))

    # Collections

    def _check_create_collection(self, caller: Caller) -> None:
        if caller.is_admin or (caller.kind == "user" and self._may_create(self._spaces.get(caller.space))):
            return
        raise PermissionDenied(
            "permission denied: clients may not create collections in this space; allow it with"
            f" `yunbox space set {caller.space} client_create_collections=true`"
        )

    async def _create_for(self, caller: Caller, command: c.Command) -> None:
        """Make the collection of a first write, with the space's default rule."""
        name: str = getattr(command, "collection")  # noqa: B009
        with contextlib.suppress(QueryError):
            await self.create_by_default(caller.space, name)

    async def create_by_default(self, space_id: str, name: str) -> None:
        """Make a collection with the space's default rule, unless it exists.

        Raises:
            QueryError: for a name that cannot be.
            QuotaExceeded: when the space may have no more collections.
        """
        account = self._quotas.account(space_id) if self._quotas is not None else None
        if account is not None and not self.engine(space_id).has_collection(name):
            account.check_number("collections", self.engine(space_id).count_collections())
        try:
            await self.engine(space_id).run(c.CreateCollection(name))
        except AlreadyExists:
            return
        if self._spaces.rule(space_id, "collection", name) is None:
            self.set_rules(space_id, name, self._default_rule(self._spaces.get(space_id)))

    def rules(self, space_id: str, collection: str) -> Rules:
        """The rules of a collection; ``PRIVATE`` when none were set (DESIGN §9.3)."""
        stored = self._spaces.rule(space_id, "collection", collection)
        return PRIVATE if stored is None else rules_from_json(stored)

    def may_change(self, space_id: str, collection: str) -> bool:
        """Whether a client's right to read a collection may end without a change of the rules: by the clock, or by what the
        rules read of other documents."""
        security = self.rules(space_id, collection).security
        return security is not None and security.may_change("read")

    def _rules_for_write(self, space: Space, collection: str) -> Rules:
        if self._spaces.rule(space.id, "collection", collection) is None and not self.engine(space.id).has_collection(
            collection
        ):
            return self._default_rule(space)
        return self.rules(space.id, collection)

    def set_rules(self, space_id: str, collection: str, rules: Rules) -> None:
        """Change the rules of a collection; they hold from the next call on."""
        self._spaces.set_rule(space_id, "collection", collection, rules.to_json())
        for callback in self._on_rules:
            callback(space_id, collection)

    def on_rules(self, callback: Callable[[str, str], None]) -> None:
        """Call ``callback(space_id, collection)`` after the rules of a collection have changed."""
        self._on_rules.append(callback)

    async def rename_collection(self, space_id: str, name: str, new_name: str) -> None:
        """Rename a collection; its rules go with it.

        Raises:
            CollectionNotFound, AlreadyExists, QueryError.
        """
        await self.engine(space_id).run(c.RenameCollection(name, new_name))
        if (rule := self._spaces.rule(space_id, "collection", name)) is not None:
            self._spaces.set_rule(space_id, "collection", new_name, rule)
            self._spaces.delete_rule(space_id, "collection", name)
        self.owner_fields.rename(space_id, name, new_name)

    async def drop_collection(self, space_id: str, name: str) -> None:
        """Remove a collection, its documents and its rules."""
        await self.engine(space_id).run(c.DropCollection(name))
        self._spaces.delete_rule(space_id, "collection", name)
        self.owner_fields.discard(space_id, name)

    # Transactions

    async def begin(self, caller: Caller) -> str:
        """Start a transaction (10 s at most) and return its id, which only this caller can use."""
        transaction = await self.engine(caller.space).begin()
        now = time.monotonic()
        self._transactions = {
            known: state for known, state in self._transactions.items() if now - state.started < _FORGOTTEN_AFTER_S
        }
        self._transactions[transaction] = _Transaction(caller.space, caller.owner, caller.is_admin, now)
        return transaction

    async def commit(self, caller: Caller, transaction: str) -> None:
        """Make a transaction's writes visible.

        Raises:
            WriteConflict: when another write came first; nothing was written.
        """
        self._check_transaction(caller, transaction)
        self._transactions.pop(transaction, None)
        await self.engine(caller.space).commit(transaction)

    async def abort(self, caller: Caller, transaction: str) -> None:
        """Forget a transaction's writes."""
        self._check_transaction(caller, transaction)
        self._transactions.pop(transaction, None)
        await self.engine(caller.space).abort(transaction)

    def _check_transaction(self, caller: Caller, transaction: str) -> None:
        known = self._transactions.get(transaction)
        mine = known is not None and known.space == caller.space and known.is_admin == caller.is_admin
        if known is None or not mine or (not caller.is_admin and known.owner != caller.owner):
            raise InvalidRequest("the transaction does not exist or has ended", reason="transaction")


def _is_granted(sharing: Sharing, caller: Caller, collection: str) -> bool:
    with contextlib.suppress(PermissionDenied):
        sharing.check_documents(caller, collection, writes=False)
        return True
    return False


def _stage_denied(stage: str, why: str) -> PermissionDenied:
    return PermissionDenied(f"permission denied: {stage} is not granted to other spaces: {why}")


def _creates(command: c.Command) -> bool:
    return isinstance(command, c.Insert) or bool(getattr(command, "upsert", False))


def _completed(dialect: Dialect, command: c.Command) -> c.Command:
    """The command with new ids, and content with a missing collection where the dialect is."""
    match command:
        case c.Insert():
            return replace(command, documents=[_with_id(document, dialect) for document in command.documents])
        case c.Update() | c.FindAndModify():
            return _completed_write(dialect, command)
        case c.Find() | c.Count() | c.Distinct() | c.Aggregate() | c.Delete() if dialect.creates_collections:
            return replace(command, missing_ok=True)
    return command


def _completed_write(dialect: Dialect, command: c.Update | c.FindAndModify) -> c.Update | c.FindAndModify:
    if command.upsert:
        command = replace(command, new_id=dialect.new_id)
    if dialect.creates_collections and not command.upsert:
        command = replace(command, missing_ok=True)
    return command


def _keeping_owner(dialect: Dialect, command: c.Command) -> c.Command:
    """Who cannot see the owner mark cannot be asked to repeat it: a replacement keeps it."""
    if (
        dialect.shows_owner
        or not isinstance(command, c.Update | c.FindAndModify)
        or not _is_replacement(command.update)
        or OWNER in command.update
    ):
        return command
    kept = {"$mergeObjects": [{"$literal": command.update}, {OWNER: f"${OWNER}"}]}
    return replace(command, update=[{"$replaceWith": kept}])


def _is_replacement(update: Any) -> bool:
    return isinstance(update, Mapping) and not any(str(key).startswith("$") for key in update)


def _with_id(document: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    if "_id" in document:
        return dict(document)
    return {"_id": dialect.new_id(), **document}


def _without_owner(result: Any) -> Any:
    if isinstance(result, list):
        return [_without_owner(item) for item in result] if result and isinstance(result[0], dict) else result
    if isinstance(result, dict) and OWNER in result:
        return {key: value for key, value in result.items() if key != OWNER}
    if isinstance(result, c.FindAndModifyResult) and result.document is not None:
        return dataclasses.replace(result, document=_without_owner(result.document))
    return result
