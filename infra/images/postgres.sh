#!/bin/sh
# Makes the two databases, each with an owner who sees no other, and a user who may read the catalog and no more: run by the image
# when its volume is new, and only then. A password that changes in .env later must be changed in the database as well (ALTER
# ROLE). In another encoding Airflow's dag-processor dies of the first DAG with a letter beyond ASCII.
set -eu
psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
    --set airflow="$MILLRACE_AIRFLOW_DB_PASSWORD" --set catalog="$MILLRACE_CATALOG_PASSWORD" \
    --set reader="$MILLRACE_CATALOG_READER_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE DATABASE airflow OWNER airflow ENCODING 'UTF8' TEMPLATE template0;
CREATE ROLE lakehouse LOGIN PASSWORD :'catalog';
CREATE DATABASE lakehouse OWNER lakehouse ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE airflow, lakehouse, postgres FROM PUBLIC;
CREATE ROLE reader LOGIN PASSWORD :'reader';
GRANT CONNECT ON DATABASE lakehouse TO reader;
\connect lakehouse
-- The reactor makes the tables later, some of them in later releases.
ALTER DEFAULT PRIVILEGES FOR ROLE lakehouse IN SCHEMA public GRANT SELECT ON TABLES TO reader;
SQL
