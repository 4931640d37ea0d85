"""The table of all settings: name, file, key, environment variable, rule, description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webviewer.config.kinds import Address, Choice, Choices, Flag, Kind, Location, Networks, Number, Peers, Text
from webviewer.config.records import DatabaseDriver, Function, LinkByParamsPolicy, PatientConflictPolicy, Role
from webviewer.core.process import LIFELINE_VARIABLE


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: where it is written and what it may be."""

    name: str  # section.field of the dataclasses above
    file: str  # which file may hold it; "" where only the environment does
    json_key: str
    variable: str
    kind: Kind
    help: str
    no_effect_yet: str = ""  # why a key of the manual does nothing in this version: said in the README and in the log
    roles: frozenset[Role] = frozenset(Role)  # whose main file may hold it


MAIN_FILE = "renderserverconfig.json"
MAIN_FILES: Mapping[Role, str] = {
    Role.UNIFIED: MAIN_FILE,
    Role.CONTROL: "controlnodeconfig.json",
    Role.STORAGE: "storagenodeconfig.json",
}
CONTROL_FILE = "control.json"
STORAGE_FILE = "storage.json"
SIDE_FILES: Mapping[Role, tuple[str, ...]] = {
    Role.UNIFIED: (CONTROL_FILE, STORAGE_FILE),
    Role.CONTROL: (CONTROL_FILE,),
    Role.STORAGE: (STORAGE_FILE,),
}

_PORT = Number(1, 65535)
_HOST = Text("a host name or an address", r"[A-Za-z0-9.:_-]{1,253}")
_LABEL = Text("a name of Kubernetes: 1 to 63 small letters, digits and -", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = Text("a name of Kubernetes: 1 to 253 small letters, digits, - and .", r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SECRET = Text("a text on one line", r"[^\r\n\0]*")
_UNIFIED = frozenset({Role.UNIFIED})

KEYS: tuple[Key, ...] = (
    Key(
        "role",
        "",
        "",
        "WEBVIEWER_ROLE",
        Choice(tuple(Role), Role),
        "what the process is to the system: each executable knows its own, `unified` makes it a part of RenderServer",
    ),
    Key(
        "storage.storage",
        MAIN_FILE,
        "storage",
        "WEBVIEWER_STORAGE",
        Location(),
        "folder of the stored objects; for a control node that of its SQLite file",
    ),
    Key(
        "database.driver",
        MAIN_FILE,
        "driver",
        "WEBVIEWER_DATABASE_DRIVER",
        Choice(tuple(DatabaseDriver), DatabaseDriver),
        "database driver",
    ),
    Key(
        "database.name",
        MAIN_FILE,
        "name",
        "WEBVIEWER_DATABASE_NAME",
        Text(),
        "database name, for SQLite the path of the file: `webviewer-database` in the storage folder if left out",
    ),
    Key("database.host", MAIN_FILE, "host", "WEBVIEWER_DATABASE_HOST", Text(), "database server (PostgreSQL)"),
    Key("database.port", MAIN_FILE, "port", "WEBVIEWER_DATABASE_PORT", _PORT, "its port"),
    Key("database.user", MAIN_FILE, "user", "WEBVIEWER_DATABASE_USER", Text(), "its user"),
    Key("database.password", MAIN_FILE, "password", "WEBVIEWER_DATABASE_PASSWORD", _SECRET, "the user's password"),
    Key(
        "link_by_params_policy",
        MAIN_FILE,
        "link_by_params_policy",
        "WEBVIEWER_LINK_BY_PARAMS_POLICY",
        Choice(tuple(LinkByParamsPolicy), LinkByParamsPolicy),
        "what a link made of study parameters may show",
        "this version makes no links yet",
        frozenset({Role.UNIFIED, Role.CONTROL}),
    ),
    Key("control.host", CONTROL_FILE, "host", "WEBVIEWER_HOST", _HOST, "address of the HTTP listener"),
    Key("control.port", CONTROL_FILE, "port", "WEBVIEWER_PORT", _PORT, "its port"),
    Key(
        "control.internal_port",
        CONTROL_FILE,
        "internal_port",
        "WEBVIEWER_INTERNAL_PORT",
        _PORT,
        "port of metrics and of calls from other nodes",
    ),
    Key(
        "control.internal_host",
        CONTROL_FILE,
        "internal_host",
        "WEBVIEWER_INTERNAL_HOST",
        _HOST,
        "address of that port: this machine alone unless nodes or a monitor run elsewhere; metrics need no token there",
    ),
    Key("control.html", CONTROL_FILE, "html", "WEBVIEWER_HTML", Location(), "folder of the built pages"),
    Key(
        "control.session_idle_s",
        CONTROL_FILE,
        "session_idle_s",
        "WEBVIEWER_SESSION_IDLE_S",
        Number(60, 7 * 24 * 3600),
        "seconds without a request, or work on a picture, after which a session ends",
    ),
    Key(
        "control.secure_cookie",
        CONTROL_FILE,
        "secure_cookie",
        "WEBVIEWER_SECURE_COOKIE",
        Flag(),
        "send the cookie over HTTPS only: set it behind a TLS proxy",
    ),
    Key(
        "control.trusted_proxies",
        CONTROL_FILE,
        "trusted_proxies",
        "WEBVIEWER_TRUSTED_PROXIES",
        Networks(),
        "addresses of reverse proxies: only theirs say which client is behind them",
    ),
    Key(
        "control.proxy_count",
        CONTROL_FILE,
        "proxy_count",
        "WEBVIEWER_PROXY_COUNT",
        Number(1, 10),
        "trusted proxies that a request passes one after the other: how many addresses of X-Forwarded-For count",
    ),
    Key(
        "control.max_connections",
        CONTROL_FILE,
        "max_connections",
        "WEBVIEWER_MAX_CONNECTIONS",
        Number(64, 60000),
        "connections of the HTTP listener, an eighth of them for clients that have not signed in",
    ),
    Key(
        "control.max_connections_per_address",
        CONTROL_FILE,
        "max_connections_per_address",
        "WEBVIEWER_MAX_CONNECTIONS_PER_ADDRESS",
        Number(8, 60000),
        "connections of one address that have not signed in (IPv6: of one /64)",
    ),
    Key(
        "control.functions",
        CONTROL_FILE,
        "functions",
        "WEBVIEWER_FUNCTIONS",
        Choices(tuple(Function), Function),
        "parts of the control node that this process serves; `health` always",
    ),
    Key("storage.host", STORAGE_FILE, "host", "WEBVIEWER_STORAGE_HOST", _HOST, "address of the internal HTTP"),
    Key("storage.port", STORAGE_FILE, "port", "WEBVIEWER_STORAGE_PORT", _PORT, "its port"),
    Key(
        "node.control_url",
        STORAGE_FILE,
        "control",
        "WEBVIEWER_CONTROL_URL",
        Address(),
        "the control node's internal HTTP, where storage and render nodes register",
    ),
    Key(
        "node.address", STORAGE_FILE, "address", "WEBVIEWER_NODE_ADDRESS", Address(), "where other nodes reach this one"
    ),
    Key(
        "node.name",
        "",
        "",
        "WEBVIEWER_NODE_NAME",
        Text("1 to 253 letters, digits and . _ -", r"[A-Za-z0-9._-]{1,253}"),
        "name that a render node keeps over restarts; its address if left out",
    ),
    Key(
        "node.scu",
        STORAGE_FILE,
        "scu",
        "WEBVIEWER_SCU",
        Text(
            "an AE title: 1 to 16 printable characters",
            r"[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?",
        ),
        "AE title of the storage node where it asks other systems",
    ),
    Key("tls.certificate", "", "", "WEBVIEWER_TLS_CERTIFICATE", Location(), "certificate of this node's internal HTTP"),
    Key("tls.key", "", "", "WEBVIEWER_TLS_KEY", Location(), "its private key"),
    Key("tls.ca", "", "", "WEBVIEWER_TLS_CA", Location(), "authority whose certificates of other nodes are believed"),
    Key(
        "storage.dicom_host", STORAGE_FILE, "dicom_host", "WEBVIEWER_DICOM_HOST", _HOST, "address of the DICOM listener"
    ),
    Key("storage.dicom_port", STORAGE_FILE, "dicom_port", "WEBVIEWER_DICOM_PORT", _PORT, "its port"),
    Key("storage.acceptors", STORAGE_FILE, "acceptors", "WEBVIEWER_ACCEPTORS", Number(1, 64), "receiving processes"),
    Key(
        "storage.max_associations",
        STORAGE_FILE,
        "max_associations",
        "WEBVIEWER_MAX_ASSOCIATIONS",
        Number(1, 4096),
        "DICOM associations at once",
    ),
    Key(
        "storage.ae_title_associations_percent",
        STORAGE_FILE,
        "ae_title_associations_percent",
        "WEBVIEWER_AE_TITLE_ASSOCIATIONS_PERCENT",
        Number(1, 100),
        "share of the associations that one calling AE title may hold, at least one",
    ),
    Key(
        "storage.address_associations_percent",
        STORAGE_FILE,
        "address_associations_percent",
        "WEBVIEWER_ADDRESS_ASSOCIATIONS_PERCENT",
        Number(1, 100),
        "share of the associations that one address (a router with many devices, say) may hold, at least one",
    ),
    Key(
        "storage.max_pdu_bytes",
        STORAGE_FILE,
        "max_pdu_bytes",
        "WEBVIEWER_MAX_PDU_BYTES",
        Number(4096, 16 * 1024**2),
        "largest PDU that is received",
    ),
    Key(
        "storage.idle_timeout_s",
        STORAGE_FILE,
        "idle_timeout_s",
        "WEBVIEWER_IDLE_TIMEOUT_S",
        Number(1, 3600, fraction=True),
        "seconds of silence after which an association is aborted",
    ),
    Key(
        "storage.max_object_bytes",
        STORAGE_FILE,
        "max_object_bytes",
        "WEBVIEWER_MAX_OBJECT_BYTES",
        Number(1024**2, 1024**4),
        "largest object that is stored",
    ),
    Key(
        "storage.scrub_bytes_per_s",
        STORAGE_FILE,
        "scrub_bytes_per_s",
        "WEBVIEWER_SCRUB_BYTES_PER_S",
        Number(0, 1024**4),
        "bytes per second at which stored files are verified in the background, a tenth beside other work; 0: never",
    ),
    Key(
        "storage.upload_expiry_s",
        STORAGE_FILE,
        "upload_expiry_s",
        "WEBVIEWER_UPLOAD_EXPIRY_S",
        Number(60, 604800, fraction=True),
        "seconds without a byte after which an upload that is not complete is dropped",
    ),
    Key("storage.peers", STORAGE_FILE, "peers", "WEBVIEWER_PEERS", Peers(), "who may send"),
    Key(
        "storage.patient_conflict_policy",
        STORAGE_FILE,
        "patient_conflict_policy",
        "WEBVIEWER_PATIENT_CONFLICT_POLICY",
        Choice(tuple(PatientConflictPolicy), PatientConflictPolicy),
        "an object whose patient is another one than the study's: stored in a study row of its own, or refused",
    ),
    Key("render.host", "", "", "WEBVIEWER_RENDER_HOST", _HOST, "address of the render node"),
    Key("render.port", "", "", "WEBVIEWER_RENDER_PORT", _PORT, "its port"),
    Key(
        "render.device",
        MAIN_FILE,
        "device",
        "WEBVIEWER_DEVICE",
        Number(0, 255),
        "number of the rendering device in the list that is printed at the start; the fastest if left out",
        roles=_UNIFIED,
    ),
    Key(
        "render.off_screen",
        "",
        "",
        "WEBVIEWER_OFF_SCREEN",
        Choice(("auto", "egl", "glfw")),
        "how it draws without a screen: by EGL, or in a hidden window of GLFW, which needs a desktop; auto: EGL if any",
    ),
    Key(
        "render.render_bandwidth_bytes_per_s",
        MAIN_FILE,
        "render_bandwidth",
        "WEBVIEWER_RENDER_BANDWIDTH",
        Number(1, 10**12),
        "bytes per second that one render context may send",
        roles=_UNIFIED,
    ),
    Key(
        "render.max_thread_pool_threads",
        MAIN_FILE,
        "max_thread_pool_threads",
        "WEBVIEWER_MAX_THREAD_POOL_THREADS",
        Number(1, 256),
        "threads that decode and encode",
        roles=_UNIFIED,
    ),
    Key("render.image_cache", MAIN_FILE, "image_cache", "WEBVIEWER_IMAGE_CACHE", Flag(), "keep images", roles=_UNIFIED),
    Key(
        "render.volume_cache",
        MAIN_FILE,
        "volume_cache",
        "WEBVIEWER_VOLUME_CACHE",
        Flag(),
        "keep volumes that nobody looks at any more",
        roles=_UNIFIED,
    ),
    Key(
        "render.image_cache_bytes",
        MAIN_FILE,
        "image_cache_bytes",
        "WEBVIEWER_IMAGE_CACHE_BYTES",
        Number(16 * 1024**2, 1024**4),
        "bytes of images to keep",
        roles=_UNIFIED,
    ),
    Key(
        "render.volume_cache_bytes",
        MAIN_FILE,
        "volume_cache_bytes",
        "WEBVIEWER_VOLUME_CACHE_BYTES",
        Number(16 * 1024**2, 1024**4),
        "bytes that all volumes may take together, those that are looked at too",
        roles=_UNIFIED,
    ),
    Key(
        "controller.host", "", "", "WEBVIEWER_CONTROLLER_HOST", _HOST, "address of the controller's health and metrics"
    ),
    Key("controller.port", "", "", "WEBVIEWER_CONTROLLER_PORT", _PORT, "its port"),
    Key("controller.namespace", "", "", "WEBVIEWER_CONTROLLER_NAMESPACE", _LABEL, "namespace of the render nodes"),
    Key("controller.deployment", "", "", "WEBVIEWER_CONTROLLER_DEPLOYMENT", _NAME, "Deployment of the render nodes"),
    Key(
        "controller.selector",
        "",
        "",
        "WEBVIEWER_CONTROLLER_SELECTOR",
        Text("a label selector", r"[A-Za-z0-9=!(),./_ -]{0,1000}"),
        "labels of their pods; the Deployment's own if left out",
    ),
    Key("controller.lease", "", "", "WEBVIEWER_CONTROLLER_LEASE", _NAME, "Lease that the acting controller holds"),
    Key(
        "controller.target_sessions",
        "",
        "",
        "WEBVIEWER_CONTROLLER_TARGET_SESSIONS",
        Number(1, 10_000),
        "sessions that one render node is to have",
    ),
    Key(
        "controller.minimum", "", "", "WEBVIEWER_CONTROLLER_MINIMUM", Number(0, 10_000), "render nodes that always run"
    ),
    Key(
        "controller.maximum",
        "",
        "",
        "WEBVIEWER_CONTROLLER_MAXIMUM",
        Number(1, 10_000),
        "render nodes that may ever run",
    ),
    Key(
        "controller.warm_spare",
        "",
        "",
        "WEBVIEWER_CONTROLLER_WARM_SPARE",
        Number(0, 10_000),
        "render nodes that run beyond what the sessions need, for those who come while another one starts",
    ),
    Key(
        "controller.scale_down_delay_s",
        "",
        "",
        "WEBVIEWER_CONTROLLER_SCALE_DOWN_DELAY_S",
        Number(0, 24 * 3600, fraction=True),
        "seconds for which fewer must have been enough before the pool shrinks",
    ),
    Key(
        "controller.drain_limit_s",
        "",
        "",
        "WEBVIEWER_CONTROLLER_DRAIN_LIMIT_S",
        Number(10, 24 * 3600, fraction=True),
        "seconds after which a node that is being emptied goes though it still has sessions",
    ),
    Key(
        "controller.interval_s",
        "",
        "",
        "WEBVIEWER_CONTROLLER_INTERVAL_S",
        Number(1, 300, fraction=True),
        "seconds between two looks",
    ),
    Key("log.file", "", "", "WEBVIEWER_LOG_FILE", Location(), "the log file"),
    Key(
        "log.level", "", "", "WEBVIEWER_LOG_LEVEL", Choice(("error", "warning", "info", "debug")), "how much is logged"
    ),
    Key("log.to_console", "", "", "WEBVIEWER_LOG_TO_CONSOLE", Flag(), "log to the console too"),
    Key("log.flush", "", "", "WEBVIEWER_LOG_FLUSH", Flag(), "write each message at once"),
    Key(
        "log.high_precision_time",
        "",
        "",
        "WEBVIEWER_LOG_HIGH_PRECISION_TIME",
        Flag(),
        "microseconds in time stamps",
    ),
    Key(
        "internal_token",
        "",
        "",
        "WEBVIEWER_INTERNAL_TOKEN",
        Text("at least 16 characters without spaces", r"[\x21-\x7e]{16,}"),
        "join secret: what proves to a node that a caller is one of the same system; the unified build makes its own",
    ),
)

KEY_OF_NAME = {key.name: key for key in KEYS}
VARIABLE_PREFIX = "WEBVIEWER_"
MASTER_PASSWORD_VARIABLE = "WEBVIEWER_MASTER_DB_PASSWORD"  # noqa: S105  its name
SECRET_VARIABLES = ("WEBVIEWER_DATABASE_PASSWORD", "WEBVIEWER_INTERNAL_TOKEN", MASTER_PASSWORD_VARIABLE)
KNOWN_VARIABLES = frozenset(
    {key.variable for key in KEYS}
    | set(SECRET_VARIABLES)
    | {f"{variable}_FILE" for variable in SECRET_VARIABLES}
    | {LIFELINE_VARIABLE}
)
