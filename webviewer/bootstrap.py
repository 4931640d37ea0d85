"""Settings become ready services: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webviewer import __version__
from webviewer.accounts import PasswordHasher
from webviewer.adapters.crypto import Argon2Hasher
from webviewer.adapters.db.database_clock import DatabaseClock
from webviewer.adapters.db.database_watch import DatabaseWatch, make_watch
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.event_feed import make_event_feed
from webviewer.adapters.db.maintenance import (
    check_database,
    create_database,
    database_exists,
    database_version,
    require_ready,
)
from webviewer.adapters.db.unit_of_work import SqlControlUnitOfWorkFactory
from webviewer.adapters.node_calls import BackgroundCalls
from webviewer.adapters.node_probe import HttpNodeProbe
from webviewer.adapters.tls import client_context
from webviewer.config import DatabaseDriver, Role, Settings
from webviewer.core.callers import is_loopback
from webviewer.core.offload import Offload, run_here
from webviewer.usecases.accounts import Accounts
from webviewer.usecases.clock import Clock, system_clock
from webviewer.usecases.events import EventPump, Events
from webviewer.usecases.live import LiveSockets
from webviewer.usecases.node_status import NodeCalls, NodeProbe
from webviewer.usecases.nodes import Nodes
from webviewer.usecases.owners import Owners
from webviewer.usecases.placement import Placement
from webviewer.usecases.sessions import Sessions
from webviewer.usecases.settings import UserSettings
from webviewer.usecases.sign_in import SignIn
from webviewer.usecases.tickets import Tickets
from webviewer.usecases.unit_of_work import ControlUnitOfWorkFactory

if TYPE_CHECKING:
    from webviewer.adapters.metrics import Metrics
    from webviewer.adapters.node_clients import NodeClients

__all__ = [
    "PRODUCT",
    "Services",
    "check_database",
    "create_database",
    "database_exists",
    "make_accounts",
    "make_administration",
    "make_services",
    "require_ready",
    "unit_of_work_factory",
]

PRODUCT = "Web DICOM Viewer"


@dataclass(frozen=True, slots=True)
class Administration:
    """What a program for administrators works with."""

    settings: Settings
    accounts: Accounts
    nodes: Nodes
    node_probe: NodeProbe
    flush: Callable[[float], bool] = field(repr=False)  # waits until the nodes have been told
    dispose: Callable[[], None] = field(repr=False)  # closes the database's connections


@dataclass(frozen=True, slots=True)
class Services:
    """What the functions of the control node work with; made once in each process."""

    settings: Settings
    version: str
    units: ControlUnitOfWorkFactory
    clock: Clock
    hasher: PasswordHasher
    accounts: Accounts
    sign_in: SignIn
    sessions: Sessions
    tickets: Tickets
    events: Events
    user_settings: UserSettings
    placement: Placement
    nodes: Nodes
    owners: Owners
    live: LiveSockets
    metrics: Metrics
    event_pump: EventPump
    node_probe: NodeProbe
    node_clients: NodeClients
    database_version: Callable[[], str]
    database_watch: DatabaseWatch
    compare_clocks: Callable[[], None]  # to be called now and then
    dispose: Callable[[], None] = field(repr=False)  # closes the database's connections


def unit_of_work_factory(settings: Settings) -> tuple[ControlUnitOfWorkFactory, Callable[[], None]]:
    """Return a factory of units of work on the database of the settings, and what closes its connections at the end."""
    engine = make_engine(settings.database)
    return SqlControlUnitOfWorkFactory(engine), engine.dispose


def make_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    hasher: PasswordHasher | None = None,
    offload: Offload = run_here,
) -> Services:
    """Return the services of one process of the control node.

    Parameters
    ----------
    settings
        Everything configured.
    clock
        The time; tests move it. Where left out it is the database server's, if there is one.
    hasher
        Password hashes; Argon2id where left out.
    offload
        How blocking computation leaves the event loop.
    """
    engine = make_engine(settings.database)
    units = SqlControlUnitOfWorkFactory(engine)
    compare_clocks: Callable[[], None] = _nothing
    if clock is None and settings.database.driver is DatabaseDriver.POSTGRESQL:
        clock = database_clock = DatabaseClock(engine)
        compare_clocks = database_clock.compare
    clock = clock or system_clock
    chosen_hasher = hasher if hasher is not None else Argon2Hasher(offload)
    live = LiveSockets()
    # Not for the programs of administrators, which serve nobody and start in half the time without them.
    from webviewer.adapters.metrics import Metrics
    from webviewer.adapters.node_clients import NodeClients

    metrics = Metrics()
    metrics.watch_sockets(live.count)
    # In the unified build the storage node reads the file that both share.
    watch = make_watch(settings.database, checks=settings.role is not Role.UNIFIED, offload=offload)
    metrics.watch_database(lambda: not watch.state().problem)
    idle_s = settings.control.session_idle_s
    tls = client_context(settings.tls)
    calls: NodeCalls = BackgroundCalls(settings.internal_token, tls)
    probe = HttpNodeProbe(settings.internal_token, tls)
    sessions = Sessions(units, clock, idle_s, calls)
    return Services(
        settings=settings,
        version=__version__,
        units=units,
        clock=clock,
        hasher=chosen_hasher,
        accounts=Accounts(units, chosen_hasher, clock, calls),
        sign_in=SignIn(units, chosen_hasher, clock, idle_s, is_loopback(settings.control.host)),
        sessions=sessions,
        tickets=Tickets(units, clock),
        events=Events(units, clock),
        user_settings=UserSettings(units, clock),
        placement=Placement(units, clock, started_at=clock()),
        nodes=Nodes(units, clock, sessions, calls, probe),
        owners=Owners(units),
        live=live,
        metrics=metrics,
        event_pump=EventPump(units, live, lambda: make_event_feed(engine)),
        node_probe=probe,
        node_clients=NodeClients(settings.internal_token, tls),
        database_version=lambda: database_version(engine),
        database_watch=watch,
        compare_clocks=compare_clocks,
        dispose=engine.dispose,
    )


def _nothing() -> None:
    pass


def make_accounts(settings: Settings, *, clock: Clock = system_clock) -> Accounts:
    """Return the use cases on users alone, for scripts such as the evaluation profile."""
    return Accounts(unit_of_work_factory(settings)[0], Argon2Hasher(), clock)


def make_administration(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    on_untold: Callable[[str, str], None] = lambda _address, _reason: None,
) -> Administration:
    """Return the use cases of a program for administrators, on the database itself.

    ``on_untold`` gets the address of each node that did not take what it was told, and why.
    """
    units, dispose = unit_of_work_factory(settings)
    tls = client_context(settings.tls)
    calls = BackgroundCalls(settings.internal_token, tls, on_untold=on_untold)
    sessions = Sessions(units, clock, settings.control.session_idle_s, calls)
    return Administration(
        settings=settings,
        accounts=Accounts(units, Argon2Hasher(), clock, calls),
        nodes=Nodes(units, clock, sessions, calls),
        node_probe=HttpNodeProbe(settings.internal_token, tls),
        flush=calls.flush,
        dispose=dispose,
    )
