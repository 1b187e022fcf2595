// How a phone links a new device: by its QR code, or by a code that is typed in. Real keys and signatures throughout.
import crypto from 'node:crypto';
import {
  aesDecryptCTR,
  aesDecryptGCM,
  aesEncryptCTR,
  Curve,
  derivePairingCodeKey,
  getBinaryNodeChild,
  hkdf,
  proto,
  type BinaryNode,
} from 'baileys';
import type { DeviceBundle } from './phone.ts';

export interface NewDevice {
  noiseKey: Buffer;
  bundle: DeviceBundle;
}

/** What a registration says about the device. */
export function readRegistration(payload: proto.ClientPayload, noiseKey: Buffer): NewDevice {
  const data = payload.devicePairingData;
  if (!data?.eIdent || !data.eSkeyVal || !data.eSkeySig || !data.eSkeyId || !data.eRegid)
    throw new Error('not a registration');
  return {
    noiseKey,
    bundle: {
      registrationId: Buffer.from(data.eRegid).readUInt32BE(0),
      identity: data.eIdent,
      signedPreKey: { id: Buffer.from(data.eSkeyId).readUIntBE(0, 3), key: data.eSkeyVal, signature: data.eSkeySig },
    },
  };
}

/** Signs the device with the account's key, as the phone does once its user has agreed. */
export function makePairSuccess(
  account: { jid: string; lid: string },
  device: NewDevice,
  advSecret: Uint8Array,
): BinaryNode {
  const accountKey = Curve.generateKeyPair();
  const details = proto.ADVDeviceIdentity.encode({ rawId: 1, timestamp: 1_700_000_000, keyIndex: 1 }).finish();
  const accountSignature = Curve.sign(
    accountKey.private,
    Buffer.concat([Buffer.from([6, 0]), details, device.bundle.identity]),
  );
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: accountKey.public,
    accountSignature,
  }).finish();
  const hmac = crypto.createHmac('sha256', advSecret).update(signed).digest();
  const identity = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish();
  return {
    tag: 'iq',
    attrs: { id: 'pair-1', type: 'set', xmlns: 'md', from: '@s.whatsapp.net' },
    content: [
      {
        tag: 'pair-success',
        attrs: {},
        content: [
          { tag: 'device-identity', attrs: {}, content: Buffer.from(identity) },
          { tag: 'device', attrs: { jid: account.jid, lid: account.lid } },
          { tag: 'platform', attrs: { name: 'android' } },
        ],
      },
    ],
  };
}

/** The secret that only who has seen the QR code knows. */
export function secretOfQr(data: string): Buffer {
  return Buffer.from(data.split('#')[1]?.split(',')[3] ?? '', 'base64');
}

/** The phone's side of linking by a typed code. */
export class CodeLinking {
  readonly #ephemeral = Curve.generateKeyPair();
  readonly #identity = Curve.generateKeyPair();
  readonly #hello: BinaryNode;
  #companionEphemeral: Uint8Array = new Uint8Array();

  constructor(hello: BinaryNode) {
    this.#hello = hello;
  }

  /** What the phone sends when the code was typed. */
  async answer(code: string): Promise<BinaryNode> {
    const wrapped = bytesOf(this.#hello, 'link_code_pairing_wrapped_companion_ephemeral_pub');
    const key = await derivePairingCodeKey(code, wrapped.subarray(0, 32));
    this.#companionEphemeral = aesDecryptCTR(wrapped.subarray(48, 80), key, wrapped.subarray(32, 48));
    const salt = crypto.randomBytes(32);
    const iv = crypto.randomBytes(16);
    const sealed = aesEncryptCTR(this.#ephemeral.public, await derivePairingCodeKey(code, salt), iv);
    const part = (tag: string, content: Uint8Array): BinaryNode => ({ tag, attrs: {}, content });
    return {
      tag: 'notification',
      attrs: { id: 'code-1', type: 'link_code_companion_reg', from: '@s.whatsapp.net', t: '1700000000' },
      content: [
        {
          tag: 'link_code_companion_reg',
          attrs: { stage: 'primary_hello' },
          content: [
            part('link_code_pairing_ref', Buffer.from('CODE-REF')),
            part('primary_identity_pub', this.#identity.public),
            part('link_code_pairing_wrapped_primary_ephemeral_pub', Buffer.concat([salt, iv, sealed])),
          ],
        },
      ],
    };
  }

  /** The secret that both sides have made, from the device's last word. */
  secret(finish: BinaryNode): Buffer {
    const bundle = bytesOf(finish, 'link_code_pairing_wrapped_key_bundle');
    const companionIdentity = bytesOf(finish, 'companion_identity_public');
    const shared = Curve.sharedKey(this.#ephemeral.private, this.#companionEphemeral);
    const key = hkdf(shared, 32, {
      salt: bundle.subarray(0, 32),
      info: 'link_code_pairing_key_bundle_encryption_key',
    });
    const payload = aesDecryptGCM(bundle.subarray(44), key, bundle.subarray(32, 44), Buffer.alloc(0));
    const random = payload.subarray(64);
    const identityShared = Curve.sharedKey(this.#identity.private, companionIdentity);
    return Buffer.from(hkdf(Buffer.concat([shared, identityShared, random]), 32, { info: 'adv_secret' }));
  }
}

function bytesOf(node: BinaryNode, tag: string): Buffer {
  const child = getBinaryNodeChild(getBinaryNodeChild(node, 'link_code_companion_reg'), tag);
  if (!(child?.content instanceof Uint8Array)) throw new Error(`no ${tag}`);
  return Buffer.from(child.content);
}
