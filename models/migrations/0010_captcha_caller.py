from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0009_limits")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="Captcha",
            options={
                "table": "captcha",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`network` and `used_from` are HMACs of the networks it was made for and used from, `caller` one of whoever asked for it with a session or a ticket.",
            },
        ),
        ops.AddField(
            model_name="Captcha",
            name="caller",
            field=fields.BinaryField(null=True),
        ),
    ]
