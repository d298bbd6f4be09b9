"""What must never be, said to the database. Tortoise makes tables and foreign keys; the rest is here, by name."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "procedure_category_slug_unique": "procedure_category (slug)",
    "procedure_slug_unique": "procedure (slug)",
    "procedure_version_unique": "procedure_version (procedure_id, version)",
    "schedule_slug_unique": "schedule (slug)",
    "procedure_schedule_unique": "procedure_schedule (procedure_id, schedule_id)",
    "agent_procedure_unique": "agent_procedure (agent_id, procedure_id)",
    "credential_username_unique": "credential (lower(username))",
    "credential_account_unique": "credential (account_id)",
    "credential_agent_unique": "credential (agent_id)",
    "session_token_unique": "session (token_digest)",
    "service_request_ticket_unique": "service_request (ticket_digest)",
    "service_request_idempotency_unique": "service_request (idempotency_digest)",
    "exchange_number_unique": "exchange (request_id, number)",
    "exchange_idempotency_unique": "exchange (request_id, idempotency_digest)",
    "request_event_position_unique": "request_event (position)",
    "mail_message_id_unique": "mail (message_id)",
    "mail_once_an_event": "mail (event_id, template, recipient)",
}

INDEXES = {
    "procedure_category_id_index": "procedure (category_id)",
    "procedure_schedule_schedule_index": "procedure_schedule (schedule_id)",
    "agent_procedure_procedure_index": "agent_procedure (procedure_id)",
    "session_credential_index": "session (credential_id)",
    "session_expiry_index": "session (expires_at)",
    "captcha_expiry_index": "captcha (expires_at)",
    "service_request_account_index": "service_request (account_id, id DESC) WHERE account_id IS NOT NULL",
    "service_request_desk_index": "service_request (submitted_at DESC, id DESC) WHERE status <> 'DRAFT'",
    "service_request_procedure_index": "service_request (procedure_id, submitted_at DESC, id DESC)",
    "service_request_version_index": "service_request (procedure_version_id)",
    "service_request_assignee_index": "service_request (assignee_id) WHERE assignee_id IS NOT NULL",
    "service_request_draft_index": "service_request (updated_at) WHERE status = 'DRAFT'",
    "exchange_unread_index": "exchange (request_id, author) WHERE read_at IS NULL",
    "exchange_agent_index": "exchange (agent_id) WHERE agent_id IS NOT NULL",
    "request_event_request_index": "request_event (request_id, position)",
    "request_event_exchange_index": "request_event (exchange_id) WHERE exchange_id IS NOT NULL",
    "mail_due_index": "mail (next_attempt_at) WHERE state = 'PENDING'",
    "mail_parked_index": "mail (created_at) WHERE state = 'PARKED'",
    "mail_request_index": "mail (request_id)",
    "mail_account_index": "mail (account_id)",
    "mail_exchange_index": "mail (exchange_id)",
}

CHECKS = {
    "municipality": {"municipality_is_one": "id = 1"},
    "procedure": {
        "procedure_state": "state IN ('DRAFT', 'OPEN', 'CLOSED')",
        "procedure_version_positive": "version > 0",
    },
    "procedure_version": {"procedure_version_appointment": "appointment IN ('NONE', 'OPTIONAL', 'REQUIRED')"},
    "account": {"account_language": "language IN ('fr', 'en')"},
    "agent": {"agent_role": "role IN ('HANDLER', 'ADMINISTRATOR')"},
    "credential": {"credential_of_one": "num_nonnulls(account_id, agent_id) = 1"},
    "captcha": {
        "captcha_purpose": "purpose IN ('CREATE_ACCOUNT', 'SUBMIT_REQUEST', 'REQUEST_PASSWORD')",
        "captcha_tries": "tries_left >= 0",
    },
    "service_request": {
        "service_request_status": (
            "status IN ('DRAFT', 'SUBMITTED', 'IN_PROGRESS', 'AWAITING_CITIZEN', 'ACCEPTED', 'REFUSED', 'CANCELLED')"
        ),
        "service_request_version_positive": "version > 0",
        "service_request_language": "language IN ('fr', 'en')",
        "service_request_submitted": "(status = 'DRAFT') = (submitted_at IS NULL)",
        "service_request_has_contact": "status = 'DRAFT' OR contact IS NOT NULL",
        "service_request_closed": "(status IN ('ACCEPTED', 'REFUSED', 'CANCELLED')) = (closed_at IS NOT NULL)",
        "service_request_cancelled_is_archived": "status <> 'CANCELLED' OR archived_at IS NOT NULL",
    },
    "exchange": {
        "exchange_author": "author IN ('CITIZEN', 'MUNICIPALITY', 'PARTNER', 'SYSTEM')",
        "exchange_agent_is_of_the_municipality": "agent_id IS NULL OR author = 'MUNICIPALITY'",
        "exchange_number_positive": "number > 0",
        "exchange_body": "char_length(body) BETWEEN 1 AND 10000",
    },
    "request_event": {
        "request_event_actor": "actor IN ('CITIZEN', 'MUNICIPALITY', 'PARTNER', 'SYSTEM')",
    },
    "mail": {
        "mail_state": "state IN ('PENDING', 'SENT', 'PARKED')",
        "mail_sent": "(state = 'SENT') = (sent_at IS NOT NULL)",
        "mail_language": "language IN ('fr', 'en')",
    },
}

# Positions must become visible in their own order. The lock is held until the transaction has ended, and PostgreSQL
# makes a commit visible before it releases locks: so whoever gets the next position, commits after us.
EVENT_LOG = """
CREATE SEQUENCE request_event_position AS bigint;

CREATE FUNCTION give_request_event_its_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1163088972);
    NEW.position := nextval('request_event_position');
    RETURN NEW;
END $$;

CREATE TRIGGER request_event_position BEFORE INSERT ON request_event
    FOR EACH ROW EXECUTE FUNCTION give_request_event_its_position();

CREATE FUNCTION refuse_to_rewrite_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of the log are never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER request_event_unchanging BEFORE UPDATE ON request_event
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history();

ALTER TABLE request_event ALTER COLUMN position SET NOT NULL;

ALTER TABLE mail ALTER CONSTRAINT mail_event_id_fkey DEFERRABLE INITIALLY DEFERRED;
"""

NO_EVENT_LOG = """
ALTER TABLE mail ALTER CONSTRAINT mail_event_id_fkey NOT DEFERRABLE;
ALTER TABLE request_event ALTER COLUMN position DROP NOT NULL;
DROP TRIGGER request_event_unchanging ON request_event;
DROP FUNCTION refuse_to_rewrite_history;
DROP TRIGGER request_event_position ON request_event;
DROP FUNCTION give_request_event_its_position;
DROP SEQUENCE request_event_position;
"""

FORWARD = [
    *(f"CREATE UNIQUE INDEX {name} ON {columns}" for name, columns in UNIQUE.items()),
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]

BACKWARD = [
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {name}" for name in [*INDEXES, *UNIQUE]),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(EVENT_LOG, reverse_sql=NO_EVENT_LOG),
    ]
