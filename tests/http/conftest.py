from tests.support.databases import postgresql_server
from tests.support.http_client import control

__all__ = ["control", "postgresql_server"]
