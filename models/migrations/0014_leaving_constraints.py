"""What must never be of closed accounts, exports and erased requests, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "data_export_one_an_account": "data_export (account_id)",
    "data_export_address_unique": "data_export (address)",
    "erased_request_figure_unique": "erased_request_figure (procedure_id, status, submitted_on, closed_on)",
}

INDEXES = {
    "account_erasure_index": "account (erasure_at) WHERE erasure_at IS NOT NULL",
    "data_export_due_index": "data_export (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
    "data_export_expiry_index": "data_export (expires_at) WHERE address IS NOT NULL",
    "service_request_closed_index": "service_request (procedure_id, closed_at) WHERE closed_at IS NOT NULL",
}

CHECKS = {
    "account": {
        "account_closed": "(closed_at IS NULL) = (erasure_at IS NULL) AND coalesce(erasure_at >= closed_at, true)",
    },
    "procedure": {"procedure_retention": "retention_months BETWEEN 1 AND 1200"},
    "data_export": {
        "data_export_state": "state IN ('PENDING', 'READY', 'FAILED')",
        "data_export_language": "language IN ('fr', 'en')",
        "data_export_due": "(state = 'PENDING') = (next_attempt_at IS NOT NULL)",
        "data_export_ready": "num_nonnulls(size, sha256, ready_at, expires_at) = CASE state WHEN 'READY' THEN 4 ELSE 0 END",
        "data_export_address": "address IS NULL OR state = 'READY'",
    },
    "erased_request_figure": {
        "erased_request_figure_status": "status IN ('ACCEPTED', 'REFUSED', 'CANCELLED')",
        "erased_request_figure_positive": "requests > 0",
    },
}

# However somebody logs in: whoever comes second waits for the account's row, and finds it closed.
SESSIONS = """
CREATE FUNCTION refuse_session_of_closed_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed timestamptz;
BEGIN
    SELECT a.closed_at INTO closed FROM credential c JOIN account a ON a.id = c.account_id
    WHERE c.id = NEW.credential_id FOR SHARE OF a;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'the account is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'session_of_open_account';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER session_of_open_account BEFORE INSERT ON session
    FOR EACH ROW EXECUTE FUNCTION refuse_session_of_closed_account();
"""

NO_SESSIONS = """
DROP TRIGGER session_of_open_account ON session;
DROP FUNCTION refuse_session_of_closed_account;
"""

# Days are the municipality's own. Whoever counts here counts the same before and after requests are erased.
FIGURES = """
CREATE VIEW request_figures AS
SELECT r.procedure_id, r.status,
       (r.submitted_at AT TIME ZONE coalesce(m.timezone, 'Europe/Paris'))::date AS submitted_on,
       (r.closed_at AT TIME ZONE coalesce(m.timezone, 'Europe/Paris'))::date AS closed_on,
       count(*)::int AS requests
FROM service_request r LEFT JOIN municipality m ON true
WHERE r.status <> 'DRAFT'
GROUP BY 1, 2, 3, 4
UNION ALL
SELECT procedure_id, status, submitted_on, closed_on, requests FROM erased_request_figure;
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
    dependencies = [("models", "0013_leaving")]

    operations = [
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(SESSIONS, reverse_sql=NO_SESSIONS),
        ops.RunSQL(FIGURES, reverse_sql="DROP VIEW request_figures"),
    ]
