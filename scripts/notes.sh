#!/usr/bin/env bash
# Prints the part of CHANGELOG.md that belongs to a version, such as v0.1.0,
# which must be the one that the module says of itself.
set -eu
cd "$(dirname "$0")/.."
version=${1#v}
grep -qF "return \"$version\"" otelresource/version.go || {
	echo "Version() in otelresource/version.go is not $version." >&2
	exit 1
}
notes=$(awk -v version="$version" '
	/^## \[/ { wanted = index($0, "## [" version "]") == 1; next }
	/^\[[^]]*\]: / { wanted = 0 }
	wanted' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || {
	echo "CHANGELOG.md has no part for $version." >&2
	exit 1
}
printf '%s\n' "$notes"
