// A port that nothing listens on, for servers that must come back on the same one after a restart.
import { createServer } from 'node:net';

/** Below those that the system gives to outgoing connections (from 32,768 on Linux): none of them takes it while its server is away. */
const FIRST = 12_000;
const COUNT = 20_000;

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error('none of 100 ports is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
