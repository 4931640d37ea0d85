"""The database is made by migrations, and what is not ours is refused with words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, UniqueConstraint, create_engine, inspect, text

from webviewer.adapters.db.engine import make_engine, make_url
from webviewer.adapters.db.maintenance import (
    DatabaseState,
    check_database,
    create_database,
    database_exists,
    database_version,
    require_ready,
)
from webviewer.adapters.db.table_sets import tables_of
from webviewer.config import DatabaseDriver, DatabaseSettings, TableSet
from webviewer.core.errors import ConfigError, OutOfResources


@pytest.fixture
def plain_engine(database_settings: DatabaseSettings) -> Iterator[Engine]:
    made = create_engine(make_url(database_settings))
    yield made
    made.dispose()


def test_migrations_make_exactly_the_tables_of_the_metadata(database_settings: DatabaseSettings) -> None:
    create_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        both = MetaData()
        for table in tables_of(frozenset(TableSet)).values():
            table.to_metadata(both)
        differences = compare_metadata(context, both)
    engine.dispose()
    assert differences == []


def test_migrations_give_every_table_its_unique_constraints(database_settings: DatabaseSettings) -> None:
    # Autogenerate does not compare primary and unique keys on SQLite by name; the index cannot do without them.
    create_database(database_settings)
    engine = make_engine(database_settings)
    inspector = inspect(engine)
    found = {
        table: {tuple(sorted(item["column_names"])) for item in inspector.get_unique_constraints(table)}
        for table in tables_of(frozenset(TableSet))
    }
    wanted = {
        name: {
            tuple(sorted(column.name for column in constraint.columns))
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
        }
        for name, table in tables_of(frozenset(TableSet)).items()
    }
    engine.dispose()
    assert found == wanted


def test_a_new_database_goes_from_absent_or_empty_to_ready(database_settings: DatabaseSettings) -> None:
    before = DatabaseState.NO_CONNECTION if database_settings.driver is DatabaseDriver.SQLITE else DatabaseState.EMPTY
    assert check_database(database_settings) is before
    assert not database_exists(database_settings)
    with pytest.raises(ConfigError, match="cannot be used"):
        require_ready(database_settings)
    create_database(database_settings)
    assert check_database(database_settings) is DatabaseState.READY
    assert database_exists(database_settings)
    require_ready(database_settings)


def test_creating_twice_keeps_all_data(database_settings: DatabaseSettings, plain_engine: Engine) -> None:
    create_database(database_settings)
    with plain_engine.begin() as connection:
        connection.execute(text("INSERT INTO ae_title (ae_title, owner_id) VALUES ('USER-AE', 7)"))
    create_database(database_settings)
    with plain_engine.connect() as connection:
        assert connection.execute(text("SELECT owner_id FROM ae_title")).scalar_one() == 7


def test_the_version_of_a_database_can_be_asked(database_settings: DatabaseSettings) -> None:
    create_database(database_settings)
    engine = make_engine(database_settings)
    assert database_version(engine) == "0004"
    engine.dispose()


@pytest.mark.parametrize(
    ("statements", "state", "words"),
    [
        (["UPDATE alembic_version SET version_num = '9999'"], DatabaseState.NEWER, "newer version of this program"),
        (["UPDATE alembic_version SET version_num = 'ab12cd'"], DatabaseState.FOREIGN, "something else"),
        (["DROP TABLE alembic_version"], DatabaseState.FOREIGN, "something else"),
        (["DROP TABLE ticket"], DatabaseState.FOREIGN, "something else"),
    ],
    ids=["newer", "other-program", "no-version", "table-missing"],
)
def test_what_is_not_ours_is_refused_with_words(
    database_settings: DatabaseSettings,
    plain_engine: Engine,
    statements: list[str],
    state: DatabaseState,
    words: str,
) -> None:
    create_database(database_settings)
    with plain_engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    assert check_database(database_settings) is state
    with pytest.raises(ConfigError, match=words):
        require_ready(database_settings)
    with pytest.raises(ConfigError, match=words):
        create_database(database_settings)


def test_a_file_that_is_no_database_is_an_internal_error_and_stays_untouched(tmp_path: Path) -> None:
    file = tmp_path / "letters.txt"
    file.write_bytes(b"dear colleague " * 1000)
    settings = DatabaseSettings(DatabaseDriver.SQLITE, str(file))
    assert check_database(settings) is DatabaseState.INTERNAL_ERROR
    with pytest.raises(OutOfResources, match="not a database"):
        create_database(settings)
    assert file.read_bytes() == b"dear colleague " * 1000


def test_checking_makes_no_file(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    assert check_database(DatabaseSettings(DatabaseDriver.SQLITE, str(file))) is DatabaseState.NO_CONNECTION
    assert not file.exists()


def test_tables_that_lack_a_column_of_this_version_are_refused_in_one_line(database_settings: DatabaseSettings) -> None:
    create_database(database_settings)
    engine = make_engine(database_settings)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE study DROP COLUMN institution_name"))
    engine.dispose()
    assert check_database(database_settings) is DatabaseState.FOREIGN
    with pytest.raises(
        ConfigError, match=r"lacks some of ours.*\(table study has no column institution_name\)"
    ) as told:
        require_ready(database_settings)
    assert "\n" not in told.value.message
