"""The settings as frozen records, handed down from main functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class DatabaseDriver(StrEnum):
    """Names of database drivers as the configuration files spell them."""

    SQLITE = "QSQLITE"
    POSTGRESQL = "QPSQL"


class Role(StrEnum):
    """What a process is to the system."""

    UNIFIED = "unified"
    CONTROL = "control"
    STORAGE = "storage"
    RENDER = "render"


class TableSet(StrEnum):
    """Tables that a database holds."""

    CONTROL = "control"
    STORAGE = "storage"


class Function(StrEnum):
    """Parts of the control node; a process serves some of them, by default all."""

    AUTH = "auth"
    ADMIN = "admin"
    STUDIES = "studies"
    SETTINGS = "settings"
    EVENTS = "events"
    RENDER = "render"
    NODES = "nodes"
    HEALTH = "health"
    PAGES = "pages"


class LinkByParamsPolicy(StrEnum):
    """What a link made of study parameters may show (manual 5.1.1)."""

    FORBIDDEN = "forbidden"
    ANONYMIZED = "anonymized"
    ALLOWED = "allowed"
    DOWNLOAD = "download"


class PatientConflictPolicy(StrEnum):
    """What a storage node does with an object whose patient is another one than the study's."""

    KEEP_APART = "keep_apart"  # it is stored in a study row of its own patient
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the records are; ``name`` is a file path for SQLite."""

    driver: DatabaseDriver
    name: str
    host: str = "localhost"
    port: int = 5432
    user: str = ""
    password: str = field(default="", repr=False)
    tables: frozenset[TableSet] = frozenset(TableSet)


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """The HTTP front."""

    host: str = "127.0.0.1"
    port: int = 8090
    internal_port: int = 8091  # metrics and calls from other nodes
    internal_host: str = "127.0.0.1"
    html: Path = Path("html/dist")
    session_idle_s: int = 8 * 3600
    secure_cookie: bool = False
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # whose X-Forwarded-… headers are believed
    proxy_count: int = 1  # that a request passes one after the other
    max_connections: int = 8192
    max_connections_per_address: int = 500  # that have not signed in
    functions: frozenset[Function] = frozenset(Function)


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Who may open a DICOM association: a calling AE title (``*`` = any) from an address range."""

    calling_ae: str
    network: str


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The storage node: its folder, its internal HTTP, and its DICOM listener."""

    storage: Path
    host: str = "127.0.0.1"
    port: int = 8081
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 3000
    acceptors: int = 2
    max_associations: int = 64
    ae_title_associations_percent: int = 50
    address_associations_percent: int = 50
    max_pdu_bytes: int = 131072
    idle_timeout_s: float = 60.0
    max_object_bytes: int = 8 * 1024**3
    scrub_bytes_per_s: int = 8 * 1024**2  # 0: stored files are not verified in the background
    upload_expiry_s: float = 3600.0
    peers: tuple[PeerRule, ...] = (PeerRule("*", "127.0.0.0/8"), PeerRule("*", "::1/128"))
    patient_conflict_policy: PatientConflictPolicy = PatientConflictPolicy.KEEP_APART


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """The render node."""

    host: str = "127.0.0.1"
    port: int = 8080
    device: int | None = None
    off_screen: str = "auto"
    render_bandwidth_bytes_per_s: int | None = None
    max_thread_pool_threads: int = 4
    image_cache: bool = True
    volume_cache: bool = True
    image_cache_bytes: int = 1024**3
    volume_cache_bytes: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a storage or render node makes itself known."""

    control_url: str = ""  # the control node's internal HTTP; empty: an administrator registers the node by its address
    name: str = ""  # identity of a render node; its address if empty
    address: str = ""  # where other nodes reach this one; made of host and port if empty
    scu: str = "STORAGE-AE"  # AE title of a storage node as service class user


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS between nodes: PEM files."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None  # whose signatures on other nodes' certificates are believed


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """How the pool of render nodes follows the sessions, in Kubernetes."""

    host: str = "127.0.0.1"
    port: int = 8092  # health and metrics
    namespace: str = "default"
    deployment: str = "web-viewer-render"
    selector: str = ""  # the Deployment's own if empty
    lease: str = "web-viewer-controller"
    target_sessions: int = 20
    minimum: int = 1
    maximum: int = 10
    warm_spare: int = 1
    scale_down_delay_s: float = 300.0
    drain_limit_s: float = 120.0
    interval_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the log goes and how much of it."""

    file: Path | None = None
    level: str = "info"
    to_console: bool = True
    flush: bool = True
    high_precision_time: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of ours may need, handed down from its main function."""

    database: DatabaseSettings
    control: ControlSettings
    storage: StorageSettings
    render: RenderSettings
    node: NodeSettings
    tls: TlsSettings
    controller: ControllerSettings
    log: LogSettings
    internal_token: str = field(repr=False)  # the join secret: proves that a caller is a node of ours
    role: Role = Role.UNIFIED
    link_by_params_policy: LinkByParamsPolicy = LinkByParamsPolicy.FORBIDDEN
