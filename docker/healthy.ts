/** The image's HEALTHCHECK: exits with 0 when the process beside it reports that it is ready. */

try {
  const answer = await fetch(`http://127.0.0.1:${process.env["HEALTH_PORT"]}/ready`);
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
  process.exitCode = 1;
}
