/** The shell script under which a private server runs: the server's life ends with a pipe that the run holds open. */

/**
 * Runs its arguments as the server, prints the server's process id, and ends the server when standard input closes. Nobody
 * writes to that pipe: it closes when the run disposes the server, and also when the run is killed, because the kernel
 * then closes it. POSIX sh, so that it works in a container as well.
 */
export const guardScript = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
echo $server
(
  read -r _ <&3
  # A server that is stopped takes SIGTERM only when it continues.
  kill -TERM $server
  kill -CONT $server
  for second in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    kill -0 $server || exit 0
  done
  kill -KILL $server
) >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait $server
code=$?
kill $guard 2>/dev/null
exit $code
`;
