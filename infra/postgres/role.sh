#!/bin/sh
# Runs once, when the volume is new: the service's own role, which owns its own database and is no superuser.
set -eu
psql -v ON_ERROR_STOP=1 -v service="$SERVICE" --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'END'
\set password `cat /run/secrets/database`
\set role 'rhei_' :service
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"role";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
END
