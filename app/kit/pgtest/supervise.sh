# Runs one throwaway test server and ends it after a time in which no test process held its lease.
# $1 directory, $2 directory of the Postgres programs, $3 lease key, $4 idle seconds, the rest: the server's settings.
run=$1 bin=$2 key=$3 limit=$4
shift 4
trap '' HUP INT
PATH=$bin:$PATH
umask 077
postgres -D "$run/data" -k "$run" "$@" &
server=$!
# The lease is taken alone before the server is stopped, and held until it is down: nobody connects in between.
while kill -0 $server 2>/dev/null; do
	psql -X -q -h "$run" -U postgres -d postgres -v ON_ERROR_STOP=1 >/dev/null 2>&1 <<SQL
DO \$\$
DECLARE
	idle int := 0;
BEGIN
	LOOP
		PERFORM pg_sleep(1);
		idle := CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock') THEN 0 ELSE idle + 1 END;
		COMMIT;
		IF idle >= $limit AND pg_try_advisory_lock($key) THEN
			COPY (SELECT) TO PROGRAM 'kill -QUIT \$(head -n 1 postmaster.pid)';
			PERFORM pg_sleep(60);
		END IF;
	END LOOP;
END
\$\$
SQL
	sleep 0.2
done
wait
cd /
rm -rf "$run"
