#!/bin/sh
# Makes store and keys of a hub, installs its unit and user, and starts the service. Run it as root, after the executable
# and /etc/waystation-hub/hub.yaml are in their places; run it again after an update. Nothing that is there is replaced.
# The store is at /srv/waystation here; docs/hub-service.md tells what another place needs.
set -eu
from=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

install -D -m 0644 "$from/waystation-hub.sysusers" /etc/sysusers.d/waystation-hub.conf
systemd-sysusers /etc/sysusers.d/waystation-hub.conf
install -d -o waystation-hub -g waystation-hub -m 0750 /srv/waystation
install -d -o waystation-hub -g waystation-hub -m 0700 /etc/waystation-hub/keys
install -d -o waystation-hub -g waystation-hub -m 0750 /var/lib/waystation-hub
setpriv --reuid=waystation-hub --regid=waystation-hub --clear-groups \
  /usr/bin/waystation hub init --config /etc/waystation-hub/hub.yaml
install -D -m 0644 "$from/waystation-hub.service" /etc/systemd/system/waystation-hub.service
systemctl daemon-reload
systemctl enable waystation-hub.service
systemctl restart waystation-hub.service
systemctl --no-pager --lines=0 status waystation-hub.service
