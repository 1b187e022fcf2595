// A filter of system calls under which a process starts no other processes: a script is one process, with its threads. The system's limit
// on the number of processes does not hold for root, and counts those of the whole account elsewhere.

/** Offsets in struct seccomp_data, instructions and answers: https://docs.kernel.org/userspace-api/seccomp_filter.html (read 2026-11-21). */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const ANSWER = 0x06;
const CALL = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const NOT_PERMITTED = 0x00050001;
/** clone3 keeps its flags where a filter cannot look; libraries go back to clone. */
const NO_SUCH_CALL = 0x00050026;
const CLONE_THREAD = 0x00010000;
const CLONE3 = 435;
/** Calls of the x32 ABI have this bit; nothing uses it. */
const X32 = 0x40000000;

interface Calls {
  audit: number;
  clone: number;
  fork?: number;
  vfork?: number;
}

const CALLS: Readonly<Record<string, Calls>> = {
  x64: { audit: 0xc000003e, clone: 56, fork: 57, vfork: 58 },
  arm64: { audit: 0xc00000b7, clone: 220 },
};

/** The filter as bubblewrap reads it; undefined for processors whose calls are not known here. */
export function forkFilter(arch: string): Uint8Array | undefined {
  const calls = CALLS[arch];
  if (calls === undefined) return undefined;
  const forks = [calls.fork, calls.vfork].filter((call) => call !== undefined);
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [IF_EQUAL, 1, 0, calls.audit],
    [ANSWER, 0, 0, KILL],
    [LOAD, 0, 0, CALL],
    [IF_AT_LEAST, 0, 1, X32],
    [ANSWER, 0, 0, KILL],
    ...forks.flatMap((call): Instruction[] => [
      [IF_EQUAL, 0, 1, call],
      [ANSWER, 0, 0, NOT_PERMITTED],
    ]),
    [IF_EQUAL, 0, 1, CLONE3],
    [ANSWER, 0, 0, NO_SUCH_CALL],
    [IF_EQUAL, 0, 3, calls.clone],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [IF_ANY_BIT, 1, 0, CLONE_THREAD],
    [ANSWER, 0, 0, NOT_PERMITTED],
    [ANSWER, 0, 0, ALLOW],
  ];
  return encode(program);
}

/** Code, how many to skip when true, how many when not, operand. */
type Instruction = readonly [number, number, number, number];

/** struct sock_filter; both processors are little-endian. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, yes, no, operand], index) => {
    const at = index * 8;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(yes, at + 2);
    bytes.writeUInt8(no, at + 3);
    bytes.writeUInt32LE(operand, at + 4);
  });
  return bytes;
}
