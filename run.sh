#!/usr/bin/env bash
# ./run.sh [options]        builds SseListener in Release, if anything has changed, and starts it (help lists the options)
# ./run.sh tail URL         prints the events of a stream
# ./run.sh pub URL [DATA]   publishes DATA, or each line of standard input
# ./run.sh token …          signs a token, or checks one (token --help)
# ./run.sh health [URL]     asks whether a server is well
# ./run.sh bench            measures it beside other servers on this machine (bench --help)
# ./run.sh test             restores, builds with warnings as errors, and runs every test
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

if [ "${1:-}" = test ]; then
  shift
  dotnet build SseListener.sln -c Release
  exec dotnet test SseListener.sln -c Release --no-build --logger "console;verbosity=minimal" "$@"
fi

# A build that finds nothing to do takes seconds. Folders change with the names in them.
program=SseListener/bin/Release/net10.0/SseListener.dll
built=SseListener/obj/run.built
changed() {
  [ ! -e "$program" ] || [ ! -e "$built" ] ||
    [ -n "$(find SseListener public .editorconfig \( -path SseListener/bin -o -path SseListener/obj \) -prune -o \
      ! -name '*.md' -newer "$built" -print -quit)" ]
}

if changed; then
  echo "Building …" >&2
  mkdir -p SseListener/bin SseListener/obj
  touch "$built.next"
  output=$(dotnet msbuild SseListener -restore -property:Configuration=Release -verbosity:quiet -nologo 2>&1) || { echo "$output" >&2; exit 1; }
  mv "$built.next" "$built"
fi

exec dotnet "$program" "$@"
