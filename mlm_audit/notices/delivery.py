"""Sends queued notices. This happens after the money has moved and never delays it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from itertools import groupby

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import error_line, write
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.store import outbox
from mlm_audit.database.store.outbox import Queued
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import plural
from mlm_audit.domain.notices import Draft
from mlm_audit.domain.periods import naive
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.notices.catalogue import notice_kind, notice_kinds
from mlm_audit.notices.messages import addresses, message, one_address
from mlm_audit.notices.transport import NotSentError, ServerDownError, Transport, UncertainError, open_transport

log = logging.getLogger(__name__)
CLAIM = 100
NEVER_GIVEN_UP = 2**31
NOBODY = "administrators@localhost.invalid"


@dataclass
class Delivery:
    """The result of one round of sending. `error` says why it stopped early, if it did."""

    sent: int = 0
    left: int = 0
    error: str | None = None


def deliver(database: Engine, settings: Settings, clock: Clock, *, most: int = 1_000_000) -> Delivery:
    """Send queued notices until none is due. A notice that cannot be sent never fails a job; it stays queued."""
    done = Delivery()
    try:
        with open_transport(settings) as transport:
            while done.sent + done.left < most and done.error is None:
                claimed = outbox.claim(database, clock(), transport.channel, CLAIM)
                if not claimed:
                    break
                _Round(database, settings, clock, transport, done).send(claimed)
    except ServerDownError as error:
        done.error = str(error)
    except SQLAlchemyError as error:
        # The money has moved and is logged. The notices are safe in the outbox, or will be when the database is back.
        done.error = f"the database cannot be used: {error_line(error)}"
    if done.error:
        log.warning("notices stay queued: %s", done.error)
    return done


def notify_administrators(notice: Draft, settings: Settings, clock: Clock) -> None:
    """Notify the administrators now, through the outbox, or directly when the database cannot be used."""
    try:
        _through_outbox(notice, settings, clock)
    except (InputError, SQLAlchemyError):
        try:
            to = addresses(settings.admin_email or NOBODY)
            with open_transport(settings) as transport:
                transport.send(
                    message(
                        notice.kind,
                        notice.key,
                        to,
                        name=None,
                        contexts=[notice.context],
                        settings=settings,
                        now=clock(),
                    )
                )
        except (NotSentError, UncertainError, ValueError) as error:
            log.warning("the administrators could not be notified of %s: %s", notice.key, error)


def _through_outbox(notice: Draft, settings: Settings, clock: Clock) -> None:
    if settings.database_url is None:
        raise InputError("DATABASE_URL is not set")
    database = open_platform(settings)
    try:
        with write(database) as connection:
            outbox.queue_once(connection, notice, naive(clock()))
        deliver(database, settings, clock)
    finally:
        database.dispose()


def _is_for_administrators(kind: str) -> bool:
    """Return whether a kind is for the administrators. An unknown kind is handled alone, so that it delays no other."""
    return kind in notice_kinds() and notice_kind(kind).to == "administrators"


class _Round:
    def __init__(
        self, database: Engine, settings: Settings, clock: Clock, transport: Transport, done: Delivery
    ) -> None:
        self.database, self.settings, self.clock = database, settings, clock
        self.transport, self.done = transport, done
        self.out: list[int] = []

    def send(self, claimed: Sequence[Queued]) -> None:
        """Send notices to members one by one, and the administrators' notices of one kind in one message."""
        groups = [[notice] for notice in claimed if not _is_for_administrators(notice.kind)]
        admin = sorted(
            (notice for notice in claimed if _is_for_administrators(notice.kind)), key=lambda notice: notice.kind
        )
        groups += [list(group) for _, group in groupby(admin, key=lambda notice: notice.kind)]
        waiting = list(groups)
        try:
            for group in groups:
                if self.done.error is None:
                    self._one(group)
                    waiting.remove(group)
        finally:
            self._mark_sent()
            # Notices that were not tried are released at once, so that only a killed process leaves a claim behind.
            outbox.release(self.database, [notice.id for group in waiting for notice in group])

    def _one(self, group: list[Queued]) -> None:
        ids = [notice.id for notice in group]
        if group[0].kind not in notice_kinds():
            self._give_up(ids, f"this version does not know the notice kind {group[0].kind}")
            return
        to = self._recipients(group)
        if to is None:
            return
        try:
            complaint = self.transport.send(self._message(group, to))
        except ServerDownError as error:
            self.done.error = str(error)
            self._later(group, str(error))
        except NotSentError as error:
            self._later(group, str(error))
        except UncertainError as error:
            self.done.left += len(ids)
            outbox.mark_uncertain(self.database, ids, str(error))
            self.done.error = str(error)
        except Exception as error:
            # If one member's data break a message, the other members still get theirs and the job is not affected.
            log.exception("the message of the notice %s could not be created", group[0].key)
            self._give_up(ids, f"the message could not be created: {error_line(error)}")
        else:
            self._sent(ids, complaint)

    def _recipients(self, group: list[Queued]) -> tuple[Address, ...] | None:
        """Return the recipients; None when the notice cannot be sent now, which is then recorded."""
        first = group[0]
        if not _is_for_administrators(first.kind):
            try:
                return one_address(first.email or "")
            except ValueError as error:
                why = str(error) if first.email else "the member has no e-mail address"
                self._give_up([notice.id for notice in group], why)
                return None
        try:
            # Without a mail server, the message is a file for anybody who opens the folder.
            return addresses(self.settings.admin_email or (NOBODY if self.transport.channel == "eml" else ""))
        except ValueError as error:
            why = f"ADMIN_EMAIL: {error}" if self.settings.admin_email else "ADMIN_EMAIL is not set"
            # The notices wait for the setting, however long it takes.
            outbox.mark_unsent(self.database, group, self.clock(), why, attempts=NEVER_GIVEN_UP)
            self.done.left += len(group)
            return None

    def _message(self, group: list[Queued], to: tuple[Address, ...]) -> EmailMessage:
        contexts = [notice.context | {"repeats": notice.repeats} for notice in group]
        first = group[0]
        return message(
            first.kind, first.key, to, name=first.name, contexts=contexts, settings=self.settings, now=self.clock()
        )

    def _sent(self, ids: list[int], complaint: str | None) -> None:
        self.done.sent += len(ids)
        if complaint:
            log.warning("a notice was sent, but %s", complaint)
            outbox.mark_partly_sent(self.database, ids, self.clock(), complaint)
            return
        self.out += ids
        if self.transport.channel == "smtp":
            self._mark_sent()

    def _mark_sent(self) -> None:
        """Mark notices as sent: after each mail, or after each round of files, since a file may be written again."""
        outbox.mark_sent(self.database, self.out, self.clock())
        self.out.clear()

    def _later(self, group: list[Queued], error: str) -> None:
        self.done.left += len(group)
        outbox.mark_unsent(self.database, group, self.clock(), error, self.settings.email_attempts)

    def _give_up(self, ids: list[int], why: str) -> None:
        self.done.left += len(ids)
        log.warning("%s cannot be sent: %s", plural(len(ids), "notice"), why)
        outbox.give_up(self.database, ids, why)
