"""Records in SQLite or PostgreSQL through SQLAlchemy Core; the only place that knows SQL."""
