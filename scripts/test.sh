#!/usr/bin/env bash
# Runs every check and test that this machine allows, goes on after a failure,
# and ends with what was skipped and why and with what failed.
set -u
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SKIPPED=$work/skipped
: >"$SKIPPED"
# A checkout that belongs to another user must not stop a build.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"
began=$SECONDS
failed=()

skip() { echo "$*" >>"$SKIPPED"; }

step() { # step NAME COMMAND...
	local name=$1 start=$SECONDS result=passed
	shift
	echo "== $name"
	"$@" || {
		result=FAILED
		failed+=("$name")
	}
	echo "-- $name: $result in $((SECONDS - start)) s"
}

formatted() {
	local files
	files=$(gofmt -l .) || return 1
	[ -z "$files" ] && return
	echo "gofmt would change:"
	echo "$files"
	return 1
}

vet() { # vet OS/ARCH
	CGO_ENABLED=0 GOOS=${1%/*} GOARCH=${1#*/} go vet ./...
}

# The race detector needs cgo and a C compiler.
has_compiler() { [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC | cut -d ' ' -f 1)" >/dev/null; }
race=-race
if ! has_compiler; then
	if [ "${CGO_ENABLED:-}" != 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "== C compiler for the race detector"
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
	fi
	has_compiler || {
		race=
		skip "race detector: cgo is off or there is no C compiler ($(go env CC))"
	}
fi

# The Collector's module is one file that the end-to-end test builds; vetting it
# would compile the Collector a second time. The backend's only pins versions.
vetted() { case $1 in */e2e/collector | */e2e/backend) ;; *) go vet ./... ;; esac }

module() { # module FOLDER
	# Of the lab a few runtimes and one machine are enough here; the rest is make lab's.
	local arguments=(-timeout=20m ./...)
	[ "$1" != ./internal/lab ] || arguments=(-timeout=20m -short . ./matrix)
	cd "$root/$1" && vetted "$1" && "$root/scripts/gotest.sh" "${arguments[@]}"
}

step "format" formatted
for target in linux/amd64 linux/arm64 linux/386 linux/arm darwin/arm64 darwin/amd64 windows/amd64; do
	step "vet for $target" vet "$target"
done
step "linters" scripts/lint.sh
step "API compatibility" scripts/api.sh
# shellcheck disable=SC2086 # no argument where there is no race detector
step "tests${race:+ with the race detector}" scripts/gotest.sh $race -timeout=10m ./...
step "fuzzing" scripts/fuzz.sh
while read -r mod; do
	step "module ${mod#./}" eval '(module "$mod")'
done < <(find . -mindepth 2 -name go.mod -not -path '*/testdata/*' -exec dirname {} \; | sort -r)

echo
if [ -s "$SKIPPED" ]; then
	echo "Skipped:"
	sed 's/^/  /' "$SKIPPED"
else
	echo "Nothing was skipped."
fi
if [ ${#failed[@]} -gt 0 ]; then
	echo "FAILED after $((SECONDS - began)) s:"
	printf '  %s\n' "${failed[@]}"
	exit 1
fi
echo "Everything passed in $((SECONDS - began)) s."
