"""A file into a bucket: one PUT, signed by botocore (AWS Signature Version 4), sent over our own bounded connection.

The SHA-256 of the file is part of what is signed, so the store refuses what arrived otherwise; an object appears whole
or not at all. botocore's own client is not used: it follows redirects, reads settings of the machine, and looks a host
up by itself.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from data.publish import digest
from data.sending import addresses
from data.sending.problems import Refused
from data.sending.wire import Outside, authority, request
from data.targets import Store

MOST_BYTES = 5 * 1024**3  # of one PUT
PART = 256 * 1024


class Signer(S3SigV4Auth):
    """Signature Version 4 over the checksum of a file that is not in memory."""

    def __init__(self, credentials: Credentials, region: str, sha256: str):
        super().__init__(credentials, "s3", region)
        self.sha256 = sha256

    def payload(self, request: AWSRequest) -> str:
        """The SHA-256 of the body, in hexadecimal."""
        return self.sha256


def put(target: Store, name: str, path: Path, content_type: str, outside: Outside) -> None:
    """Store a file as bucket/prefix/name, in place of one of that name; Refused or TryAgain unless the store has it."""
    size, sha256 = path.stat().st_size, digest(path)
    if size > MOST_BYTES:
        raise Refused("The file is larger than the 5 GiB a store takes at once. Send fewer recipients.")
    key = "/".join(part for part in (target.prefix.strip("/"), name) if part)
    url = f"{target.endpoint}/{target.bucket}/{key}"
    headers = signed(target, url, size, sha256, content_type)
    request(outside, "PUT", url, headers, parts(path), size, target.networks, target.ca_file)


def signed(target: Store, url: str, size: int, sha256: str, content_type: str) -> dict[str, str]:
    """The headers of a PUT, with its signature."""
    asked = AWSRequest("PUT", url)
    asked.headers["Host"] = authority(addresses.web(url))
    asked.headers["Content-Type"] = content_type
    asked.headers["Content-Length"] = str(size)
    asked.headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    Signer(Credentials(target.key.read(), target.secret.read()), target.region, sha256).add_auth(asked)
    return {name: value for name, value in asked.headers.items() if name not in ("Host", "Content-Length")}


def parts(path: Path) -> Iterator[bytes]:
    """A file's content, some at a time."""
    with path.open("rb") as file:
        while part := file.read(PART):
            yield part
