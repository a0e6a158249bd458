#!/bin/bash
# What an administrator does with deploy/sqlserver/*.sql, by a container of its own; does nothing the second time.
#
#   sqlserver.sh database   before `parley migrate`
#   sqlserver.sh login      after it: the rights are those on its tables
set -euo pipefail
SQLCMDPASSWORD=$(cat /run/secrets/sa_password)
export SQLCMDPASSWORD
sql() { /opt/mssql-tools18/bin/sqlcmd -C -b -S sqlserver -U sa "$@"; }
is() { [ "$(sql -h -1 -W -Q "SET NOCOUNT ON; SELECT $1")" = "$2" ]; }

case $1 in
  database) is "COALESCE(DB_ID('parley'), 0)" 0 || exit 0
    sql -v Database=parley -i /sqlserver/database.sql ;;
  login) is "COALESCE(SUSER_ID('parley'), 0)" 0 || exit 0
    sql -v Database=parley Login=parley Password="$(cat /run/secrets/database_password)" -i /sqlserver/logins.sql ;;
esac
