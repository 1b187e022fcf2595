// A stand-in for the docker program, for machines without an engine: run as `node docker-program.ts <state folder> <arguments>`. It takes
// the arguments that Herald uses and no other, judges them as docker does, keeps containers and volumes in its folder, and really runs what
// `exec` says, as processes of this machine. Source: https://docs.docker.com/reference/cli/docker/, read 2026-11-21.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { endPlayedProcesses, playCommand } from './played-processes.ts';
import { parseStrictly, type OptionRule, type ParsedOptions } from './strict-options.ts';

interface Container {
  id: string;
  name: string;
  labels: Record<string, string>;
  status: 'running' | 'exited' | 'paused';
  workdir: string;
  volumes: string[];
}

const [folder = '', command = '', ...rest] = process.argv.slice(2);
const IMAGES = ['debian:stable-slim', 'alpine:3'];
const CAPABILITY = /^(ALL|CHOWN|DAC_OVERRIDE|FOWNER|SETUID|SETGID)$/;
const SIZE = /^\d+[bkmg]?$/;

class Failure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const RUN_OPTIONS: Readonly<Record<string, OptionRule>> = {
  detach: { flag: true, short: 'd' },
  rm: { flag: true },
  name: { value: /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/ },
  label: { repeat: true, value: /^[a-z.]+=.*$/ },
  hostname: { value: /^[a-z0-9-]{1,63}$/ },
  'cap-drop': { repeat: true, value: CAPABILITY },
  'cap-add': { repeat: true, value: CAPABILITY },
  'security-opt': { repeat: true, value: /^no-new-privileges(=true|:true)?$/ },
  'pids-limit': { value: /^-?\d+$/ },
  memory: { short: 'm', value: SIZE },
  'memory-swap': { value: SIZE },
  cpus: { value: /^\d+(\.\d+)?$/ },
  network: { value: /^(none|bridge)$/ },
  tmpfs: {
    repeat: true,
    value:
      /^\/[^:]*(:(rw|ro|exec|noexec|nosuid|nodev|size=\d+[kmg]?)(,(rw|ro|exec|noexec|nosuid|nodev|size=\d+[kmg]?))*)?$/,
  },
  mount: { repeat: true },
  user: { short: 'u', value: /^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$/ },
  workdir: { short: 'w', value: /^\// },
  entrypoint: {},
};

try {
  checkEnvironment();
  process.exitCode = await main();
} catch (error) {
  const isFailure = error instanceof Failure;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // docker run and exec say with 125 that they themselves failed.
  process.exitCode = isFailure ? error.status : command === 'run' ? 125 : 1;
}

function main(): Promise<number> | number {
  if (fs.existsSync(path.join(folder, 'down')))
    throw new Failure(
      command === 'run' ? 125 : 1,
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    );
  switch (command) {
    case 'version':
      expectWords(parseStrictly(rest, { format: { value: /^{{\.Server\.Version}}$/ } }), 0);
      return say('28.2.2');
    case 'run':
      return run();
    case 'ps':
      return list();
    case 'inspect':
      return inspect();
    case 'exec':
      return exec();
    case 'start':
      return change('running');
    case 'unpause':
      return change('running');
    case 'stop':
      return change('exited');
    case 'rm':
      return remove();
    case 'volume':
      return removeVolume();
    default:
      throw new Failure(1, `docker: unknown command: docker ${command}`);
  }
}

function run(): number {
  const { values, words } = parseStrictly(rest, RUN_OPTIONS);
  const [image = '', ...args] = words;
  if (image === '') throw new Failure(125, '"docker run" requires at least 1 argument.');
  if (values.get('entrypoint')?.[0] !== 'sh' || args[0] !== '-c' || args.length !== 2)
    throw new Failure(125, 'unexpected entry point');
  if (!IMAGES.includes(image))
    throw new Failure(
      125,
      `Unable to find image '${image}' locally\ndocker: Error response from daemon: pull access denied for ${image}, repository does not exist or may require 'docker login'`,
    );
  const name = values.get('name')?.[0] ?? randomBytes(4).toString('hex');
  // The one that ends at once gives a volume to a user that this machine does not know.
  if (values.has('rm') && !values.has('detach')) return 0;
  reserveName(name);
  const mounts = (values.get('mount') ?? []).map(parseMount);
  const workdir = values.get('workdir')?.[0] ?? '/';
  for (const { type, source, target } of mounts) if (type === 'volume') mountVolume(source, target);
  fs.mkdirSync(workdir, { recursive: true });
  const container: Container = {
    id: randomBytes(32).toString('hex'),
    name,
    labels: Object.fromEntries((values.get('label') ?? []).map(splitLabel)),
    status: 'running',
    workdir,
    volumes: mounts.filter(({ type }) => type === 'volume').map(({ source }) => source),
  };
  write(container);
  fs.appendFileSync(path.join(folder, 'runs.jsonl'), `${JSON.stringify(rest)}\n`);
  return say(container.id);
}

/** Only one gets it, however many ask at the same time. */
function reserveName(name: string): void {
  fs.mkdirSync(path.join(folder, 'names'), { recursive: true });
  try {
    fs.writeFileSync(path.join(folder, 'names', name), '', { flag: 'wx' });
  } catch {
    throw new Failure(
      125,
      `docker: Error response from daemon: Conflict. The container name "/${name}" is already in use by container "?". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }
}

function parseMount(text: string): { type: string; source: string; target: string } {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const [name = '', value] = field.split('=', 2);
    const isKnown = name === 'readonly' ? value === undefined : ['type', 'source', 'target'].includes(name);
    if (!isKnown) throw new Failure(125, `invalid argument "${text}" for "--mount" flag: unexpected key '${name}'`);
    fields.set(name, value ?? 'true');
  }
  const [type = '', source = '', target = ''] = ['type', 'source', 'target'].map((name) => fields.get(name));
  if (!['bind', 'volume'].includes(type) || !target.startsWith('/'))
    throw new Failure(125, `invalid argument "${text}" for "--mount" flag`);
  if (type === 'bind' && !fs.existsSync(source))
    throw new Failure(
      125,
      `docker: Error response from daemon: invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  return { type, source, target };
}

/** A volume is the folder at which it is mounted: there is one container for each in these tests. */
function mountVolume(name: string, target: string): void {
  fs.mkdirSync(target, { recursive: true });
  fs.mkdirSync(path.join(folder, 'volumes'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'volumes', name), target);
}

function list(): number {
  const parsed = parseStrictly(rest, {
    all: { flag: true, short: 'a' },
    'no-trunc': { flag: true },
    filter: { repeat: true, value: /^label=[a-z.]+=.+$/ },
    format: { value: /^{{\.ID}}$/ },
  });
  expectWords(parsed, 0);
  const wanted = (parsed.values.get('filter') ?? []).map((text) => splitLabel(text.slice('label='.length)));
  const found = containers().filter(
    ({ labels, status }) =>
      (parsed.values.has('all') || status === 'running') && wanted.every(([name, value]) => labels[name] === value),
  );
  return found.length === 0 ? 0 : say(found.map(({ id }) => id).join('\n'));
}

function inspect(): number {
  const parsed = parseStrictly(rest, {
    type: { value: /^container$/ },
    format: { value: /^{{\.Id}} {{\.State\.Status}} {{index \.Config\.Labels "herald\.spec"}}$/ },
  });
  const [id = ''] = expectWords(parsed, 1);
  const { id: fullId, status, labels } = find(id, `Error response from daemon: No such container: ${id}`);
  return say(`${fullId} ${status} ${labels['herald.spec'] ?? ''}`);
}

async function exec(): Promise<number> {
  const { values, words } = parseStrictly(rest, {
    interactive: { flag: true, short: 'i' },
    user: { short: 'u', value: /^[A-Za-z0-9_.-]+$/ },
  });
  const [id = '', ...args] = words;
  if (args.length === 0) throw new Failure(1, '"docker exec" requires at least 2 arguments.');
  const container = find(id, `Error response from daemon: No such container: ${id}`);
  if (container.status === 'paused')
    throw new Failure(
      1,
      `Error response from daemon: container ${container.id} is paused, unpause the container before exec`,
    );
  if (container.status !== 'running')
    throw new Failure(1, `Error response from daemon: container ${container.id} is not running`);
  // Without --interactive the standard input is not handed on.
  if (!values.has('interactive')) process.stdin.destroy();
  return playCommand({ machine: container.id, command: args, cwd: container.workdir });
}

function change(status: Container['status']): number {
  const parsed = parseStrictly(rest, command === 'stop' ? { time: { short: 't', value: /^-?\d+$/ } } : {});
  const [id = ''] = expectWords(parsed, 1);
  const container = find(id, `Error response from daemon: No such container: ${id}`);
  if (command === 'start' && container.status === 'paused')
    throw new Failure(1, 'Error response from daemon: cannot start a paused container, try unpause instead');
  if (status === 'exited') endPlayedProcesses(container.id, container.workdir);
  write({ ...container, status });
  return say(id);
}

function remove(): number {
  const parsed = parseStrictly(rest, { force: { flag: true, short: 'f' }, volumes: { flag: true, short: 'v' } });
  const [id = ''] = expectWords(parsed, 1);
  const container = find(id, `Error response from daemon: No such container: ${id}`);
  if (container.status === 'running' && !parsed.values.has('force'))
    throw new Failure(1, `Error response from daemon: cannot remove container "${id}": container is running`);
  endPlayedProcesses(container.id, container.workdir);
  fs.rmSync(path.join(folder, 'containers', container.id));
  fs.rmSync(path.join(folder, 'names', container.name));
  return say(id);
}

function removeVolume(): number {
  const [verb, ...args] = rest;
  if (verb !== 'rm') throw new Failure(1, `docker: unknown command: docker volume ${verb}`);
  const parsed = parseStrictly(args, { force: { flag: true, short: 'f' } });
  const [name = ''] = expectWords(parsed, 1);
  const file = path.join(folder, 'volumes', name);
  if (!fs.existsSync(file)) {
    if (parsed.values.has('force')) return say(name);
    throw new Failure(1, `Error response from daemon: get ${name}: no such volume`);
  }
  if (containers().some(({ volumes }) => volumes.includes(name)))
    throw new Failure(1, `Error response from daemon: remove ${name}: volume is in use`);
  fs.rmSync(fs.readFileSync(file, 'utf8'), { recursive: true, force: true });
  fs.rmSync(file);
  return say(name);
}

function containers(): Container[] {
  const dir = path.join(folder, 'containers');
  fs.mkdirSync(dir, { recursive: true });
  // Its own files: a library that judges them would take longer to load than all else that a call does.
  const read = (id: string) => JSON.parse(fs.readFileSync(path.join(dir, id), 'utf8')) as Container;
  return fs.readdirSync(dir).map(read);
}

function find(idOrName: string, otherwise: string): Container {
  const found = containers().find(({ id, name }) => name === idOrName || (idOrName !== '' && id.startsWith(idOrName)));
  if (found === undefined) throw new Failure(1, otherwise);
  return found;
}

function write(container: Container): void {
  const file = path.join(folder, 'containers', container.id);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.part`.replace('/containers/', '/'), JSON.stringify(container));
  fs.renameSync(`${file}.part`.replace('/containers/', '/'), file);
}

function splitLabel(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function expectWords({ words }: ParsedOptions, count: number): string[] {
  if (words.length !== count) throw new Failure(1, `"docker ${command}" requires ${count} arguments.`);
  return words;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** Herald's own environment may hold keys: a program that it starts must find none of it. */
function checkEnvironment(): void {
  const allowed = [
    'PATH',
    'LANG',
    'HOME',
    'PWD',
    'SHLVL',
    '_',
    'OLDPWD',
    'DOCKER_HOST',
    'CONTAINER_HOST',
    'NODE_COMPILE_CACHE',
  ];
  const others = Object.keys(process.env).filter((name) => !allowed.includes(name));
  if (others.length > 0) throw new Failure(125, `the environment was handed on: ${others.join(' ')}`);
}
