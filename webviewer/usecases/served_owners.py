"""Which users a storage node serves: the list that the control node keeps, taken over as a whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webviewer.archive import OwnerId
from webviewer.core.errors import InvalidInput
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_TITLES_OF_OWNER = 100
_MAX_OWNERS = 1_000_000

# PS3.5 6.2, VR AE: at most 16 characters, no backslash, no control characters, not only spaces
AeTitle = Annotated[str, Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$")]
AeTitles = Annotated[list[AeTitle], Field(max_length=MAX_TITLES_OF_OWNER)]


class Owner(BaseModel):
    """A user whose studies lie here, and the AE titles that name that user's storage."""

    model_config = ConfigDict(extra="ignore", strict=True)

    owner_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    ae_titles: AeTitles


class OwnerList(BaseModel):
    """All users of a storage node; ``digest`` is the control node's word for this very list."""

    model_config = ConfigDict(extra="ignore", strict=True)

    digest: Annotated[str, Field(min_length=1, max_length=128)]
    owners: Annotated[list[Owner], Field(max_length=_MAX_OWNERS)]


def owner_list_from(told: object) -> OwnerList:
    """Return the list in an answer of the control node; raises InvalidInput."""
    try:
        return OwnerList.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise InvalidInput(f"The control node's list of users is wrong at {place}: {first['msg']}.") from None


def take_over_owners(units: StorageUnitOfWorkFactory, told: OwnerList) -> None:
    """Make these users' AE titles all that there are, in one transaction.

    Studies of a user who is not in the list stay: whoever takes a user away decides about the studies beforehand.

    Raises
    ------
    Conflict
        Two users have one AE title; what was there stays.
    """
    with units() as unit:
        unit.archive.replace_ae_titles([(OwnerId(owner.owner_id), owner.ae_titles) for owner in told.owners])
        unit.commit()


def node_identity(units: StorageUnitOfWorkFactory) -> str:
    """Return the UUID of this storage node, made when first asked for."""
    with units(read_only=True) as unit:
        known = unit.archive.node_identity()
    if known is not None:
        return known
    with units() as unit:
        identity = unit.archive.make_node_identity()
        unit.commit()
        return identity
