#!/usr/bin/env bash
# Runs the linters over the code of every operating system that has some of
# its own. Through -exec the linter itself is built for this machine.
set -eu
linter=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
cd "$(dirname "$0")/.."
status=0
for target in linux darwin; do
	echo "golangci-lint for $target"
	go run -exec "env GOOS=$target CGO_ENABLED=0" "$linter" run --allow-parallel-runners || status=1
done
exit $status
