#!/bin/sh
# Entrypoint of a container that takes its agent with it: enrolls and starts the command as entrypoint.sh does, waits for
# its end, and then has the agent deleted by the manager's REST API. For containers without a volume, whose name nobody
# takes up again; with a volume the next container is the same agent, and entrypoint.sh alone is the one to use.
#
# Beside what entrypoint.sh takes:
#   RETIRE_API_URL            the REST API [default: https://MANAGER:55000]
#   RETIRE_API_USER           who may read and delete agents there (required)
#   RETIRE_API_PASSWORD_FILE  a mounted secret with that user's password [default: /run/secrets/api_password]
#   RETIRE_PIN, RETIRE_CA     the key (sha256:HEX) or the CA (PEM file) by which the API is trusted
#   RETIRE_DEADLINE           how long it may take [default: 20s]; less than the container is given to end
# What does not succeed is told, and changes nothing about the exit code of the command.
set -eu

: "${RETIRE_API_USER:?may read and delete agents by the REST API}"
state=${AGENT_STATE:-/var/lib/agent-enroll}

# It has to be a child: whoever becomes the command cannot do anything after it.
"$(dirname "$0")/entrypoint.sh" "$@" &
child=$!
trap 'kill -TERM "$child" 2> /dev/null || true' TERM INT HUP
# A signal ends a wait early.
status=0
wait "$child" || status=$?
while kill -0 "$child" 2> /dev/null; do
  status=0
  wait "$child" || status=$?
done
# The agent has ended, so that its key is in nobody's use. Nothing keeps the rest from being done.
trap '' TERM INT HUP

set -- --api-user "$RETIRE_API_USER" --api-password-file "${RETIRE_API_PASSWORD_FILE:-/run/secrets/api_password}"
[ -z "${RETIRE_API_URL:-}" ] || set -- "$@" --api-url "$RETIRE_API_URL"
[ -z "${RETIRE_PIN:-}" ] || set -- "$@" --pin "$RETIRE_PIN"
[ -z "${RETIRE_CA:-}" ] || set -- "$@" --ca "$RETIRE_CA"
agent-enroll retire --no-machine-binding --agent-home "${AGENT_HOME:-/var/ossec}" --keys "$state/client.keys" \
  --deadline "${RETIRE_DEADLINE:-20s}" "$@" || echo "The agent was not retired (exit $?)." >&2

exit "$status"
