"""What Inlay uses of boto3, which carries no types of its own."""

from typing import Any

from botocore.config import Config

def client(service_name: str, *, region_name: str | None = ..., config: Config | None = ...) -> Any: ...
