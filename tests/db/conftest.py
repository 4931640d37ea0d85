from tests.support.databases import database_settings, engine, postgresql_server

__all__ = ["database_settings", "engine", "postgresql_server"]
