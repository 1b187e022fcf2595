// The key that signs the record of approvals: made once, kept beside the data, never shown to tools.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ensureDir, writeFileAtomic } from '../../data/files.ts';
import type { Sign } from '../../data/policy/ledger.ts';
import { AppError } from '../../shared/errors.ts';

const KEY_FILE = path.join('keys', 'ledger.pem');

export interface Signer {
  sign: Sign;
  verify(hash: string, signature: string): boolean;
  /** SubjectPublicKeyInfo, PEM: what others need to prove the record. */
  publicKey: string;
}

/** Reads the key under `home`, or makes it. Throws AppError `home_unwritable`, or `config_unreadable` when the file holds no such key. */
export function openSigner(home: string): Signer {
  const file = path.join(home, KEY_FILE);
  const privateKey = readKey(file) ?? makeKey(file);
  return {
    sign: (hash) => sign(null, Buffer.from(hash, 'hex'), privateKey).toString('hex'),
    ...verifierOf(privateKey),
  };
}

/** For proving alone: makes nothing. Throws AppError `not_found` where there is no key. */
export function openVerifier(home: string): Omit<Signer, 'sign'> {
  const file = path.join(home, KEY_FILE);
  const key = readKey(file);
  if (key) return verifierOf(key);
  throw new AppError(
    'not_found',
    `${file} is not there, so the record of approvals cannot be proved. Put the file back from a backup; nothing was changed.`,
  );
}

function verifierOf(privateKey: KeyObject): Omit<Signer, 'sign'> {
  const publicKey = createPublicKey(privateKey);
  return {
    verify: (hash, signature) => verify(null, Buffer.from(hash, 'hex'), publicKey, Buffer.from(signature, 'hex')),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function readKey(file: string): KeyObject | undefined {
  if (!fs.existsSync(file)) return undefined;
  try {
    const key = createPrivateKey(fs.readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw unreadable(file);
}

function unreadable(file: string, cause?: unknown): AppError {
  return new AppError(
    'config_unreadable',
    `${file} holds no readable ed25519 key, so the record of approvals cannot be signed. Put the file back from a backup; without it, move it away: a new key is made, and older entries can be proved with the old one only.`,
    { cause },
  );
}

function makeKey(file: string): KeyObject {
  ensureDir(path.dirname(file));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileAtomic(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return privateKey;
}
