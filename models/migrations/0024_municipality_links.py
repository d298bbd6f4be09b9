"""What people look for at the foot of each page: the legal notice, and what it says of accessibility."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0023_agent_passwords")]

    operations = [
        ops.AddField(model_name="Municipality", name="links", field=fields.JSONField(null=True)),
    ]
