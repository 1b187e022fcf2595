// Identifiers of Matrix, https://spec.matrix.org/v1.16/appendices/#common-identifier-format, read 2026-11-21: at most 255 bytes each.
const SERVER = String.raw`(?:[A-Za-z0-9.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?`;
const MXC = new RegExp(`^mxc://(${SERVER})/([A-Za-z0-9_-]{1,255})$`);
const USER_ID = new RegExp(`^@[^\\s:]{0,250}:${SERVER}$`, 'u');

export function isUserId(text: string): boolean {
  return text.length <= 255 && USER_ID.test(text);
}

/** Since room version 12 a room's id has no server name. */
export function isRoomId(text: string): boolean {
  return /^![^\s\p{Cc}]{1,254}$/u.test(text);
}

export function isRoomAlias(text: string): boolean {
  return /^#[^\s\p{Cc}]{1,254}$/u.test(text);
}

/** Since room version 4 an event's id has no server name. */
export function isEventId(text: string): boolean {
  return /^\$[^\s\p{Cc}]{1,254}$/u.test(text);
}

/** `mxc://server/media`, the only addresses that are ever downloaded, and only through our own homeserver. */
export function readMxc(address: string): { server: string; media: string } | undefined {
  const [, server, media] = MXC.exec(address) ?? [];
  return server !== undefined && media !== undefined ? { server, media } : undefined;
}
