"""Holds answers of ours against the types of the platforms' own SDKs. Reads {"provider", "answer"}, one a line."""

import json
import sys
from typing import Any

from elevenlabs.types import ConversationInitiationClientDataRequestInput
from pydantic import ConfigDict, TypeAdapter, create_model
from retell.types import WebCallResponse

STRICT = ConfigDict(strict=True)


def retell_variables() -> TypeAdapter:
    """What the SDK says dynamic variables are: the answer goes into them."""
    return TypeAdapter(WebCallResponse.model_fields["retell_llm_dynamic_variables"].annotation, config=STRICT)


def elevenlabs_answer() -> TypeAdapter:
    """The SDK's model lets unknown keys pass, so that old versions read new answers; here they are mistakes."""
    fields: dict[str, Any] = {
        name: (field.annotation, field.default)
        for name, field in ConversationInitiationClientDataRequestInput.model_fields.items()
    }
    model = create_model("Answer", __config__=ConfigDict(extra="forbid"), type=(str, ...), **fields)
    return TypeAdapter(model)


def check(provider: str, answer: dict[str, Any]) -> None:
    if provider == "elevenlabs":
        assert answer["type"] == "conversation_initiation_client_data", answer["type"]
        elevenlabs_answer().validate_python(answer)
        variables = answer["dynamic_variables"]
    else:
        inner = answer.get("call_inbound") or answer.get("chat_inbound")
        variables = inner["dynamic_variables"] if inner else answer["response_data"]["retell_llm_dynamic_variables"]
        retell_variables().validate_python(variables)
    assert variables, "no variables"


checked = 0
for line in sys.stdin:
    entry = json.loads(line)
    check(entry["provider"], entry["answer"])
    checked += 1
print(checked)
