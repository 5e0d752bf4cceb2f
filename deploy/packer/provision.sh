#!/bin/sh
# Run by Packer, as root, in the machine that becomes the image; may be run by hand as well.
#   FILES        a directory with install.sh, agent-enroll.service and 50-agent-enroll; it is removed
#   RELEASE      the directory of a release, as install.sh takes it
#   PUBLIC_KEY   the minisign key that must have signed it, or nothing
#   SHA256       the sum that the binary must have, or nothing
#   SETTINGS     lines NAME=VALUE, for /etc/agent-enroll/environment
set -eu

fail() {
  echo "provision.sh: $1" >&2
  exit 1
}

trap 'rm -rf "$FILES"' EXIT

# Each who has the image, or an instance of it, would have the secret.
if printf '%s\n' "$SETTINGS" | grep -Eq '^[A-Z_]*(PASSWORD|TOKEN|SECRET)[A-Z_]*='; then
  fail 'a password or token does not belong into an image: give it to the instance.'
fi

set -- --from "$RELEASE"
if [ -n "$PUBLIC_KEY" ]; then set -- "$@" --public-key "$PUBLIC_KEY"; fi
if [ -n "$SHA256" ]; then set -- "$@" --sha256 "$SHA256"; fi
sh "$FILES/install.sh" "$@"

install -D -m 0644 "$FILES/agent-enroll.service" /etc/systemd/system/agent-enroll.service
install -d -m 0755 /etc/agent-enroll
printf '%s\n' "$SETTINGS" > "$FILES/environment"
install -m 0600 "$FILES/environment" /etc/agent-enroll/environment
systemctl enable agent-enroll.service

# The image may be started, changed and sealed once more: then cloud-init does it.
if [ -d /etc/cloud ]; then install -D -m 0755 "$FILES/50-agent-enroll" /etc/cloud/clean.d/50-agent-enroll; fi

# Sealed: nothing that tells who this machine was, or that a copy of it could be taken for.
sh "$FILES/50-agent-enroll"
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
if [ -e /var/ossec/etc/client.keys ]; then fail '/var/ossec/etc/client.keys is still there: a manager is no image of an agent.'; fi
