"""What must never be of spoken security codes, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

INDEXES = [
    # One recording for each language of a challenge: asking again and again makes no more of them.
    "CREATE UNIQUE INDEX captcha_audio_unique ON captcha_audio (captcha_id, language)",
    "CREATE INDEX captcha_audio_due_index ON captcha_audio (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
    "CREATE INDEX captcha_audio_stock_index ON captcha_audio (language, created_at) WHERE taken_at IS NULL",
    "CREATE INDEX captcha_audio_expiry_index ON captcha_audio (expires_at)",
    "CREATE INDEX captcha_network_index ON captcha (network, expires_at) WHERE network IS NOT NULL",
    "CREATE INDEX captcha_moved_index ON captcha (used_at) WHERE used_from IS DISTINCT FROM network",
]
CHECKS = {
    "captcha_audio": {
        "captcha_audio_language": "language IN ('fr', 'en')",
        "captcha_audio_made_or_due": "content IS NULL OR next_attempt_at IS NULL",
        "captcha_audio_stock_is_ready": "taken_at IS NOT NULL OR content IS NOT NULL",
        "captcha_audio_size": "octet_length(content) BETWEEN 1 AND 250000",
        "captcha_audio_attempts": "attempts >= 0",
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
    dependencies = [("models", "0007_captcha_audio")]

    operations = [ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD))]
