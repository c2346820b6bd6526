#!/bin/sh
# Rewrites the lock files from the .in files next to it: sh requirements/compile.sh pip-compile
# Every file is pinned with hashes; no registry address and no path of this machine gets in.
set -eu
pip_compile=$1
cd "$(dirname "$0")"
compile() {
	name=$1
	shift
	echo "requirements/$name.lock"
	CUSTOM_COMPILE_COMMAND="make lock" "$pip_compile" --quiet --allow-unsafe --generate-hashes \
		--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file "$name.lock" "$name.in" "$@"
}
compile dev
compile standalone --constraint dev.lock
compile runtime --constraint dev.lock
compile fallback --constraint dev.lock
compile web --constraint dev.lock
