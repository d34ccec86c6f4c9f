#!/usr/bin/env bash
# Runs the linters over the workflows, and over the code of every operating
# system that has some of its own. Through -exec the linter itself is built for this machine.
set -eu
workflows=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
linter=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
cd "$(dirname "$0")/.."
status=0
echo "actionlint"
go run "$workflows" .github/workflows/*.yml || status=1
for target in linux darwin; do
	echo "golangci-lint for $target"
	go run -exec "env GOOS=$target CGO_ENABLED=0" "$linter" run --allow-parallel-runners || status=1
done
exit $status
