# wait-for-database COMMAND…: wait until the database is of this version (the exit codes of --check-database).
while :; do
	"$@" --check-database
	state=$?
	case $state in
	0) exit 0 ;;
	2 | 3 | 7) sleep "${PAUSE_S:-3}" ;; # not there yet, empty, older: the migration is at it
	*) exit "$state" ;;                 # no waiting helps
	esac
done
