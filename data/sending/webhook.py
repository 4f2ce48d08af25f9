"""Messages to a program: signed as Standard Webhooks 1.0.0 asks, with a key by which a message is known again.

Signed is `id.timestamp.body` with HMAC-SHA-256. The id and the body of a batch never change; the timestamp is of the
attempt, so that a receiver can refuse old ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from data.sending.wire import Outside, request
from data.targets import Webhook

TYPE = "campaign.recipients"


def body(data: dict[str, Any], moment: str) -> bytes:
    """A message: canonical, so that a batch that is sent again is the same to the byte. moment: of the delivery."""
    message = {"type": TYPE, "timestamp": moment, "data": data}
    return json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signature(key: bytes, message_id: str, timestamp: int, content: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def send(target: Webhook, message_id: str, content: bytes, outside: Outside) -> None:
    """Post a message; Refused or TryAgain unless the target says that it has it (2xx)."""
    now = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": message_id,
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signature(key, message_id, now, content) for key in target.signing()),
    }
    request(outside, "POST", target.url, headers, content, len(content), target.networks, target.ca_file)
