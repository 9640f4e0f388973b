"""The name that a client gives to one write (`Idempotency-Key`), so that it can be sent again unharmed. Looks nothing up."""

from __future__ import annotations

import hashlib

from starlette.requests import Request

from annotations.once import Once

HEADER = "Idempotency-Key"

DESCRIPTION = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 200},
            "description": "A name for this write, such as a UUID. Sent again under the same name, it is done once and answered the same; "
            "another body under the same name is refused with 422. Kept for 30 days, for each person alone.",
        }
    ]
}
"""For the description of a route (`openapi_extra`)."""


def once_of(request: Request, content: bytes, part: str = "") -> Once | None:
    """The key of this write with what is asked; None: the client gave none. Raises Malformed for a key that cannot be one.

    `part`: which of several writes of one request this is; it stands behind the key.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest()
    return Once(key + part, asked)
