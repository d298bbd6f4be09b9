"""An agent's second factor over HTTP: enrolled because the mairie asks for it, lost in the night, and given back."""

from __future__ import annotations

import pyotp
import pytest

from tests.journeys.client import DEMONSTRATION_PASSWORD, Client, Data, RefusedError
from tests.journeys.telephone import Telephone
from tests.stack import Api, Stack

AGENT = "agent"


async def log_in(api: Api, code: str | None = None) -> Client:
    client = Client(api)
    opened = await client.change("LogIn", username=AGENT, password=DEMONSTRATION_PASSWORD, oneTimeCode=code)
    client.authorization = f"Bearer {opened['token']}"
    return client


async def confirm(client: Client, enrolment: Data) -> list[str]:
    code = Telephone(enrolment["secret"]).fresh()
    codes: list[str] = (await client.change("ConfirmSecondFactor", code=code))["recoveryCodes"]
    return codes


async def test_a_second_factor_from_beginning_to_end(stack: Stack) -> None:
    strict = await stack.start_api(ESPACE_AGENTS_SECOND_FACTOR="required")
    newcomer = Client(strict)
    opened = await newcomer.change("LogIn", username=AGENT, password=DEMONSTRATION_PASSWORD)
    assert opened["mustEnrolSecondFactor"]
    newcomer.authorization = f"Bearer {opened['token']}"
    with pytest.raises(RefusedError) as refused:
        await newcomer.run("DeskInbox")
    assert refused.value.code == "FORBIDDEN"
    assert "second facteur" in str(refused.value)

    enrolment = await newcomer.change("EnrolSecondFactor", password=DEMONSTRATION_PASSWORD)
    assert enrolment["qrCode"].startswith("data:image/svg+xml")
    telephone = Telephone(pyotp.parse_uri(enrolment["otpauthUri"]).secret)
    wrong = await newcomer.run("ConfirmSecondFactor", code="000000")
    assert [field["path"] for field in wrong["fields"]] == ["code"]
    codes = (await newcomer.change("ConfirmSecondFactor", code=telephone.fresh()))["recoveryCodes"]
    assert (await newcomer.run("MySecondFactor"))["secondFactor"] == {
        "enabled": True,
        "required": True,
        "recoveryCodesLeft": 10,
    }
    await newcomer.run("DeskInbox")

    refusal = await Client(stack.api).run("LogIn", username=AGENT, password=DEMONSTRATION_PASSWORD)
    assert (refusal["__typename"], refusal["codeRejected"]) == ("SecondFactorRequiredError", False)
    assert refusal["code"] == "SECOND_FACTOR_REQUIRED"
    by_code = await log_in(stack.api, telephone.fresh())
    await log_in(stack.api, codes[0])
    refusal = await Client(stack.api).run(
        "LogIn", username=AGENT, password=DEMONSTRATION_PASSWORD, oneTimeCode=codes[0]
    )
    assert refusal["codeRejected"]
    renewed = await by_code.change(
        "RenewRecoveryCodes", password=DEMONSTRATION_PASSWORD, oneTimeCode=codes[1]
    )
    assert len(renewed["recoveryCodes"]) == 10

    # The telephone is in the river, the paper too.
    administrator = await Client(stack.api).log_in("admin")
    agents = (await administrator.run("DeskAgents"))["agents"]
    lost = next(agent for agent in agents if agent["username"] == AGENT)
    await administrator.change("ResetSecondFactor", agent=lost["id"], password=DEMONSTRATION_PASSWORD)
    with pytest.raises(RefusedError) as ended:
        await by_code.run("DeskInbox")
    assert ended.value.code == "UNAUTHENTICATED"
    seen = await administrator.run("DeskSecurity")
    assert [event["kind"] for event in seen["securityEvents"]["nodes"]][:4] == [
        "SECOND_FACTOR_RESET",
        "RECOVERY_CODES_RENEWED",
        "RECOVERY_CODE_USED",
        "RECOVERY_CODE_USED",
    ]
    assert lost["id"] in [agent["id"] for agent in seen["agentsWithoutSecondFactor"]]

    # Once more, and away again: by the agent, then by the operator.
    again = await log_in(stack.api)
    enrolment = await again.change("EnrolSecondFactor", password=DEMONSTRATION_PASSWORD)
    codes = await confirm(again, enrolment)
    await again.change("DisableSecondFactor", password=DEMONSTRATION_PASSWORD, oneTimeCode=codes[0])
    enrolment = await again.change("EnrolSecondFactor", password=DEMONSTRATION_PASSWORD)
    codes = await confirm(again, enrolment)
    told = await stack.run("reset-second-factor", AGENT)
    assert "logs in with the password alone" in told
    await log_in(stack.api)

    outputs = strict.output() + stack.api.output()
    for secret in (*codes, enrolment["secret"], pyotp.TOTP(enrolment["secret"]).byte_secret().hex()):
        assert secret not in outputs
