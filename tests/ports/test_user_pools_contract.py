"""The seam to the delegated Cognito: what its user pools sign, the emulator's own code can verify."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from emulator.adapters.supporting_services import MotoServices
from emulator.aws.calls import Calls
from emulator.aws.jwt import claims_of, keys_of
from emulator.aws.scope import Scope
from emulator.aws.service import Services

NOW = 1_500_000_000.0


def test_a_pool_s_tokens_are_signed_by_its_keys_and_dated_in_aws_time() -> None:
    scope = Scope("111122223333", "eu-west-1")
    delegated = MotoServices(lambda: NOW)
    calls = Calls(Services(), delegated)

    async def ask(operation: str, **request: Any) -> Any:
        return await calls.delegated(scope, "cognito-idp", operation, request)

    async def main() -> tuple[str, str, str, bytes]:
        pool = (await ask("CreateUserPool", PoolName="p"))["UserPool"]["Id"]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        client = await ask("CreateUserPoolClient", UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows)
        named: dict[str, Any] = {"UserPoolId": pool, "Username": "ada"}
        await ask("AdminCreateUser", **named)
        await ask("AdminSetUserPassword", **named, Password="Secret-1234", Permanent=True)
        audience = client["UserPoolClient"]["ClientId"]
        let_in = await ask(
            "AdminInitiateAuth",
            UserPoolId=pool,
            ClientId=audience,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": "Secret-1234"},
        )
        url = f"https://cognito-idp.eu-west-1.amazonaws.com/{pool}/.well-known/jwks.json"
        status, _, keys = await delegated.handle("cognito-idp", "GET", url, [], b"")
        assert status == 200
        await delegated.reset()
        return pool, audience, let_in["AuthenticationResult"]["IdToken"], keys

    pool, audience, token, keys = asyncio.run(main())
    issuer = f"https://cognito-idp.eu-west-1.amazonaws.com/{pool}"
    claims = claims_of(token, keys_of(json.loads(keys)), issuer, [audience], NOW)
    assert (claims["iat"], claims["exp"], claims["token_use"]) == (NOW, NOW + 3600, "id")
