"""What must never be of new passwords, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE: dict[str, str] = {}
INDEXES = {
    "temporary_password_credential_index": "temporary_password (credential_id)",
    "temporary_password_expiry_index": "temporary_password (expires_at)",
    "new_password_request_due_index": "new_password_request (due_at)",
    # Whoever has forgotten the username, too, types the address.
    "account_email_index": "account (lower(email))",
    "account_former_email_index": "account (lower(former_email)) WHERE former_email IS NOT NULL",
}
CHECKS = {
    "account": {"account_former_email_is_needed": "former_email IS NULL OR email_confirmed_at IS NULL"},
    "new_password_request": {
        "new_password_request_language": "language IN ('fr', 'en')",
        "new_password_request_size": "octet_length(typed) <= 1200",
    },
    # Long enough to choose a password, and no longer: whoever has the mail has the session.
    "session": {
        "session_for_a_change_is_short": "temporary_password_id IS NULL OR expires_at < created_at + interval '1 hour'",
    },
}

FORWARD = [
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]
BACKWARD = [
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {name}" for name in INDEXES),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0011_new_passwords")]

    operations = [ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD))]
