// The whole of Herald on the real server: the gateway as a process, paired and answering in a direct message and a channel.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERALD } from '../../support/built.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../../support/gateway-process.ts';
import { NGIRCD_MISSING, startNgircd, type Ngircd } from '../../support/irc/ngircd.ts';
import { connectPerson, type Person } from '../../support/irc/person.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';

const run = promisify(execFile);

describe.skipIf(NGIRCD_MISSING)(`Herald on ngircd ${NGIRCD_MISSING}`.trim(), () => {
  let model: ModelServer;
  let server: Ngircd;
  let ada: Person;
  let home: string;
  let gateway: GatewayProcess;
  const seen = (part: string, target = 'Ada') =>
    waitFor(`"${part}"`, () => ada.seen.find((line) => line.target === target && line.text.includes(part)));

  beforeAll(async () => {
    model = await startModelServer({
      script: (call) =>
        call.user.includes('long')
          ? { text: `${'word '.repeat(200)}END` }
          : { text: `Heard: **${call.user.slice(-60)}**` },
    });
    server = await startNgircd();
    const irc = { host: '127.0.0.1', port: server.port, tls: false, trust_nicks: true, line_interval_ms: 0 };
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { irc: { ...irc, channels: ['#herald'], allowed_chats: ['#herald'] } },
    });
    fs.writeFileSync(path.join(home, '.env'), 'ANTHROPIC_API_KEY=test-key-1234\n', { mode: 0o600 });
    gateway = await startGatewayProcess({ home });
    ada = await connectPerson(server.port, 'Ada');
    await ada.join('#herald');
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    ada?.quit();
    await server?.close();
    await model?.close();
    if (home) fs.rmSync(home, { recursive: true, force: true });
  });

  it('pairs, answers in lines, takes commands with !, and speaks in a channel when named', async () => {
    await ada.say('herald', 'hi');
    const code = /code is \W?(\w{8})/.exec((await seen('pairing code is')).text)?.[1] ?? '';
    const env = { PATH: process.env['PATH'] ?? '', HOME: home };
    const { stdout } = await run(process.execPath, [HERALD, 'pairing', 'approve', 'irc', code, '--home', home], {
      env,
    });
    expect(stdout).toContain('owner');
    await ada.say('herald', 'what is up?');
    await seen('what is up?');
    await ada.say('herald', 'a long one');
    await seen('END');
    const lines = ada.seen.filter((line) => line.text.includes('word'));
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(Buffer.byteLength(line.text)).toBeLessThanOrEqual(350);
    await ada.say('herald', '!whoami');
    await seen('irc');
    await ada.say('#herald', 'herald: and here?');
    await seen('and here?', '#herald');
  });
});
