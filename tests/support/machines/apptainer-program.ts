// A stand-in for the apptainer program: run as `node apptainer-program.ts <state folder> <arguments>`. It takes the arguments that Herald
// uses and no other, keeps instances in its folder, shows bound folders as links, and really runs what `exec` says, as processes of this
// machine. Source: https://apptainer.org/docs/user/latest/cli.html and the messages of apptainer 1.4, read 2026-11-21.
import fs from 'node:fs';
import path from 'node:path';
import { endPlayedProcesses, playCommand } from './played-processes.ts';
import { parseStrictly, type OptionRule } from './strict-options.ts';

interface Instance {
  name: string;
  image: string;
  pwd: string;
}

const [folder = '', ...words] = process.argv.slice(2);
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/;

const START_OPTIONS: Readonly<Record<string, OptionRule>> = {
  containall: { flag: true, short: 'C' },
  'no-home': { flag: true },
  cleanenv: { flag: true, short: 'e' },
  'no-eval': { flag: true },
  'no-privs': { flag: true },
  bind: { repeat: true, short: 'B', value: /^\/[^:,]+:\/[^:,]+(:(ro|rw))?$/ },
  pwd: { value: /^\// },
  net: { flag: true, short: 'n' },
  network: { value: /^(none|bridge|ptp)$/ },
  overlay: { repeat: true, short: 'o', value: /^\// },
  'writable-tmpfs': { flag: true },
  cpus: { value: /^\d+(\.\d+)?$/ },
  memory: { value: /^\d+[bkmg]?$/ },
  'pids-limit': { value: /^-?\d+$/ },
};

try {
  checkEnvironment();
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`FATAL:   ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 255;
}

function main(): Promise<number> | number {
  const [first, second, ...rest] = words;
  if (first === '--version') return say('apptainer version 1.4.2');
  if (first === 'exec') return exec(words.slice(1));
  if (first !== 'instance') throw new Error(`unknown command "${first}" for "apptainer"`);
  switch (second) {
    case 'start':
      return start(rest);
    case 'list':
      return list(rest);
    case 'stop':
      return stop(rest);
    default:
      throw new Error(`unknown command "${second}" for "apptainer instance"`);
  }
}

function start(args: readonly string[]): number {
  const { values, words: given } = parseStrictly(args, START_OPTIONS);
  const [image = '', name = ''] = given;
  if (given.length !== 2 || !NAME.test(name)) throw new Error('expected an image and a name');
  if (values.has('network') && !values.has('net')) throw new Error('--network needs --net');
  if (image.startsWith('/') && !fs.existsSync(image))
    throw new Error(`While checking image: could not open image ${image}: failed to retrieve path for ${image}`);
  if (read(name)) throw new Error(`While creating instance: instance ${name} already exists`);
  for (const bind of values.get('bind') ?? []) showFolder(bind);
  for (const overlay of values.get('overlay') ?? [])
    if (!fs.existsSync(overlay)) throw new Error(`while checking overlay: ${overlay} does not exist`);
  fs.writeFileSync(fileOf(name), JSON.stringify({ name, image, pwd: values.get('pwd')?.[0] ?? '/' }), { flag: 'wx' });
  fs.appendFileSync(path.join(folder, 'starts.jsonl'), `${JSON.stringify(args)}\n`);
  process.stderr.write('INFO:    instance started successfully\n');
  return 0;
}

function showFolder(bind: string): void {
  const [source = '', target = ''] = bind.split(':');
  if (!fs.existsSync(source)) throw new Error(`container creation failed: mount ${source}: no such file or directory`);
  if (fs.lstatSync(target, { throwIfNoEntry: false }) === undefined) fs.symlinkSync(source, target);
}

async function exec(args: readonly string[]): Promise<number> {
  const { values, words: given } = parseStrictly(args, {
    cleanenv: { flag: true, short: 'e' },
    'no-eval': { flag: true },
    pwd: { value: /^\// },
  });
  const [target = '', ...command] = given;
  const name = target.replace(/^instance:\/\//, '');
  const instance = target === name ? undefined : read(name);
  if (instance === undefined) throw new Error(`no instance found with name ${name}`);
  return playCommand({ machine: name, command, cwd: values.get('pwd')?.[0] ?? instance.pwd });
}

function list(args: readonly string[]): number {
  const { words: given } = parseStrictly(args, { json: { flag: true, short: 'j' } });
  const instances = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith('.instance'))
    .flatMap((file) => read(file.replace('.instance', '')) ?? [])
    .filter(({ name }) => given[0] === undefined || name === given[0])
    .map(({ name, image }) => ({ instance: name, pid: 4242, img: image, ip: '', logErrPath: '', logOutPath: '' }));
  return say(JSON.stringify({ instances }, undefined, '\t'));
}

function stop(args: readonly string[]): number {
  const { words: given } = parseStrictly(args, {});
  const [name = ''] = given;
  const instance = read(name);
  if (instance === undefined) throw new Error('no instance found');
  fs.rmSync(fileOf(name));
  endPlayedProcesses(name, fs.realpathSync(instance.pwd));
  process.stderr.write(`INFO:    Stopping ${name} instance of ${instance.image} (PID=4242)\n`);
  return 0;
}

function read(name: string): Instance | undefined {
  const file = fileOf(name);
  // Its own file: a library that judges it would take longer to load than all else that a call does.
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Instance) : undefined;
}

function fileOf(name: string): string {
  return path.join(folder, `${path.basename(name)}.instance`);
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** Herald's own environment may hold keys: a program that it starts must find none of it. */
function checkEnvironment(): void {
  const allowed = ['PATH', 'LANG', 'HOME', 'PWD', 'SHLVL', '_', 'OLDPWD', 'NODE_COMPILE_CACHE'];
  const others = Object.keys(process.env).filter((name) => !allowed.includes(name));
  if (others.length > 0) throw new Error(`the environment was handed on: ${others.join(' ')}`);
}
