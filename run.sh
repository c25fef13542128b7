#!/usr/bin/env bash
# ./run.sh [options]   builds SseListener in Release and starts it (--help lists the options)
# ./run.sh bench       measures it beside other servers on this machine (bench --help)
# ./run.sh tail URL    prints the events of a stream
# ./run.sh test        restores, builds with warnings as errors, and runs every test
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

if [ "${1:-}" = test ]; then
  shift
  dotnet build SseListener.sln -c Release
  exec dotnet test SseListener.sln -c Release --no-build --logger "console;verbosity=minimal" "$@"
fi

dotnet build SseListener -c Release --verbosity quiet >&2
exec dotnet SseListener/bin/Release/net10.0/SseListener.dll "$@"
