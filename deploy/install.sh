#!/bin/sh
# Installs the agent-enroll binary for this machine, after its SHA-256 sum was found right. Needs nothing but a shell,
# sha256sum (or shasum), and curl or wget where the source is a URL.
set -eu

usage() {
  cat << 'END'
Usage: install.sh --from URL|DIRECTORY [--sha256 HEX] [--public-key KEY] [--to DIRECTORY]

  --from        where the binaries and SHA256SUMS are: http(s)://..., file://..., or a directory
  --sha256      the sum that the binary must have; without it SHA256SUMS of the source decides, which protects against
                a broken download, not against somebody who can change the source
  --public-key  the minisign key that must have signed SHA256SUMS: its line RW..., not a file. Where minisign is not
                installed it takes --sha256, too, and the signature is not looked at
  --to          where to install agent-enroll [default: /usr/local/bin]
END
}

fail() {
  echo "install.sh: $1" >&2
  exit "${2:-1}"
}

from='' sha256='' key='' to=/usr/local/bin
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --from | --sha256 | --public-key | --to) if [ $# -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value." 2; fi ;;
    *) usage >&2; fail "unknown argument: $1" 2 ;;
  esac
  case $1 in
    --from) from=${2%/} ;;
    --sha256) sha256=$(printf '%s' "$2" | tr 'A-F' 'a-f') ;;
    --public-key) key=$2 ;;
    --to) to=${2%/} ;;
  esac
  shift 2
done
[ -n "$from" ] || { usage >&2; fail 'say where to install from: --from' 2; }

[ "$(uname -s)" = Linux ] || fail "there is no binary for $(uname -s)."
case $(uname -m) in
  x86_64 | amd64) file=agent-enroll-linux-x64 ;;
  aarch64 | arm64) file=agent-enroll-linux-arm64 ;;
  *) fail "there is no binary for $(uname -m)." ;;
esac

sum_of() {
  if command -v sha256sum > /dev/null; then sha256sum < "$1" | cut -d ' ' -f 1
  elif command -v shasum > /dev/null; then shasum -a 256 < "$1" | cut -d ' ' -f 1
  else fail 'neither sha256sum nor shasum is here to check the download with.'
  fi
}

# fetch NAME TARGET
fetch() {
  case $from in
    http://* | https://*)
      if command -v curl > /dev/null; then
        curl --fail --silent --show-error --location --retry 3 --output "$2" "$from/$1" || fail "cannot fetch $from/$1"
      elif command -v wget > /dev/null; then
        wget -q -O "$2" "$from/$1" || fail "cannot fetch $from/$1"
      else
        fail 'neither curl nor wget is here to fetch it with.'
      fi ;;
    file://*) cp -- "${from#file://}/$1" "$2" || fail "cannot read $from/$1" ;;
    *) cp -- "$from/$1" "$2" || fail "cannot read $from/$1" ;;
  esac
}

[ -d "$to" ] || mkdir -p -- "$to" || fail "cannot create $to"
# In the directory of the target, so that the last step is a rename: a running agent-enroll keeps its file.
scratch=$(mktemp -d "$to/.agent-enroll.XXXXXX") || fail "cannot write to $to"
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

signed=''
if [ -n "$key" ]; then
  if command -v minisign > /dev/null; then signed=yes
  elif [ -z "$sha256" ]; then fail 'minisign is not installed, so the signature cannot be checked: install it, or give --sha256.'
  else echo 'install.sh: minisign is not installed: the signature was not checked, the sum is.' >&2
  fi
fi
if [ -z "$sha256" ] || [ -n "$signed" ]; then
  fetch SHA256SUMS "$scratch/SHA256SUMS"
  if [ -n "$signed" ]; then
    fetch SHA256SUMS.minisig "$scratch/SHA256SUMS.minisig"
    minisign -V -q -P "$key" -m "$scratch/SHA256SUMS" > /dev/null ||
      fail "$from/SHA256SUMS is not signed with this key. Nothing was installed."
  fi
  # Lines as sha256sum writes them: SUM, a space, a space or an asterisk, NAME.
  listed=$(sed -n "s/^\([0-9a-fA-F]\{64\}\) [ *]$file\$/\1/p" "$scratch/SHA256SUMS" | tr 'A-F' 'a-f')
  [ -n "$listed" ] || fail "$from/SHA256SUMS has no line for $file."
  if [ -z "$sha256" ]; then sha256=$listed; fi
  [ "$listed" = "$sha256" ] || fail "$from/SHA256SUMS says another sum than --sha256. Nothing was installed."
fi
case $sha256 in
  *[!0-9a-f]*) fail '--sha256 takes 64 hexadecimal digits.' 2 ;;
esac
[ ${#sha256} -eq 64 ] || fail '--sha256 takes 64 hexadecimal digits.' 2

fetch "$file" "$scratch/agent-enroll"
found=$(sum_of "$scratch/agent-enroll")
[ "$found" = "$sha256" ] || fail "$from/$file has the SHA-256 sum $found, not $sha256. Nothing was installed."
chmod 0755 "$scratch/agent-enroll"
"$scratch/agent-enroll" --version > "$scratch/version" || fail "$from/$file does not run on this machine. Nothing was installed."
mv -- "$scratch/agent-enroll" "$to/agent-enroll"
echo "Installed agent-enroll $(cat "$scratch/version") as $to/agent-enroll"
