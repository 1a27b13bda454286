# Runs one command for a program that may die at any moment, and sees to it that the command does not outlive it.
#
# The program holds the other end of standard input. A line that comes from there names a signal for the command. Its end
# means that the program is gone, however it went: the command gets the last signal, and the folders that were to be
# thrown away are deleted. Standard output is a lock that lasts as long as this process; standard error is the log.
#
# Arguments: the last signal; two folders to throw away, or two empty words; the command.
last=$1 doomed=$2 doomed_too=$3
shift 3

# Whoever stops everything at once (a terminal, a service manager) must not take the keeper before its time.
trap '' HUP INT TERM

exec 3<&0
"$@" </dev/null >&2 3<&- &
command=$!

# The last signal is repeated: it is lost on a command that has only just begun and does not listen yet.
(
    while read -r signal; do kill -s "$signal" "$command"; done
    if [ -n "$doomed" ]; then : >"$doomed/abandoned"; fi
    while kill -s "$last" "$command" 2>/dev/null; do sleep 1 >/dev/null; done
) <&3 3<&- &
watcher=$!

wait "$command"
status=$?
kill -s KILL "$watcher" 2>/dev/null
if [ -n "$doomed" ] && [ -e "$doomed/abandoned" ]; then rm -rf "$doomed" ${doomed_too:+"$doomed_too"}; fi
exit "$status"
