#!/bin/sh
# Makes the database when it is first started, from the settings that the
# official image knows. A server that is being made listens on its socket alone.
set -eu
case "${1:-}" in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres} password=${POSTGRES_PASSWORD:-}
	[ -z "${POSTGRES_PASSWORD_FILE:-}" ] || read -r password <"$POSTGRES_PASSWORD_FILE" || [ -n "$password" ]
	[ -n "$password" ] || { echo 'POSTGRES_PASSWORD is not set' >&2; exit 1; }
	umask 077
	echo "$password" >/tmp/password
	initdb --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8
	: >/tmp/password
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
	pg_ctl --wait --options="-c listen_addresses=''" start
	if [ "${POSTGRES_DB:-postgres}" != postgres ]; then
		psql --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 --command="CREATE DATABASE \"$POSTGRES_DB\""
	fi
	for file in /docker-entrypoint-initdb.d/*.sql; do
		[ ! -f "$file" ] || psql --username="$user" --dbname="${POSTGRES_DB:-postgres}" --set=ON_ERROR_STOP=1 --file="$file"
	done
	pg_ctl --wait --mode=fast stop
fi
exec "$@"
