#!/bin/sh
# Make the secrets that docker-compose.yml mounts, once; what is there stays.
# Usage: deploy/make-secrets.sh [FOLDER]      (default: deploy/secrets beside this script)
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 0700 "$folder" # the files are readable inside the containers, the folder on the host is not

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep NAME CONTENT: write the file unless it is there
  [ -s "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"
  chmod 0444 "$folder/$1"
}
content() { cat "$folder/$1"; }

for name in postgres_password redis_password gateway_secret dispatcher_secret admin_secret \
  grafana_password; do
  keep "$name" "$(random)"
done
keep database_url "postgresql://agileim:$(content postgres_password)@postgres:5432/agileim"
keep redis_url "redis://:$(content redis_password)@redis:6379/0"
keep redis_conf "requirepass $(content redis_password)"
# Made of the others, and hence made anew each time: an older folder knows fewer clients.
client() { printf '"%s":{"secret":"%s","scopes":["internal.%s"]}' "$1" "$(content "$1_secret")" "$1"; }
rm -f "$folder/service_clients"
keep service_clients "{$(client gateway),$(client dispatcher),$(client admin)}"
# Kubernetes mounts auth's signing key read-only; with Compose, auth makes its own in its volume.
if [ ! -s "$folder/signing_key.pem" ] && command -v openssl >/dev/null; then
  keep signing_key.pem "$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
"
fi
# Likewise the key that people's authenticator secrets are sealed with: never to be lost or changed.
keep sealing_key "$(head -c 32 /dev/urandom | base64)
"
echo "secrets are in $folder"
