// Between a stored message and its admission: recordings of those who may talk here become text, once. What is stored with the row
// decides, so a crash or a full disk makes nobody pay twice.
import type { ProcessDb } from '../../data/db.ts';
import type { InboxPayload, VoiceNote } from '../../data/inbox-payload.ts';
import { rewriteWaiting, type InboxRow } from '../../data/process/inbox.ts';
import type { VoiceSettings } from '../../config/voice.ts';
import { abortReason, type Clock } from '../../shared/clock.ts';
import { abortable, isTimeout, withDeadline } from '../../shared/deadline.ts';
import { asAppError } from '../../shared/errors.ts';
import type { InboxId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { AttachmentRef, StoredFile } from '../../shared/messages.ts';
import type { FileStore } from '../media/downloads.ts';
import type { Poster } from '../outbox.ts';
import type { Platforms } from '../platforms.ts';
import { audibleIn, namesUs, withVoice } from './spoken.ts';
import type { Hearing, Transcriber } from './transcription/transcriber.ts';

export interface ListenerPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  files: FileStore;
  platforms: Platforms;
  poster: Poster;
  transcriber: Transcriber;
  settings(): VoiceSettings;
  /** Older messages are not answered, so they are not heard either. */
  ttlMs: number;
  /** Whether the message is taken up as it stands, and if it named us. */
  foresee(row: InboxRow): Promise<{ now: boolean; named: boolean }>;
  /** Aborted when the process ends. */
  signal: AbortSignal;
}

export interface Listener {
  /**
   * The row with what was said in it; the same row when there is nothing to hear, or nobody who may be heard. Rejects with AppError when
   * the result cannot be stored, and with the reason of `signal`; then it may be called again.
   */
  listen(row: InboxRow): Promise<InboxRow>;
  /** An edited payload (its caption) with what was heard in the message before. */
  keepHeard(edited: InboxPayload, before: InboxPayload): InboxPayload;
}

/** A platform may just be connecting. */
const FETCH_WAITS_MS = [1_000, 4_000];
const FETCH_TIMEOUT_MS = 120_000;

export function makeListener(ports: ListenerPorts): Listener {
  /** What was heard and is not stored yet. */
  const unstored = new Map<InboxId, VoiceNote>();

  async function listen(row: InboxRow): Promise<InboxRow> {
    const recordings = recordingsIn(row);
    if (recordings.length === 0) return row;
    const access = await ports.foresee(row);
    const { names } = ports.settings();
    if (!access.named || (!access.now && names.length === 0)) return row;
    const note = unstored.get(row.id) ?? (await hearAll(row, recordings, access.now));
    // A failure is a matter between the sender and us; nobody spoke to us here, as far as we know.
    if (note.text === undefined && (note.by === 'audio' || !access.now)) return row;
    unstored.set(row.id, note);
    const isNamed = note.text !== undefined && namesUs(note.text, names);
    const heard = withVoice({ ...row.payload, addressed: row.payload.addressed || isNamed }, note, names);
    if (note.problem !== undefined && note.by === 'voice' && access.now) await tell(row, note);
    await rewriteWaiting(ports.db, row.id, heard);
    unstored.delete(row.id);
    return { ...row, payload: heard };
  }

  function recordingsIn(row: InboxRow): readonly AttachmentRef[] {
    const { transcription } = ports.settings();
    const isOld = ports.clock.now() - row.payload.sentAt > ports.ttlMs;
    if (!transcription.enabled || row.kind !== 'message' || row.payload.voice !== undefined || isOld) return [];
    const { audio_seconds: audioSeconds } = transcription;
    return audibleIn(row.payload, { isDm: row.address.kind === 'dm', audioSeconds });
  }

  async function hearAll(row: InboxRow, recordings: readonly AttachmentRef[], isShown: boolean): Promise<VoiceNote> {
    const stopTyping = isShown ? keepTyping(row) : () => undefined;
    try {
      const heard: Hearing[] = [];
      for (const ref of recordings) heard.push(await hear(row, ref));
      const texts = heard.flatMap((one) => (one.ok ? [one.text] : []));
      const problem = heard.find((one) => !one.ok);
      return {
        by: recordings.every((ref) => ref.kind === 'voice') ? 'voice' : 'audio',
        text: texts.length > 0 ? texts.join('\n') : undefined,
        problem: problem?.ok === false ? problem.message : undefined,
      };
    } finally {
      stopTyping();
    }
  }

  async function hear(row: InboxRow, ref: AttachmentRef): Promise<Hearing> {
    const refusal = await ports.transcriber.refuse(ref);
    if (refusal) return refusal;
    const file = await fetchPatiently(row, row.payload.attachments.indexOf(ref));
    if (typeof file === 'string') return { ok: false, code: 'failed', message: file };
    return ports.transcriber.transcribe({ ...file, durationMs: ref.durationMs }, ports.signal);
  }

  /** The file, or why it could not be fetched. */
  async function fetchPatiently(row: InboxRow, index: number): Promise<StoredFile | string> {
    for (let attempt = 0; ; attempt++) {
      // Asked anew each time: a platform that was just connecting may be there by now.
      const fetchOnce = (signal: AbortSignal) =>
        abortable(ports.files.fetch(row, index, ports.platforms.find(row.address), signal), signal);
      try {
        return await withDeadline({ clock: ports.clock, timeoutMs: FETCH_TIMEOUT_MS, parent: ports.signal }, fetchOnce);
      } catch (error) {
        if (ports.signal.aborted) throw abortReason(ports.signal);
        const waitMs = FETCH_WAITS_MS[attempt];
        const known = asAppError(error);
        if (waitMs === undefined || known.code === 'bad_input') {
          ports.log.warn({ err: error, inbox: row.id }, 'a recording could not be fetched');
          return `It could not be fetched: ${isTimeout(error) ? 'the platform was too slow' : known.publicMessage}.`;
        }
        await ports.clock.sleep(waitMs, ports.signal);
      }
    }
  }

  async function tell(row: InboxRow, note: VoiceNote): Promise<void> {
    const what =
      note.text === undefined ? 'I could not turn your voice message into text.' : 'I could hear only a part.';
    await ports.poster.post(row.address, `${what} ${note.problem ?? ''} The recording is kept.`, {
      key: `v${row.id}`,
      kind: 'notice',
    });
  }

  function keepTyping(row: InboxRow): () => void {
    const adapter = ports.platforms.find(row.address);
    const { ttlMs } = adapter?.capabilities(row.address).typing ?? { ttlMs: 0 };
    if (!adapter?.typing || ttlMs <= 0) return () => undefined;
    let cancel = () => {};
    const beat = () => {
      void adapter.typing?.(row.address).catch(() => undefined);
      cancel = ports.clock.after(ttlMs * 0.8, beat);
    };
    beat();
    return () => cancel();
  }

  return {
    listen,
    keepHeard: (edited, before) =>
      before.voice === undefined ? edited : withVoice(edited, before.voice, ports.settings().names),
  };
}
