from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0020_identities")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Procedure",
            name="written_at_desk",
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
