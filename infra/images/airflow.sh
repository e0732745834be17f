#!/bin/sh
# Runs a part of Airflow in its container; `init` prepares the database, once for each start of the whole.
set -eu
case "$1" in
init)
    airflow db migrate
    # A task whose pool is missing waits for ever. One that is there keeps the slots it was given since.
    airflow pools get coincap >/dev/null 2>&1 ||
        exec airflow pools set coincap 1 "Calls to CoinCap, one task at a time."
    exit 0
    ;;
api-server)
    # The simple auth manager reads its passwords from a file, which it must be able to write.
    umask 077
    python -c 'import json, os; print(json.dumps({"admin": os.environ["MILLRACE_AIRFLOW_PASSWORD"]}))' \
        >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    ;;
esac
exec airflow "$@"
