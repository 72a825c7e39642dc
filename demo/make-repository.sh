#!/bin/sh
# Makes demo/repository from demo/specs: signed packages, signed metadata and the public key. What it made is
# committed, so the demo needs none of these tools. The secret key lives in a temporary folder and is thrown away:
# a new run signs everything with a new key.
# Needs rpm (rpmbuild, rpmsign), gnupg and createrepo-c of Debian 12.
set -eu
demo=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
repository="$demo/repository"
user='Waystation Demo <demo@example.com>'

work=$(mktemp -d)
export GNUPGHOME="$work/gnupg"
mkdir -m 0700 "$GNUPGHOME"
trap 'gpgconf --kill gpg-agent; rm -rf "$work"' EXIT

gpg --batch --quiet --passphrase '' --quick-generate-key "$user" rsa3072 sign never

# The same build time and host whoever runs it.
export SOURCE_DATE_EPOCH=1772323200
for spec in "$demo"/specs/*.spec; do
  rpmbuild --quiet -bb --define "_topdir $work/build" --define "_rpmdir $work/rpms" \
    --define '_buildhost demo.example.com' --define 'use_source_date_epoch_as_buildtime 1' \
    --define 'clamp_mtime_to_source_date_epoch 1' "$spec"
done

# Debian's macro names gpg2, which need not be there; rpmsign then fails or leaves packages unsigned.
find "$work/rpms" -name '*.rpm' -exec rpmsign --define '__gpg /usr/bin/gpg' \
  --define "_gpg_path $GNUPGHOME" --define "_gpg_name $user" --addsign {} + >/dev/null

rm -rf "$repository"
mkdir -p "$repository/Packages"
find "$work/rpms" -name '*.rpm' -exec cp {} "$repository/Packages/" \;
gpg --batch --armor --export "$user" >"$repository/RPM-GPG-KEY-demo"

createrepo_c --quiet --no-database --revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision "$repository"
gpg --batch --armor --detach-sign "$repository/repodata/repomd.xml"
cp "$repository/RPM-GPG-KEY-demo" "$repository/repodata/repomd.xml.key"

# Nothing is published that its own public key does not verify.
rpmkeys --dbpath "$work/rpmdb" --import "$repository/RPM-GPG-KEY-demo"
cd "$repository"
rpmkeys --dbpath "$work/rpmdb" --define '_pkgverify_level all' --checksig Packages/*.rpm
gpg --batch --quiet --verify repodata/repomd.xml.asc repodata/repomd.xml
