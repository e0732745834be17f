#!/bin/sh
# Writes infra/.env, which infra/compose.yaml reads: random secrets, mode 0600. What is in the file stays as it is; a name that a
# new version added gets its value. With COINCAP_API_KEY in the environment prices are genuine, without it they are synthetic.
set -eu
umask 077
file="$(dirname "$0")/../.env"
touch "$file"
chmod 600 "$file"

# Letters only: some of them become parts of URLs, and nats-server would read "1k" as a number.
letters() { LC_ALL=C tr -dc A-Za-z </dev/urandom | head -c "$1"; }

put() {
    grep -q "^$1=" "$file" || printf "%s='%s'\n" "$1" "$2" >>"$file"
}

put MILLRACE_MINIO_ROOT_PASSWORD "$(letters 40)"
for user in OWNER INGESTOR REACTOR ANALYST REPORTER; do
    put "MILLRACE_${user}_SECRET_KEY" "$(letters 40)"
done
# What opens the tables over HTTP: the REST catalog.
for role in OWNER ANALYST REPORTER; do
    put "MILLRACE_${role}_TOKEN" "$(letters 40)"
done
for user in MINIO REACTOR OWNER; do
    put "MILLRACE_NATS_${user}_PASSWORD" "$(letters 40)"
done
put MILLRACE_POSTGRES_PASSWORD "$(letters 40)"
put MILLRACE_CATALOG_PASSWORD "$(letters 40)"
put MILLRACE_CATALOG_READER_PASSWORD "$(letters 40)"
put MILLRACE_AIRFLOW_DB_PASSWORD "$(letters 40)"
put MILLRACE_AIRFLOW_PASSWORD "$(letters 40)"
put MILLRACE_AIRFLOW_SECRET_KEY "$(letters 40)"
put MILLRACE_AIRFLOW_JWT_SECRET "$(letters 88)" # HS512 wants 64 bytes
put MILLRACE_AIRFLOW_FERNET_KEY "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"

# The first day that coincap_daily lands.
put MILLRACE_DAILY_START "$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)"

if [ -n "${COINCAP_API_KEY:-}" ]; then
    put COMPOSE_PROFILES ""
    put COINCAP_API_KEY "$COINCAP_API_KEY"
    put COINCAP_BASE_URL https://rest.coincap.io/v3
else
    put COMPOSE_PROFILES simulator
    put COINCAP_API_KEY ""
    put COINCAP_BASE_URL http://simulator:8090/v3
fi
