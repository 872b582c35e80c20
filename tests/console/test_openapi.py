"""The OpenAPI document is right: Schemathesis makes calls from it, good ones and bad ones, and compares the answers."""

from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from sqlalchemy import Engine

from mlm_audit.console.app import create_app
from tests.console.conftest import CRON_SECRET, Console

SETTINGS = hypothesis.settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["operator", "approver", None])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_schemathesis_finds_nothing(console: Console, database: Engine, tmp_path: Path, role: str | None) -> None:
    document = create_app(console.services).openapi()
    seen: dict[str, set[int]] = {}

    def checked(operation: schemathesis.APIOperation[Any, Any, Any, Any], secret: str, mode: GenerationMode) -> None:
        @SETTINGS
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            # A parameter that is null is left out of the address, and the call may be a good one without it.
            is_sent = None not in dict(case.query or {}).values()
            hypothesis.assume(is_sent or mode is GenerationMode.POSITIVE)
            answer = case.call(base_url=console.url, headers={"Authorization": f"Bearer {secret}"})
            case.validate_response(answer)
            seen.setdefault(f"{case.method} {case.path}", set()).add(answer.status_code)

        check()

    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        secret = CRON_SECRET if "cron" in operation.path else console.tokens[role] if role else "wrong"
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            checked(operation, secret, mode)
    assert {name.partition(" ")[2] for name in seen} == {"/api/admin/jobs", "/api/cron/{name}"}
    assert not {status for statuses in seen.values() for status in statuses} & {500, 422}


def test_the_document_promises_what_is_answered(console: Console) -> None:
    document = console.client("viewer").get("/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            assert {"400", "401", "403", "429", "503"} <= set(operation["responses"])
            assert "422" not in operation["responses"]
            assert operation["security"]
    assert set(document["components"]["securitySchemes"]) == {"HTTPBearer", "CronSecret"}


def test_the_document_wants_a_token(console: Console) -> None:
    """A stranger learns nothing of what can be asked for, by whichever name documentation goes elsewhere."""
    stranger = console.client()
    for answer in (
        stranger.get("/openapi.json"),
        console.client(None, Authorization="Bearer wrong").get("/openapi.json"),
    ):
        assert answer.status_code == 401
        assert "paths" not in answer.text
    assert stranger.get("/openapi.json", headers={"Accept": "text/html"}).status_code == 401
    for path in ("/docs", "/redoc", "/openapi.yaml", "/docs/oauth2-redirect"):
        assert stranger.get(path).status_code == 404
    for role in console.tokens:
        assert "paths" in console.client(role).get("/openapi.json").json()
