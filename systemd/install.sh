#!/bin/sh
# Installs the unit and its user, and starts the service: the last of the three commands of README.md. Run it as root,
# after the executable and the configuration are in their places; run it again after an update.
set -eu
from=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

/usr/bin/waystation config check
install -D -m 0644 "$from/waystation.sysusers" /etc/sysusers.d/waystation.conf
systemd-sysusers /etc/sysusers.d/waystation.conf
install -D -m 0644 "$from/waystation.service" /etc/systemd/system/waystation.service
systemctl daemon-reload
systemctl enable waystation.service
systemctl restart waystation.service
systemctl --no-pager --lines=0 status waystation.service
