#!/usr/bin/env bash
# Compares the exported names of package otelresource, and of those below it, with the
# newest release tag. A change that breaks users has to be told in the changelog by
# a line that begins with "- **Breaking:**".
set -eu
cd "$(dirname "$0")/.."
apidiff=golang.org/x/exp/cmd/apidiff@v0.0.0-20261014143641-f0251eb4aa3e
base=${1:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)}
if [ -z "$base" ]; then
	reason="API compatibility: there is no release tag to compare with"
	echo "$reason"
	[ -z "${SKIPPED:-}" ] || echo "$reason" >>"$SKIPPED"
	exit 0
fi
work=$(mktemp -d)
trap 'git worktree remove --force "$work/old" >/dev/null 2>&1; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/old" "$base"
status=0
for package in $(go list ./otelresource/...); do
	folder=.${package#"$(go list -m)"}
	if [ ! -d "$work/old/$folder" ]; then
		echo "$package: new since $base"
		continue
	fi
	(cd "$work/old" && go run "$apidiff" -w "$work/old.api" "$package")
	go run "$apidiff" -w "$work/new.api" "$package"
	broken=$(go run "$apidiff" -incompatible "$work/old.api" "$work/new.api")
	if [ -n "$broken" ]; then
		echo "$package: incompatible with $base:"
		printf '%s\n' "$broken"
		sed -n '/^## \[Unreleased\]/,/^## \[[0-9]/p' CHANGELOG.md | grep -q '^- \*\*Breaking:\*\*' || status=1
	else
		echo "$package: compatible with $base"
	fi
done
[ $status = 0 ] || echo "A breaking change needs a line that begins with \"- **Breaking:**\" under Unreleased in CHANGELOG.md."
exit $status
