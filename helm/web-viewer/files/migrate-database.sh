# migrate-database COMMAND…: bring a database to this version, whatever state it is in (the exit codes of
# --check-database). With MASTER_USER set, a user and a database that are missing are made. Safe to run again.
tries=0
while [ "$tries" -lt "${TRIES:-60}" ]; do
	tries=$((tries + 1))
	"$@" --check-database
	state=$?
	case $state in
	0) exit 0 ;;
	2)
		# The server may still be starting, so what fails here is tried again. The user may be there already.
		if [ -n "${MASTER_USER:-}" ]; then
			"$@" --create-db-user --master-db-user "$MASTER_USER" --master-db-name "$MASTER_DATABASE" &&
				"$@" --create-database --master-db-user "$MASTER_USER" --master-db-name "$MASTER_DATABASE" &&
				continue
		fi
		;;
	3) "$@" --create-db-scheme && continue ;;
	7) "$@" --update-database && continue ;;
	*) exit "$state" ;; # another program's tables, a newer version, wrong settings: nothing is touched
	esac
	sleep "${PAUSE_S:-5}"
done
exit "$state"
