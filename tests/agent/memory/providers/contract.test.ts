// The contract of memory services, run by every one of them against a server, or a program, that keeps to its documentation.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeProvider } from '../../../../agent/memory/providers/catalog.ts';
import { providersSchema, type ProviderName } from '../../../../agent/memory/providers/config.ts';
import { describeMemoryProvider, type ContractOptions } from '../../../contracts/memory-provider-contract.ts';
import { COMPILE_CACHE } from '../../../support/built.ts';
import { BRV_PROGRAM } from '../../../support/memory-services/brv.ts';
import { openLoopback, type Fault, type Handler } from '../../../support/memory-services/loopback.ts';
import * as services from '../../../support/memory-services/services.ts';

const { SERVICE_KEY } = services;

function settingsOf(entry: { name: ProviderName; base_url?: string; program?: string }) {
  const [settings] = providersSchema.parse([entry]);
  if (!settings) throw new Error('no settings');
  return settings;
}

const noProgram = { dir: '/nowhere', env: { PATH: '', HOME: '' } };

function overHttp(
  name: Exclude<ProviderName, 'byterover'>,
  makeHandler: () => Handler,
  canForget: ContractOptions['canForget'],
): ContractOptions {
  return {
    canForget,
    overNetwork: true,
    faults: ['error', 'unavailable', 'refuse', 'garbage', 'odd', 'huge', 'redirect', 'hang', 'stall'],
    async open(clock) {
      const server = await openLoopback(makeHandler());
      const provider = makeProvider({
        settings: settingsOf({ name, base_url: `${server.url}/` }),
        lookup: (variable) => (variable === `${name.toUpperCase()}_API_KEY` ? SERVICE_KEY : undefined),
        fetch,
        clock,
        redact: (text) => text.replaceAll(SERVICE_KEY, '[redacted]'),
        program: noProgram,
      });
      return {
        provider,
        setFault: (fault) => (server.fault = fault),
        violations: () => server.violations,
        isHolding: () => server.waiting() > 0,
        secret: SERVICE_KEY,
        close: () => server.close(),
      };
    },
  };
}

function overProgram(version: 'old' | 'new'): ContractOptions {
  return {
    canForget: ['all'],
    overNetwork: false,
    // Failing is the same in both.
    faults: version === 'old' ? ['error', 'refuse', 'garbage', 'odd', 'huge', 'hang'] : ['refuse'],
    async open(clock) {
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-brv-'));
      const program = path.join(dir, 'brv');
      // Started some hundred times: compiling it anew takes as long as the start itself.
      const start = `NODE_COMPILE_CACHE='${COMPILE_CACHE}' exec '${process.execPath}' '${BRV_PROGRAM}'`;
      fs.writeFileSync(program, `#!/bin/sh\n${start} "$@"\n`, { mode: 0o700 });
      fs.writeFileSync(path.join(dir, 'version'), version);
      const hangs = path.join(dir, 'hangs');
      return {
        provider: makeProvider({
          settings: settingsOf({ name: 'byterover', program }),
          lookup: () => undefined,
          fetch,
          clock,
          redact: (text) => text,
          program: { dir, env: { PATH: '/usr/bin:/bin', HOME: dir } },
        }),
        setFault(fault: Fault | undefined) {
          fs.rmSync(hangs, { force: true });
          fs.writeFileSync(path.join(dir, 'fault'), fault ?? '');
        },
        violations: () =>
          fs.existsSync(path.join(dir, 'violations')) ? [fs.readFileSync(path.join(dir, 'violations'), 'utf8')] : [],
        isHolding() {
          // Said once per call.
          const holds = fs.existsSync(hangs);
          fs.rmSync(hangs, { force: true });
          return holds;
        },
        secret: SERVICE_KEY,
        close: async () => fs.rmSync(dir, { recursive: true, force: true, maxRetries: 5 }),
      };
    },
  };
}

describeMemoryProvider('honcho', overHttp('honcho', services.honcho, ['all', 'session']));
describeMemoryProvider('mem0', overHttp('mem0', services.mem0, ['all', 'item']));
describeMemoryProvider('hindsight', overHttp('hindsight', services.hindsight, ['all', 'item']));
describeMemoryProvider('supermemory', overHttp('supermemory', services.supermemory, ['all', 'item']));
describeMemoryProvider('openviking', overHttp('openviking', services.openviking, ['all']));
describeMemoryProvider('retaindb', overHttp('retaindb', services.retaindb, []));
describeMemoryProvider('byterover, which files by itself', overProgram('old'));
describeMemoryProvider('byterover, which has its pages written', overProgram('new'));
