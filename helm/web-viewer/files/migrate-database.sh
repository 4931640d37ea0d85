# migrate-database EXECUTABLE: bring this node's database to this version, whatever state it is in (the exit codes of
# --check-database). With MASTER_USER set, a user and a database that are missing are made. Safe to run again.
node() { "$executable" -c /etc/web-viewer/controlnodeconfig.json "$@"; }
executable=$1
tries=0
while :; do
	node --check-database
	state=$?
	case $state in
	0) exit 0 ;;
	2)
		# The server may still be starting, so what fails here is tried again. The user may be there already.
		if [ -n "${MASTER_USER:-}" ]; then
			node --create-db-user --master-db-user "$MASTER_USER" --master-db-name "$MASTER_DATABASE"
			node --create-database --master-db-user "$MASTER_USER" --master-db-name "$MASTER_DATABASE"
		fi
		;;
	3) node --create-db-scheme ;;
	7) node --update-database ;;
	*) exit "$state" ;; # another program's tables, a newer version, wrong settings: nothing is touched
	esac
	tries=$((tries + 1))
	if [ "$tries" -ge "${TRIES:-60}" ]; then
		exit "$state"
	fi
	[ "$state" -ne 2 ] || sleep "${PAUSE_S:-5}"
done
