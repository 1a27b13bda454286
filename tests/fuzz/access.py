"""What schemathesis checks beside the document: nobody hears what their role, or their tenant, has no right to.

The document says with each operation what it needs (`x-needs`). Known ids take the place of half of those made up, so
that the routes have something to tell.
"""

import os
import re
import uuid
import zlib

import schemathesis

ROLES = ["viewer", "agent", "operator", "admin"]
ROLE = os.environ["FUZZ_ROLE"]
# The token that asks: ending it would end the run.
OWN_TOKEN = os.environ["FUZZ_TOKEN_ID"]
# What must never be heard: texts, separated by commas.
SECRETS = [text for text in os.environ["FUZZ_SECRETS"].split(",") if text]
# One known id for each kind, the tenant, and what goes by its name: `calls=…,leads=…,tenant=default,number=…`.
KNOWN = dict(pair.split("=") for pair in os.environ["FUZZ_KNOWN"].split(","))
# Places in paths that are no ids.
NAMED = {"slug", "number", "provider", "agent", "login"}
PLAIN = re.compile(r"[A-Za-z0-9_-]+")


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def instead(given, known):
    """What is known in place of half of what is made up, the same half at every time."""
    return known if zlib.crc32(str(given).encode()) % 2 == 0 else given


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kind = case.path.removeprefix("/api/v1/").split("/")[0]
    path = case.path_parameters or {}
    # Of some kinds there is none to be known.
    known = KNOWN.get(kind, str(uuid.UUID(int=0)))
    # Only what is well-formed is replaced, or a request that is to be refused would become one that is not.
    if UUID.fullmatch(str(path.get("id", ""))):
        path["id"] = known if path["id"] == OWN_TOKEN else instead(path["id"], known)
    if UUID.fullmatch(str(path.get("recording", ""))):
        path["recording"] = instead(path["recording"], KNOWN["recording"])
    # What has no id goes by its name, which may be any text.
    for name in NAMED & path.keys():
        path[name] = instead(path[name], KNOWN[name])
    for part in (case.query, case.body):
        if isinstance(part, dict) and isinstance(part.get("tenant"), str):
            part["tenant"] = instead(part["tenant"], KNOWN["tenant"])
    if isinstance(case.body, dict):
        if isinstance(case.body.get("our_number"), str):
            case.body["our_number"] = instead(case.body["our_number"], KNOWN["number"])
        if UUID.fullmatch(str(case.body.get("campaign_id", ""))):
            case.body["campaign_id"] = instead(case.body["campaign_id"], KNOWN["campaigns"])
    ids = case.body.get("ids") if isinstance(case.body, dict) else None
    if isinstance(ids, list) and ids and all(UUID.fullmatch(str(one)) for one in ids):
        ids[0] = instead(ids[0], known)


@schemathesis.check
def within_the_role(ctx, response, case):
    needs = case.operation.definition.raw.get("x-needs")
    if needs is None or case.method.upper() != case.operation.method.upper():
        return
    if ROLES.index(ROLE) >= ROLES.index(needs["role"]):
        return
    # A made-up path may be none of the routes; then there is nothing.
    is_route = all(PLAIN.fullmatch(str(value)) for value in (case.path_parameters or {}).values())
    refused = [403] if is_route else [400, 403, 404, 405]
    assert response.status_code in refused, f"{needs['role']} is needed, {ROLE} heard {response.status_code}"


@schemathesis.check
def nothing_secret(ctx, response, case):
    heard = [text for text in SECRETS if text in response.text]
    assert not heard, f"{ROLE} heard {heard}"
