"""Receivers for the tests of sending: an HTTPS server that behaves as told, a store, and an SFTP server, all real."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import trustme

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def recipients(self) -> list[str]:
        """The keys in a message."""
        return json.loads(self.body)["data"]["recipients"]


Answer = Callable[[int, Received, socket.socket], bytes | None]  # number from 1; None: the answer was given already


@dataclass
class Receiver:
    """An HTTPS server on this machine that keeps what it got and answers as told."""

    context: ssl.SSLContext | None
    answer: Answer = lambda number, received, connection: OK
    received: list[Received] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    sent: int = 0  # bytes of an answer, counted by answers that are long

    def __enter__(self) -> Receiver:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.take, args=(connection,), daemon=True).start()

    def take(self, connection: socket.socket) -> None:
        """Read one request, answer it, hang up."""
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                self.received.append(read(connection))
                if answer := self.answer(len(self.received), self.received[-1], connection):
                    connection.sendall(answer)


def read(connection: socket.socket) -> Received:
    """One whole request."""
    with connection.makefile("rb") as file:
        line = file.readline().decode("latin-1").strip()
        headers = {}
        while text := file.readline().decode("latin-1").strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        if not line or len(body := file.read(size)) < size:
            raise ConnectionError("the other side hung up before it had said everything")
        return Received(line, headers, body)


def silent(connection: socket.socket) -> None:
    """Take a connection and say nothing."""
    with connection:
        time.sleep(2)


def status(code: int, *headers: str) -> bytes:
    """An answer without a body."""
    return "\r\n".join([f"HTTP/1.1 {code} Said", "Content-Length: 0", *headers, "", ""]).encode()


def reset(number: int, received: Received, connection: socket.socket) -> None:
    """Break the connection off with a reset instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def endless(receiver: Receiver, head: bytes, more: bytes) -> Answer:
    """An answer that goes on for 10 GB, unless somebody hangs up; counts what went out."""

    def answer(number: int, received: Received, connection: socket.socket) -> None:
        connection.sendall(head)
        while receiver.sent < 10 * 1024**3:
            connection.sendall(more)
            receiver.sent += len(more)

    return answer


# Certificates


def server_context(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    """What a server needs to be these hosts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


# SFTP


class Account(asyncssh.SSHServer):
    """An SSH server with one account, known by its key."""

    def __init__(self, key: asyncssh.SSHKey):
        self.key = key

    def begin_auth(self, username: str) -> bool:
        """Everybody proves who they are."""
        return True

    def public_key_auth_supported(self) -> bool:
        """By a key."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """The one we know."""
        return username == "rapport" and key.public_data == self.key.public_data


@contextlib.contextmanager
def sftp_server(root: Path, host_key: asyncssh.SSHKey, client: asyncssh.SSHKey, files: Any = None) -> Iterator[int]:
    """An SFTP server over a folder, in a thread of its own; its port."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []

    def factory(channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:
        return (files or asyncssh.SFTPServer)(channel, chroot=str(root).encode())

    async def serve() -> None:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            server_factory=lambda: Account(client),
            sftp_factory=factory,
        )
        found.append(server)
        ready.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    async def close() -> None:
        found[0].close()
        await found[0].wait_closed()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0].sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
