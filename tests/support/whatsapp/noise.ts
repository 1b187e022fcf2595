// The server's half of WhatsApp's transport: Noise_XX_25519_AESGCM_SHA256, then frames of three bytes of length and an encrypted node.
import crypto from 'node:crypto';
import {
  Curve,
  decodeBinaryNode,
  encodeBinaryNode,
  NOISE_MODE,
  NOISE_WA_HEADER,
  proto,
  WA_CERT_DETAILS,
  type BinaryNode,
} from 'baileys';
import type { WebSocket } from 'ws';

const root = Curve.generateKeyPair();
const intermediate = Curve.generateKeyPair();
const leaf = Curve.generateKeyPair();

/** The root of trust of all servers of this process. */
export const ROOT_KEY_HEX = Buffer.from(root.public).toString('hex');

/** The client pins the root of WhatsApp's certificates; this makes it ours. */
export function trustTestServers(publicKeyHex = ROOT_KEY_HEX): void {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(publicKeyHex, 'hex');
}

const certificate = makeCertificate();

function makeCertificate(): Buffer {
  const { Details } = proto.CertChain.NoiseCertificate;
  const middle = Details.encode({ serial: 1, issuerSerial: 0, key: intermediate.public }).finish();
  const end = Details.encode({ serial: 2, issuerSerial: 1, key: leaf.public }).finish();
  const chain = {
    intermediate: { details: middle, signature: Curve.sign(root.private, middle) },
    leaf: { details: end, signature: Curve.sign(intermediate.private, end) },
  };
  return Buffer.from(proto.CertChain.encode(chain).finish());
}

export interface Login {
  payload: proto.ClientPayload;
  /** The device's long-term key of the transport: its proof of who it is. */
  noiseKey: Buffer;
}

export interface NoiseHandlers {
  onLogin(login: Login): void;
  onNode(node: BinaryNode): void;
}

const sha256 = (data: Uint8Array) => crypto.createHash('sha256').update(data).digest();

function split(secret: Uint8Array, salt: Uint8Array): [Buffer, Buffer] {
  const out = Buffer.from(crypto.hkdfSync('sha256', secret, salt, Buffer.alloc(0), 64));
  return [out.subarray(0, 32), out.subarray(32)];
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

function seal(key: Uint8Array, counter: number, plain: Uint8Array, extra: Uint8Array): Buffer {
  const cipher = crypto.createCipheriv('aes-256-gcm', key, nonce(counter));
  cipher.setAAD(extra);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Uint8Array, counter: number, sealed: Uint8Array, extra: Uint8Array): Buffer {
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, nonce(counter));
  decipher.setAAD(extra);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

const NOTHING = Buffer.alloc(0);

export class NoiseConnection {
  readonly #socket: WebSocket;
  readonly #handlers: NoiseHandlers;
  readonly #ephemeral = Curve.generateKeyPair();
  #buffer = NOTHING;
  #sawIntro = false;
  #hash: Buffer = Buffer.from(NOISE_MODE);
  #salt: Buffer = this.#hash;
  #key: Buffer = this.#hash;
  #counter = 0;
  #transport: { read: Buffer; write: Buffer; reads: number; writes: number } | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(socket: WebSocket, handlers: NoiseHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#mixHash(NOISE_WA_HEADER);
    socket.on('message', (data: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, data]);
      this.#last = this.#last.then(() => this.#drain()).catch(() => socket.terminate());
    });
    socket.on('error', () => undefined);
  }

  send(node: BinaryNode): void {
    const transport = this.#transport;
    if (!transport || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#frame(seal(transport.write, transport.writes++, encodeBinaryNode(node), NOTHING));
  }

  /** Closes without a word. */
  drop(): void {
    this.#socket.terminate();
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  #frame(bytes: Uint8Array): void {
    const length = Buffer.alloc(3);
    length.writeUIntBE(bytes.length, 0, 3);
    this.#socket.send(Buffer.concat([length, bytes]));
  }

  async #drain(): Promise<void> {
    if (!this.#sawIntro) {
      if (this.#buffer.length < NOISE_WA_HEADER.length) return;
      this.#buffer = this.#buffer.subarray(NOISE_WA_HEADER.length);
      this.#sawIntro = true;
    }
    while (this.#buffer.length >= 3) {
      const length = this.#buffer.readUIntBE(0, 3);
      if (this.#buffer.length < length + 3) return;
      const frame = this.#buffer.subarray(3, length + 3);
      this.#buffer = this.#buffer.subarray(length + 3);
      const { transport } = { transport: this.#transport };
      if (transport)
        this.#handlers.onNode(await decodeBinaryNode(unseal(transport.read, transport.reads++, frame, NOTHING)));
      else this.#shake(frame);
    }
  }

  #shake(frame: Buffer): void {
    const { clientHello, clientFinish } = proto.HandshakeMessage.decode(frame);
    if (clientHello?.ephemeral) {
      this.#mixHash(clientHello.ephemeral);
      this.#mixHash(this.#ephemeral.public);
      this.#mixKey(Curve.sharedKey(this.#ephemeral.private, clientHello.ephemeral));
      const sealedStatic = this.#encrypt(leaf.public);
      this.#mixKey(Curve.sharedKey(leaf.private, clientHello.ephemeral));
      const serverHello = {
        ephemeral: this.#ephemeral.public,
        static: sealedStatic,
        payload: this.#encrypt(certificate),
      };
      this.#frame(proto.HandshakeMessage.encode({ serverHello }).finish());
      return;
    }
    if (!clientFinish?.static || !clientFinish.payload) throw new Error('not a handshake');
    const noiseKey = this.#decrypt(clientFinish.static);
    this.#mixKey(Curve.sharedKey(this.#ephemeral.private, noiseKey));
    const payload = proto.ClientPayload.decode(this.#decrypt(clientFinish.payload));
    const [clientWrites, clientReads] = split(NOTHING, this.#salt);
    this.#transport = { read: clientWrites, write: clientReads, reads: 0, writes: 0 };
    this.#handlers.onLogin({ payload, noiseKey });
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, data]));
  }

  #mixKey(secret: Uint8Array): void {
    [this.#salt, this.#key] = split(secret, this.#salt);
    this.#counter = 0;
  }

  #encrypt(plain: Uint8Array): Buffer {
    const sealed = seal(this.#key, this.#counter++, plain, this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  #decrypt(sealed: Uint8Array): Buffer {
    const plain = unseal(this.#key, this.#counter++, sealed, this.#hash);
    this.#mixHash(sealed);
    return plain;
  }
}
