// Answers to the queries (iq stanzas) of a linked device.
import { getBinaryNodeChild, getBinaryNodeChildren, type BinaryNode } from 'baileys';
import { MEDIA_HOST, UPLOAD_AUTH } from './media.ts';
import type { Phone } from './phone.ts';

export interface QueryWorld {
  /** The account's own phone. */
  owner: Phone;
  people: readonly Phone[];
  groups: ReadonlyMap<string, { subject: string; members: readonly Phone[] }>;
}

/** The children of the result; 'none' for no child, a number for an error. */
export async function answerQuery(node: BinaryNode, world: QueryWorld): Promise<BinaryNode[] | number> {
  const child = Array.isArray(node.content) ? node.content[0] : undefined;
  const { xmlns = '', to = '' } = node.attrs;
  if (xmlns === 'encrypt' && child?.tag === 'count') return [{ tag: 'count', attrs: { value: '500' } }];
  if (xmlns === 'encrypt' && child?.tag === 'digest') return [{ tag: 'digest', attrs: {} }];
  if (xmlns === 'encrypt' && child?.tag === 'key')
    return [{ tag: 'list', attrs: {}, content: await bundles(child, world) }];
  if (xmlns === 'usync' && child) return [usync(child, world)];
  if (xmlns === 'w:m') {
    const host = { tag: 'host', attrs: { hostname: MEDIA_HOST, maxContentLengthBytes: '100000000' } };
    return [{ tag: 'media_conn', attrs: { auth: UPLOAD_AUTH, ttl: '3600' }, content: [host] }];
  }
  if (xmlns === 'w:g2' && child?.tag === 'query') return groupInfo(to, world);
  return [];
}

function phoneOf(jid: string, { owner, people }: QueryWorld): Phone | undefined {
  return [owner, ...people].find((phone) => phone.is(jid));
}

async function bundles(child: BinaryNode, world: QueryWorld): Promise<BinaryNode[]> {
  const nodes: BinaryNode[] = [];
  for (const { attrs } of getBinaryNodeChildren(child, 'user')) {
    const jid = attrs['jid'] ?? '';
    const phone = phoneOf(jid, world);
    if (phone) nodes.push(await phone.bundleNode(jid));
  }
  return nodes;
}

function usync(node: BinaryNode, world: QueryWorld): BinaryNode {
  const asked = getBinaryNodeChild(node, 'query');
  const users = getBinaryNodeChildren(getBinaryNodeChild(node, 'list'), 'user').map(({ attrs }): BinaryNode => {
    const jid = attrs['jid'] ?? '';
    const phone = phoneOf(jid, world);
    const content: BinaryNode[] = [];
    if (phone && getBinaryNodeChild(asked, 'devices')) {
      const devices: BinaryNode[] = [{ tag: 'device', attrs: { id: '0' } }];
      if (phone === world.owner) devices.push({ tag: 'device', attrs: { id: '1', 'key-index': '1' } });
      content.push({ tag: 'devices', attrs: {}, content: [{ tag: 'device-list', attrs: {}, content: devices }] });
    }
    if (phone && getBinaryNodeChild(asked, 'lid') && !jid.endsWith('@lid') && phone.tellsOther)
      content.push({ tag: 'lid', attrs: { val: phone.lidJid } });
    return { tag: 'user', attrs: { jid }, content };
  });
  const list = { tag: 'list', attrs: {}, content: users };
  return { tag: 'usync', attrs: {}, content: [{ tag: 'result', attrs: {} }, list] };
}

function groupInfo(jid: string, world: QueryWorld): BinaryNode[] | number {
  const group = world.groups.get(jid);
  if (!group) return 404;
  const participants = [world.owner, ...group.members].map((phone) => ({
    tag: 'participant',
    attrs: { jid: phone.lidJid, phone_number: phone.jid },
  }));
  const attrs = {
    id: jid.replace('@g.us', ''),
    subject: group.subject,
    addressing_mode: 'lid',
    creation: '1700000000',
    s_t: '1700000000',
  };
  return [{ tag: 'group', attrs, content: participants }];
}
