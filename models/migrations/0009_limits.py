from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0008_captcha_audio_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="LimitCount",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=150)),
                ("counted", fields.BigIntField()),
                ("counted_before", fields.BigIntField()),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "limit_count",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A window of one limit. Its id is the limit and an HMAC of whoever is counted; the table is not logged.",
            },
            bases=["Model"],
        ),
        # Counts are worth nothing after a crash: they need not be written twice.
        ops.RunSQL(
            "ALTER TABLE limit_count SET UNLOGGED; "
            "CREATE INDEX limit_count_expiry_index ON limit_count (expires_at)",
            reverse_sql="DROP INDEX limit_count_expiry_index",
        ),
    ]
