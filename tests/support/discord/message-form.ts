// What Discord refuses in a message, and how it keeps one. https://docs.discord.com/developers/resources/message#create-message (read 2026-11-21).
import { ApiError, invalidForm, isJson, type ApiRequest, type UploadedFile } from './http.ts';
import type { Channel, FileEntry, Json } from './objects.ts';
import type { MessageDraft, World } from './world.ts';

const MAX_CHARS = 2_000;
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const VOICE = 1 << 13;
/** SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, IS_VOICE_MESSAGE, IS_COMPONENTS_V2. */
const SETTABLE_FLAGS = (1 << 2) | (1 << 12) | VOICE | (1 << 15);

/** Throws the ApiError with which Discord would answer. */
export function checkMessage({ json, files }: ApiRequest, channel: Channel, isEdit = false): void {
  const content = typeof json['content'] === 'string' ? json['content'] : '';
  if (content.length > MAX_CHARS)
    throw invalidForm('content', 'BASE_TYPE_MAX_LENGTH', `Must be ${MAX_CHARS} or fewer in length.`);
  const nonce = json['nonce'];
  if (typeof nonce === 'string' && nonce.length > 25)
    throw invalidForm('nonce', 'NONCE_TYPE_TOO_LONG', 'Nonce must be less than or equal to 25 characters.');
  for (const file of files.values())
    if (file.bytes.length > MAX_FILE_BYTES) throw new ApiError(413, 40005, 'Request entity too large');
  if (files.size > 10) throw new ApiError(400, 50035, 'Invalid Form Body');
  checkFlags(Number(json['flags'] ?? 0), json, files);
  checkComponents(json['components']);
  checkReference(json['message_reference'], channel);
  if (!isEdit && content.trim() === '' && files.size === 0)
    throw new ApiError(400, 50006, 'Cannot send an empty message');
}

function checkFlags(flags: number, json: Json, files: ReadonlyMap<string, UploadedFile>): void {
  if ((flags & ~SETTABLE_FLAGS) !== 0) throw new ApiError(400, 50035, 'Invalid Form Body');
  if ((flags & VOICE) === 0) return;
  const described = Array.isArray(json['attachments']) ? json['attachments'] : [];
  const first: unknown = described[0];
  if (json['content'] || json['components'])
    throw new ApiError(400, 50159, 'Voice messages do not support additional content.');
  if (files.size !== 1 || ![...files.values()].every((file) => file.type.startsWith('audio/')))
    throw new ApiError(400, 50160, 'Voice messages must have a single audio attachment.');
  if (!isJson(first) || typeof first['duration_secs'] !== 'number' || typeof first['waveform'] !== 'string')
    throw new ApiError(400, 50161, 'Voice messages must have supporting metadata.');
}

function checkComponents(raw: unknown): void {
  if (raw === undefined) return;
  const rows: unknown[] = Array.isArray(raw) ? raw : [];
  if (rows.length > 5) throw invalidForm('components', 'BASE_TYPE_BAD_LENGTH', 'Must be 5 or fewer in length.');
  const seen = new Set<unknown>();
  for (const row of rows) {
    const buttons: unknown[] = isJson(row) && Array.isArray(row['components']) ? row['components'] : [];
    if (buttons.length < 1 || buttons.length > 5)
      throw invalidForm('components.0.components', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 5 in length.');
    for (const button of buttons) {
      const { custom_id: id, label } = isJson(button) ? button : {};
      if (typeof id !== 'string' || id.length < 1 || id.length > 100 || typeof label !== 'string' || label.length > 80)
        throw invalidForm('components.0.components.0.custom_id', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 100.');
      if (seen.has(id))
        throw invalidForm(
          'components.0.components.0.custom_id',
          'COMPONENT_CUSTOM_ID_DUPLICATED',
          'Component custom id cannot be duplicated',
        );
      seen.add(id);
    }
  }
}

function checkReference(raw: unknown, channel: Channel): void {
  if (!isJson(raw) || raw['fail_if_not_exists'] === false) return;
  if (!channel.messages.has(String(raw['message_id'])))
    throw invalidForm('message_reference', 'REPLIES_UNKNOWN_MESSAGE', 'Unknown message');
}

export function makeDraft(world: World, json: Json, files: ReadonlyMap<string, UploadedFile>): MessageDraft {
  const nonce = json['nonce'];
  const reference = isJson(json['message_reference']) ? String(json['message_reference']['message_id']) : undefined;
  const isThere = reference !== undefined && [...world.channels.values()].some((one) => one.messages.has(reference));
  return {
    author: world.bot,
    content: typeof json['content'] === 'string' ? json['content'] : '',
    files: [...files].map(([field, file]) => keepFile(world, json, { field, file })),
    components: numberComponents(json['components']),
    flags: Number(json['flags'] ?? 0),
    nonce: typeof nonce === 'string' || typeof nonce === 'number' ? nonce : undefined,
    replyTo: isThere ? reference : undefined,
  };
}

function keepFile(world: World, json: Json, { field, file }: { field: string; file: UploadedFile }): FileEntry {
  const described: unknown[] = Array.isArray(json['attachments']) ? json['attachments'] : [];
  const about = described.find((one) => isJson(one) && field === `files[${String(one['id'])}]`);
  const fields = isJson(about) ? about : {};
  return {
    id: world.mint(),
    name: typeof fields['filename'] === 'string' ? fields['filename'] : file.name,
    type: file.type,
    bytes: file.bytes,
    ...(typeof fields['duration_secs'] === 'number' && { seconds: fields['duration_secs'] }),
    ...(typeof fields['waveform'] === 'string' && { waveform: fields['waveform'] }),
  };
}

/** Each component gets a number, as in Discord's answers. */
function numberComponents(raw: unknown): Json[] {
  let id = 0;
  const rows: unknown[] = Array.isArray(raw) ? raw : [];
  return rows.flatMap((row) => {
    if (!isJson(row)) return [];
    const buttons: unknown[] = Array.isArray(row['components']) ? row['components'] : [];
    return [
      { ...row, id: ++id, components: buttons.map((button) => ({ ...(isJson(button) ? button : {}), id: ++id })) },
    ];
  });
}
