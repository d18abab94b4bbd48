// Two servers with a limit of `limit` calls per `window` milliseconds, as strict as providers get: a sliding window, and a
// token bucket that holds one slice (a sixtieth of the window, at least one call) and refills continuously.
import { createServer } from 'node:http';

const [limit, window] = process.argv.slice(2).map(Number);

function strict() {
  const calls = [];
  return (now) => {
    while (calls.length > 0 && calls[0] <= now - window) calls.shift();
    if (calls.length >= limit) return false;
    calls.push(now);
    return true;
  };
}

function bucket() {
  const capacity = Math.max(limit / 60, 1);
  let [tokens, at] = [capacity, 0];
  return (now) => {
    tokens = Math.min(capacity, tokens + ((now - at) * limit) / window);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

async function listen(admit) {
  const server = createServer((request, response) => {
    const now = Number(process.hrtime.bigint()) / 1e6;
    response.statusCode = admit(now) ? 200 : 429;
    response.setHeader('x-received', now);
    request.resume();
    request.on('end', () => response.end('{}'));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

process.send({ strict: await listen(strict()), bucket: await listen(bucket()) });
process.on('disconnect', () => process.exit());
