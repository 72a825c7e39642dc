#!/bin/sh
# Runs inside the container, as root, started by its systemd: plays the operator and writes what it sees to /results.
# test/systemd/unit.test.ts lays out the container and reads the results.
cd /results || exit 1
ip link set lo up

# save NAME COMMAND…: NAME.out has what it wrote, NAME.code how it ended.
save() {
  name=$1
  shift
  "$@" >"$name.out" 2>&1
  echo $? >"$name.code"
}
show() {
  save "$1" systemctl show "$2" --property=ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ExecMainStatus
}
# until_shown UNIT PROPERTY=PATTERN: driver.service has a time limit, which ends a wait that is in vain.
until_shown() {
  until systemctl show "$1" --property="${2%%=*}" | grep -q "$2"; do sleep 0.1; done
}
main_pid() {
  systemctl show waystation --property=MainPID --value
}

/usr/bin/python3 /origin.py &
origin=$!
save install sh /systemd/install.sh
show installed waystation
save live curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/healthz/live

until_shown waystation 'StatusText=serving 1 repository$'
save content curl -s -f -o /results/repomd.xml http://127.0.0.1:8080/content/site/tools/repodata/repomd.xml
save process cat "/proc/$(main_pid)/status"
save metrics curl -s -f http://127.0.0.1:8081/metrics
save member setpriv --reuid=nobody --regid=waystation --clear-groups /usr/bin/waystation status --json
save stranger setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/bin/waystation status --json

# A process that is stopped beats no more, as one whose event loop hangs.
kill -STOP "$(main_pid)"
until_shown waystation 'NRestarts=1'
until_shown waystation 'ActiveState=active'
show restarted waystation
save again curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/healthz/live

save stop systemctl stop waystation
show stopped waystation

# The hub, as its own user.
as_hub() {
  setpriv --reuid=waystation-hub --regid=waystation-hub --clear-groups "$@"
}
save hub-install sh /systemd/install-hub.sh
show hub-installed waystation-hub
save hub-ready curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8444/healthz/ready
save hub-process cat "/proc/$(systemctl show waystation-hub --property=MainPID --value)/status"
save hub-token as_hub /usr/bin/waystation hub token create --config /etc/waystation-hub/hub.yaml
save hub-member setpriv --reuid=nobody --regid=waystation-hub --clear-groups \
  curl -s -f --unix-socket /var/lib/waystation-hub/hub.sock http://hub/api/v1/tokens
save hub-stranger setpriv --reuid=nobody --regid=nogroup --clear-groups \
  curl -s -f --unix-socket /var/lib/waystation-hub/hub.sock http://hub/api/v1/tokens
save hub-tls curl -s -o /dev/null -w '%{http_code}' --cacert /etc/waystation-hub/keys/ca.crt https://localhost:8443/v1/assignment
save hub-again sh /systemd/install-hub.sh
save hub-stop systemctl stop waystation-hub
show hub-stopped waystation-hub

echo 'nonsense: true' >/etc/waystation/waystation.yaml
save misconfigured systemctl start waystation
until_shown waystation 'ActiveState=failed'
# Longer than RestartSec: a restart would have come.
sleep 1
show refused waystation

# A program of the checkout whose event loop hangs for ever.
systemctl start --no-block hanging
until_shown hanging 'NRestarts=1'
save journal journalctl --no-pager -u hanging -u waystation -o cat
# Some hosts do not tell a nested systemd that a group of processes is empty: nothing shall be left to wait for.
kill $origin
wait
echo done >finished
