# wait-for-database EXECUTABLE: wait until the database is of this version (the exit codes of --check-database).
while :; do
	"$1" -c /etc/web-viewer/controlnodeconfig.json --check-database
	state=$?
	case $state in
	0) exit 0 ;;
	2 | 3 | 7) sleep 3 ;;  # not there yet, empty, older: the migration is at it
	*) exit "$state" ;;    # no waiting helps
	esac
done
