#!/bin/sh
# Makes the secrets of compose.yaml, once: what is there stays. They are files that every container may read which is
# given them; the folder keeps other users of this machine out.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
# SQL Server asks for letters of both cases and digits; nothing in it means anything in a URL.
make() { [ -s "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"; chmod 444 "secrets/$1"; }

make mesh_secret "$(random)"
make key_encryption_secret "$(random)"
make grafana_password "$(random)"
make sa_password "Sa1$(random)"
make database_password "Pa1$(random)"
options='encrypt=true&trustServerCertificate=true'
make database_owner_url "mssql://sa:$(cat secrets/sa_password)@sqlserver:1433/parley?$options"
make database_url "mssql://parley:$(cat secrets/database_password)@sqlserver:1433/parley?$options"
echo "The secrets are in $(pwd)/secrets: keep a copy of key_encryption_secret and sa_password."
