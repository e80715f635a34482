"""What a data folder holds of its own: who serves from it, the secret, the address of its Redis."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from pathlib import Path

from app.errors import SettingsInvalid
from app.settings import Settings


def lock_folder(data: Path) -> object:
    """Held as long as the process lives: two servers on one append-only file would destroy it."""
    file = (data / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SettingsInvalid(f"another server uses {data}: stop it, or give this one its own folder with --data") from error
    return file


def begin_running(data: Path) -> bool:
    """Note that a server runs here. True where the one before was killed: workers of it may be there for a moment yet."""
    path = data / "running"
    killed = path.exists()
    path.touch()
    return killed


def end_running(data: Path) -> None:
    (data / "running").unlink(missing_ok=True)


def own_secret(data: Path) -> str:
    """The secret kept in the data folder, made at the first start."""
    path = data / "secret"
    if not path.exists():
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"k1:{key}")
    return path.read_text().strip()


def with_secret(settings: Settings) -> Settings:
    """The settings of a command that needs the server's secret."""
    settings.data.mkdir(parents=True, exist_ok=True)
    return settings.model_copy(update={"secret": settings.secret or own_secret(settings.data)})


def keep_url(data: Path, url: str) -> None:
    """Note a Redis that is not the embedded one, for the commands that run beside the server; it may hold a password."""
    path = data / "redis.url"
    if not url:
        path.unlink(missing_ok=True)
        return
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(url)


def kept_url(data: Path) -> str:
    """The Redis of the last server that served from here; empty where it was the embedded one, or there was none."""
    path = data / "redis.url"
    return path.read_text().strip() if path.exists() else ""
