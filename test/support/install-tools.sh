#!/bin/sh
# `npm run test:tools`: installs the Debian packages that the suites use (tools.txt), only those that are missing.
# Needs root and apt; elsewhere it says what is missing and fails, and `npm test` skips what needs it.
list="$(dirname "$0")/tools.txt"

# Prints the packages whose command or file is not there, each once.
missing() {
  while read -r wanted package; do
    case "$wanted" in
      '' | '#'*) continue ;;
      # Unquoted: the pattern shall expand; a pattern without a match stays as it is and is no file.
      /*) for file in $wanted; do [ -e "$file" ] || echo "$package"; done ;;
      *) command -v "$wanted" >/dev/null 2>&1 || echo "$package" ;;
    esac
  done <"$list" | sort -u
}

# Debian keeps some of them where only root looks.
PATH="$PATH:/usr/sbin:/sbin"
wanted=$(missing)
if [ -z "$wanted" ]; then
  echo 'test:tools: everything is installed'
  exit 0
fi
echo "test:tools: missing packages:" $wanted
if ! command -v apt-get >/dev/null 2>&1; then
  echo 'test:tools: this system has no apt-get; install their like by hand (names are those of Debian 12)' >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo 'test:tools: not root. Run this as root: apt-get install --no-install-recommends' $wanted >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q || echo 'test:tools: apt-get update failed; trying with the package lists as they are' >&2
apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 $wanted || exit 1

wanted=$(missing)
[ -z "$wanted" ] && exit 0
echo "test:tools: still missing after the installation:" $wanted >&2
exit 1
