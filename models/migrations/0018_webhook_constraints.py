"""What must never be of partner tokens and webhooks, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "partner_token_digest_unique": "partner_token (token_digest)",
    # With the check of its number, this is how many a token has at most.
    "webhook_number_unique": "webhook (token_id, number)",
    "webhook_block_unique": "webhook_block (webhook_id, request_id)",
}

INDEXES = {
    "partner_token_expiry_index": "partner_token (expires_at)",
    "webhook_due_index": "webhook (next_attempt_at) WHERE state = 'ACTIVE'",
    "webhook_block_due_index": "webhook_block (webhook_id, next_attempt_at)",
    "webhook_block_request_index": "webhook_block (request_id)",
    "mail_webhook_index": "mail (webhook_id) WHERE webhook_id IS NOT NULL",
}

CHECKS = {
    "partner_token": {
        "partner_token_scopes": (
            "cardinality(scopes) > 0 "
            "AND scopes <@ ARRAY['READ_REQUESTS', 'WRITE_REQUESTS', 'READ_CHANGES', 'MANAGE_WEBHOOKS']"
        ),
        "partner_token_writes_what_it_reads": (
            "NOT 'WRITE_REQUESTS' = ANY(scopes) OR 'READ_REQUESTS' = ANY(scopes)"
        ),
        "partner_token_is_told_what_it_reads": (
            "NOT 'MANAGE_WEBHOOKS' = ANY(scopes) OR 'READ_CHANGES' = ANY(scopes)"
        ),
        "partner_token_ends": "expires_at <= created_at + interval '367 days'",
        "partner_token_name": "char_length(name) > 0",
    },
    "webhook": {
        "webhook_number": "number BETWEEN 1 AND 10",
        "webhook_state": "state IN ('ACTIVE', 'PAUSED')",
        "webhook_previous_secret": "(previous_secret_sealed IS NULL) = (previous_secret_until IS NULL)",
        "webhook_failing": "(failures > 0) = (failing_since IS NOT NULL)",
        "webhook_position": "position >= 0",
    },
    "webhook_block": {"webhook_block_attempts": "attempts >= 0"},
}

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
    dependencies = [("models", "0017_webhooks")]

    operations = [ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD))]
