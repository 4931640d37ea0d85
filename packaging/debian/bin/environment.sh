# Where the packaged programs find their things, whoever starts them and from whatever folder. What is set already stays.

ETC=/etc/inobitec-web-dicom-viewer-server
LOGS=/var/log/inobitec-web-dicom-viewer-server
PYTHON=/opt/inobitec-web-dicom-viewer-server/venv/bin/python3

# Modules are never read from the current folder. Only the package compiles modules, also where root starts a program.
export PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1

# the join secret of the nodes; the unified build makes its own at each start
if [ -z "${WEBVIEWER_INTERNAL_TOKEN-}${WEBVIEWER_INTERNAL_TOKEN_FILE-}" ] && [ -e "$ETC/join-secret" ]; then
	export WEBVIEWER_INTERNAL_TOKEN_FILE="$ETC/join-secret"
fi
