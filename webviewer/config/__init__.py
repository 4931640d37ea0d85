"""Typed settings, read from the documented JSON files and the environment: the only reader of ``os.environ``.

Files (all keys optional, unknown keys are warned of, a wrong value is refused with key, value and rule):

``renderserverconfig.json``  unified build: storage folder, database, link policy; ``controlnodeconfig.json`` and
                             ``storagenodeconfig.json`` for the nodes of the distributed build
``control.json``             control node: address and port of the HTTP listener
``storage.json``             storage node: ports of its internal HTTP and of DICOM, address of the control node

The last two lie beside the first. Relative paths inside a file are relative to that file's folder, except the name of
a SQLite file, which lies in the storage folder. Environment variables win over files (an empty one counts
as none), command lines over both. Secrets also come from the file that a variable ``…_FILE`` names.
"""

from webviewer.config.keys import (
    CONTROL_FILE,
    KEYS,
    KNOWN_VARIABLES,
    MAIN_FILE,
    MAIN_FILES,
    MASTER_PASSWORD_VARIABLE,
    SECRET_VARIABLES,
    STORAGE_FILE,
)
from webviewer.config.load import (
    Configuration,
    environment_of,
    load_configuration,
    load_settings,
    process_environment,
    secret_of,
)
from webviewer.config.records import (
    ControllerSettings,
    ControlSettings,
    DatabaseDriver,
    DatabaseSettings,
    Function,
    LinkByParamsPolicy,
    LogSettings,
    NodeSettings,
    PatientConflictPolicy,
    PeerRule,
    RenderSettings,
    Role,
    Settings,
    StorageSettings,
    TableSet,
    TlsSettings,
)

__all__ = [
    "CONTROL_FILE",
    "KEYS",
    "KNOWN_VARIABLES",
    "MAIN_FILE",
    "MAIN_FILES",
    "MASTER_PASSWORD_VARIABLE",
    "SECRET_VARIABLES",
    "STORAGE_FILE",
    "Configuration",
    "ControlSettings",
    "ControllerSettings",
    "DatabaseDriver",
    "DatabaseSettings",
    "Function",
    "LinkByParamsPolicy",
    "LogSettings",
    "NodeSettings",
    "PatientConflictPolicy",
    "PeerRule",
    "RenderSettings",
    "Role",
    "Settings",
    "StorageSettings",
    "TableSet",
    "TlsSettings",
    "environment_of",
    "load_configuration",
    "load_settings",
    "process_environment",
    "secret_of",
]
