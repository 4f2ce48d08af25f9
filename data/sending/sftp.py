"""A file onto a server by SFTP: to the checked address, to the one public key it is known by, whole or not at all."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh

from data.sending import addresses
from data.sending.problems import Refused, TryAgain
from data.sending.wire import Outside, allowed
from data.targets import Sftp, closed

PART = 256 * 1024
OURS_TO_REPAIR = (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed)


def put(target: Sftp, name: str, path: Path, outside: Outside) -> None:
    """Write a file into the target's folder, in place of one of that name; Refused or TryAgain unless it is there."""
    try:
        host_key = asyncssh.import_public_key(target.known_host)
        key = asyncssh.import_private_key(closed(Path(target.key_file), "The key"))
    except asyncssh.KeyImportError:  # its message may quote the key
        raise Refused(
            f"The target {target.name} needs known_host as `ssh-ed25519 AAAA…`, and key_file as a private key of "
            "OpenSSH without a passphrase."
        ) from None
    try:
        with ThreadPoolExecutor(1) as own:  # a thread of its own: whoever calls may have an event loop running
            own.submit(lambda: asyncio.run(bounded(target, host_key, key, name, path, outside))).result()
    except TimeoutError:
        raise TryAgain(f"{target.host} did not take the file in time.") from None
    except OURS_TO_REPAIR as problem:
        raise Refused(f"{target.host} is not the server we know, or does not know us: {why(problem)}.") from None
    except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as problem:
        raise Refused(f"{target.host} has no such folder for us: {why(problem)}.") from None
    except (asyncssh.Error, OSError) as problem:
        raise TryAgain(f"{target.host} broke off: {why(problem)}.") from None


async def bounded(
    target: Sftp, host_key: asyncssh.SSHKey, key: asyncssh.SSHKey, name: str, path: Path, outside: Outside
) -> None:
    """Connect and write, within the time allowed for the whole."""
    found = addresses.reachable(target.host, target.port, target.networks, outside.resolve)
    async with asyncio.timeout(allowed(outside, path.stat().st_size)):
        connected = await dial(found, target.port, outside.patience)
        try:
            options = asyncssh.SSHClientConnectionOptions(
                config=None,  # nothing of the account's own settings, keys or agents
                agent_path=None,
                username=target.user,
                client_keys=[key],
                known_hosts=([host_key], [], []),
                preferred_auth="publickey",
                login_timeout=outside.patience,
            )
            async with await asyncssh.connect(target.host, target.port, sock=connected, options=options) as ssh:
                async with ssh.start_sftp_client() as server:
                    await write(server, f"{target.folder.rstrip('/')}/", name, path)
        finally:
            connected.close()


async def dial(found: list[str], port: int, patience: float) -> socket.socket:
    """A connection to the first of the checked addresses that answers."""
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("no address")
    for address in found:
        one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)
        try:
            async with asyncio.timeout(patience):
                await loop.sock_connect(one, (address, port))
        except OSError as last:  # a TimeoutError is one, too
            one.close()
            problem = last
        else:
            return one
    raise problem


async def write(server: asyncssh.SFTPClient, folder: str, name: str, path: Path) -> None:
    """Write under a name that nobody reads, then give the file its own."""
    draft, size = f"{folder}.{name}.part", path.stat().st_size
    async with server.open(draft, "wb") as there:
        with path.open("rb") as here:
            while part := here.read(PART):
                await there.write(part)
    if await server.getsize(draft) != size:
        raise TryAgain("The file arrived shorter than it is.")
    try:
        await server.posix_rename(draft, folder + name)
    except asyncssh.SFTPOpUnsupported:  # a server without OpenSSH's extension renames only to a free name
        if await server.exists(folder + name):
            await server.remove(folder + name)
        await server.rename(draft, folder + name)


def why(problem: BaseException) -> str:
    """What a server or this machine said, short and on one line."""
    text = getattr(problem, "reason", "") or getattr(problem, "strerror", "") or type(problem).__name__
    return "".join(c if c.isprintable() else " " for c in str(text)).strip(" .")[:120]
