#!/bin/sh
# Entrypoint of a container with an agent in it: enrolls, then becomes the command that was given.
#
# A container has no name of its own, and a new key at every start would leave an agent behind each time. So:
#   AGENT_NAME                the agent's name, the same at every start (required): that of the service and its slot
#   AGENT_STATE               a volume for the key, one per container [default: /var/lib/agent-enroll]: what is recreated
#                             with it is the same agent, and nothing is asked of the manager
#   WAZUH_MANAGER             the manager, and whatever else `agent-enroll --help` shows
#   ENROLLMENT_PASSWORD_FILE  a mounted secret [default: /run/secrets/enrollment_password, if it is there]
#   ENROLLMENT_TOKEN_FILE     the enrollment token of a Wazuh 5, in place of the manager and the password
#                             [default: /run/secrets/enrollment_token, if it is there]
#   AGENT_OPTIONS             further options of `agent-enroll`, separated by spaces
# What happens where there is no volume is up to the manager: see docs/deploy/containers.md.
set -eu

: "${AGENT_NAME:?names this agent, and must be the same at every start}"
state=${AGENT_STATE:-/var/lib/agent-enroll}
home=${AGENT_HOME:-/var/ossec}
password=${ENROLLMENT_PASSWORD_FILE:-/run/secrets/enrollment_password}
token=${ENROLLMENT_TOKEN_FILE:-/run/secrets/enrollment_token}

# The key and the message counters live in the volume. Counters that start again are refused by some managers.
mkdir -p "$state" "$home/etc" "$home/queue"
if [ ! -d "$state/rids" ]; then
  if [ -d "$home/queue/rids" ]; then cp -a "$home/queue/rids" "$state/rids"; else mkdir "$state/rids"; fi
fi
if [ ! -L "$home/queue/rids" ]; then
  rm -rf "$home/queue/rids"
  ln -s "$state/rids" "$home/queue/rids"
fi
ln -sfn "$state/client.keys" "$home/etc/client.keys"
# What a Wazuh 5 gives with the key lies beside it: the secret for another key, and the CA.
ln -sfn "$state/reenroll.secret" "$home/etc/reenroll.secret"
if [ ! -L "$home/etc/certs" ]; then
  rm -rf "$home/etc/certs"
  ln -s "$state/certs" "$home/etc/certs"
fi

# The volume says which agent this is, wherever the container runs: the key is not tied to a machine.
enroll() {
  # shellcheck disable=SC2086 # Several options.
  agent-enroll --no-machine-binding --name "$AGENT_NAME" --agent-home "$home" --keys "$state/client.keys" \
    ${AGENT_OPTIONS:-} "$@"
}
status=0
if [ -e "$token" ] || [ -n "${ENROLLMENT_TOKEN_FILE:-}" ]; then
  enroll --token-file "$token" || status=$?
elif [ -e "$password" ] || [ -n "${ENROLLMENT_PASSWORD_FILE:-}" ]; then
  enroll --password-file "$password" || status=$?
else
  enroll || status=$?
fi
# Once there is a key, a manager that is away (3) or does not acknowledge it (7) does not keep the agent from starting:
# it waits for its manager by itself.
case $status in
  0) ;;
  3 | 7) [ -s "$state/client.keys" ] || exit "$status" ;;
  *) exit "$status" ;;
esac

exec "$@"
