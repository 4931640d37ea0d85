"""The study list with many studies: a page costs as many statements as with few, whatever is searched."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event

from tests.support.many_studies import DOCTOR, QUERIES, fill
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory

PAGE = 20


def statements_of(units: SqlStorageUnitOfWorkFactory, name: str) -> tuple[int, int]:
    """Return how many statements a search takes and how many studies its page has."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with units(read_only=True) as unit:
            page = unit.archive.find_studies(DOCTOR, QUERIES[name])
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(said), len(page.studies)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> SqlStorageUnitOfWorkFactory:
    return fill(tmp_path_factory.mktemp("few"), 50)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> SqlStorageUnitOfWorkFactory:
    return fill(tmp_path_factory.mktemp("many"), 5_000)


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_of_many_studies_takes_no_more_statements_than_one_of_few(
    name: str, few: SqlStorageUnitOfWorkFactory, many: SqlStorageUnitOfWorkFactory
) -> None:
    of_few, of_many = statements_of(few, name), statements_of(many, name)
    assert of_many[0] == max(of_few[0], of_many[0]) <= 8
    assert of_many[1] <= PAGE


def test_all_studies_of_a_name_are_counted(many: SqlStorageUnitOfWorkFactory) -> None:
    with many(read_only=True) as unit:
        assert unit.archive.find_studies(DOCTOR, QUERIES["name"]).total == 715
