"""What must never be of new passwords, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

INDEXES = [
    "CREATE INDEX temporary_password_credential_index ON temporary_password (credential_id)",
    "CREATE INDEX temporary_password_expiry_index ON temporary_password (expires_at)",
    "CREATE INDEX new_password_request_due_index ON new_password_request (due_at)",
    # Whoever has forgotten the username, too, types the address.
    "CREATE INDEX account_email_index ON account (lower(email))",
    "CREATE INDEX account_former_email_index ON account (lower(former_email)) WHERE former_email IS NOT NULL",
]
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
    *INDEXES,
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]
BACKWARD = [
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {statement.split(' INDEX ')[1].split(' ')[0]}" for statement in INDEXES),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0011_new_passwords")]

    operations = [ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD))]
