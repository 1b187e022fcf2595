// Keys of phones and devices. They are made and signed once for each name, in JavaScript, which takes longer than all else at the start of
// a server; every server has phones of the same names.
import { BufferJSON, initAuthCreds, type AuthenticationCreds } from 'baileys';

const made = new Map<string, string>();

/** What the device of that name has before it is linked: the same keys each time, in a copy that is the caller's own. */
export function newCreds(name: string): AuthenticationCreds {
  const kept = made.get(name) ?? JSON.stringify(initAuthCreds(), BufferJSON.replacer);
  made.set(name, kept);
  return JSON.parse(kept, BufferJSON.reviver) as AuthenticationCreds;
}
